"""IATI out: own books as three hierarchies, and what others published as it came in."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from mfm.core.errors import Invalid
from mfm.core.masks import pseudonym
from mfm.core.parties import Party
from mfm.core.permissions import Actor
from mfm.core.record import parse
from mfm.formats.iati_elements import legal
from mfm.formats.iati_write import validate
from mfm.store import database, exports
from tests.app.exporting import activities, by_type, exported, sums
from tests.app.importing import DATA, Imports, activity, fresh, published, said
from tests.app.playing import accepted, sound
from tests.conftest import Database
from tests.formats.test_iati_generated import ACTIVITIES, Activities, written
from tests.support import CHAIN, Books, usd

pytestmark = pytest.mark.anyio
SCHEMAS = DATA / "iati-standard"
needs_schemas = pytest.mark.skipif(not SCHEMAS.is_dir(), reason=f"no IATI schemas in {SCHEMAS}")
REAL = (
    "women-and-peace-orgs.xml",
    "actionaid-uk-power.xml",
    "foodsecurity/valid-2.03.xml",
    "foodsecurity/dportal.xml",
)
needs_real = pytest.mark.skipif(
    not (DATA / "iati-real").is_dir(), reason=f"no published files in {DATA}"
)
G, N = "XM-DAC-7-g", "XM-DAC-7-n"
_ON = {"effective_on": "2026-03-02"}


def valid(xml: bytes, folder: Path) -> None:
    """Hold a file against the schema, where there is one."""
    if SCHEMAS.is_dir():
        path = folder / "written.xml"
        path.write_bytes(xml)
        validate(path, SCHEMAS)


async def known_steward(books: Books) -> None:
    """Give the steward the identifier that a publisher has."""
    await accepted(
        books, "party.register", id="agent", name="Agent", identifier="XM-DAC-7", kind="40"
    )


async def play(books: Books) -> None:
    """Play the worked example, kept by an organisation that could publish it."""
    await accepted(books, "tests.permit")
    await known_steward(books)
    for verb, fields in (
        ("party.register", {"id": "donor", "name": "Donor", "kind": "10"}),
        ("party.register", {"id": "group", "name": "Women's group", "kind": "22"}),
    ):
        await accepted(books, verb, **fields)
    for verb, key, fields in CHAIN[4:]:
        await accepted(books, verb, key, **fields)


def described(element: Any) -> list[tuple[str, ...]]:  # noqa: ANN401  # lxml has no types
    """Return an activity's transactions: type, value, giver's and receiver's activity, channel."""
    found = []
    for one in element.findall("transaction"):
        provider, receiver = one.find("provider-org"), one.find("receiver-org")
        found.append(
            (
                one.find("transaction-type").get("code"),
                one.findtext("value"),
                provider.get("provider-activity-id") or provider.findtext("narrative"),
                receiver.get("receiver-activity-id") or receiver.findtext("narrative"),
            )
        )
    return found


# Own books ----------------------------------------------------------------------------------------


async def test_the_worked_example_is_a_fund_an_allocation_and_a_grant(
    books: Books, tmp_path: Path
) -> None:
    await play(books)
    xml, done = await exported(books)
    valid(xml, tmp_path)
    found = activities(xml)
    assert {name: each.get("hierarchy") for name, each in found.items()} == {
        G: "1",
        f"{G}:allocation:ag": "2",
        N: "1",
        f"{N}:allocation:an": "2",
        f"{N}:grant:w": "3",
    }
    assert described(found[G]) == [
        ("13", "1200000.00", "Donor", G),
        ("11", "1000000.00", "Donor", G),
        ("13", "-1000000.00", "Donor", G),
        ("13", "-200000.00", "Donor", G),
        ("1", "990000.00", "Donor", G),
        ("4", "9900.00", G, G),
        ("2", "535000.00", G, N),
        ("3", "535000.00", G, N),
    ]
    assert described(found[N]) == [
        ("11", "535000.00", G, N),
        ("1", "535000.00", G, N),
        ("2", "107000.00", N, f"{N}:grant:w"),
        ("3", "42800.00", N, f"{N}:grant:w"),
        ("3", "-3210.00", N, f"{N}:grant:w"),
        ("2", "-64200.00", N, f"{N}:grant:w"),
    ]
    assert done.activities == 5
    assert done.transactions == 14
    assert {each.code for each in done.findings} == {"giver-activity-unknown"}
    await sound(books)


async def test_hierarchies_are_joined_and_say_who_and_how_much(books: Books) -> None:
    await play(books)
    found = activities((await exported(books))[0])

    def related(name: str) -> set[tuple[str, str]]:
        return {(e.get("type"), e.get("ref")) for e in found[name].findall("related-activity")}

    assert related(G) == {("2", N), ("2", f"{G}:allocation:ag")}
    assert related(N) == {("1", G), ("2", f"{N}:allocation:an")}
    assert related(f"{N}:allocation:an") == {("1", N), ("2", f"{N}:grant:w")}
    assert related(f"{N}:grant:w") == {("1", f"{N}:allocation:an")}

    def roles(name: str) -> list[tuple[str, str]]:
        orgs = found[name].findall("participating-org")
        return [(e.get("role"), e.get("activity-id") or e.findtext("narrative")) for e in orgs]

    assert roles(G) == [("1", "Donor"), ("2", G), ("3", G)]
    assert roles(f"{G}:allocation:ag") == [("1", "Donor"), ("2", G), ("3", G)]
    assert roles(f"{N}:grant:w") == [("1", N), ("2", N), ("3", N), ("4", "Women's group")]

    budgets = {
        name: [(b.get("type"), b.findtext("value")) for b in each.findall("budget")]
        for name, each in found.items()
        if each.find("budget") is not None
    }
    # Of the national envelope 3,210 were refunded and 64,200 released again.
    assert budgets == {
        f"{G}:allocation:ag": [("1", "535000.00")],
        f"{N}:allocation:an": [("2", "39590.00")],
    }
    planned = [b.findtext("value") for b in found[f"{N}:grant:w"].findall("planned-disbursement")]
    assert planned == ["42800.00"]  # the other tranches were de-obligated
    for each in found.values():
        assert each.find("reporting-org").get("ref") == "XM-DAC-7"
        assert sum(Decimal(s.get("percentage")) for s in each.findall("sector")) == 100
    assert [each.find("activity-status").get("code") for each in found.values()] == [
        *("2", "2", "2", "2"),
        "4",
    ]


async def test_totals_are_the_ledgers(books: Books, tmp_path: Path) -> None:
    await play(books)
    await accepted(books, "record.reverse", record=9)  # the lapse of the pledge
    xml, _ = await exported(books)
    ledger = await Imports(books, tmp_path).totals()
    funds = {"g": G, "n": N}
    assert by_type(xml) == {
        (funds[fund], kind, currency): total for (fund, kind, currency), total in ledger.items()
    }
    # What was taken back is not published, and nor is what took it back.
    assert ("13", "-200000.00", "Donor", G) not in described(activities(xml)[G])


async def test_an_export_of_the_same_books_is_the_same_file(books: Books) -> None:
    await play(books)
    first, _ = await exported(books)
    assert (await exported(books))[0] == first
    refs = {
        each.get("ref"): each.findtext("value") for each in activities(first)[N].iter("transaction")
    }
    assert len(refs) == 6
    await accepted(books, "allocation.approve", id="more", fund="n", amount=usd("5.00"), **_ON)
    again, _ = await exported(books)
    assert again != first
    later = activities(again)[N].iter("transaction")
    assert {each.get("ref"): each.findtext("value") for each in later} == refs


async def test_one_fund_is_exported_alone(books: Books, tmp_path: Path) -> None:
    await play(books)
    xml, _ = await exported(books, "n")
    valid(xml, tmp_path)
    assert set(activities(xml)) == {N, f"{N}:allocation:an", f"{N}:grant:w"}
    bound = Actor("agent", "preparer", "k", "n")
    assert (await exported(books, actor=bound))[0] == xml
    with pytest.raises(Invalid, match="fund n"):
        await exported(books, "g", bound)
    with pytest.raises(Invalid) as raised:
        await exported(books, "nothing")
    assert raised.value.code == "not-found"
    with pytest.raises(Invalid) as raised:
        await exported(books, actor=Actor("group", "grantee", "k"))
    assert raised.value.code == "role-not-allowed"


async def test_nothing_is_no_file(books: Books) -> None:
    with pytest.raises(Invalid) as raised:
        await exported(books)
    assert raised.value.code == "export-empty"
    await known_steward(books)
    with pytest.raises(Invalid) as raised:
        await exported(books)
    assert raised.value.code == "export-empty"


async def test_terms_are_published(books: Books, tmp_path: Path) -> None:
    await play(books)
    day = _ON
    await accepted(
        books,
        "allocation.approve",
        id="wide",
        fund="n",
        amount=usd("900.00"),
        earmark={"place": ["KE-30", "SO"], "theme": ["15170", "15180", "15220"]},
        **day,
    )
    await accepted(
        books,
        "commitment.sign",
        id="term",
        from_fund="n",
        to_party="group",
        amount=usd("900.00"),
        allocation="wide",
        activity="KE-NGO-1-report",
        tranches=[{"amount": usd("900.00"), "due_on": "2026-06-30"}],
        starts_on="2026-04-01",
        ends_on="2027-03-31",
        conditions=[{"id": "k", "title": "An audit", "type": "fiduciary"}],
        **day,
    )
    await accepted(
        books,
        "commitment.classify",
        commitment="term",
        scheme="un-gem",
        score="3",
        reason="all of it",
    )
    xml, _ = await exported(books, "n")
    valid(xml, tmp_path)
    found = activities(xml)
    grant = found[f"{N}:grant:term"]
    shares = [(e.get("code"), e.get("percentage")) for e in grant.findall("sector")]
    assert shares == [("15170", "33.34"), ("15180", "33.33"), ("15220", "33.33")]
    places = [(e.get("code"), e.get("percentage")) for e in grant.findall("recipient-country")]
    assert places == [("KE", "50.00"), ("SO", "50.00")]
    dates = [(e.get("type"), e.get("iso-date")) for e in grant.findall("activity-date")]
    assert dates == [("1", "2026-04-01"), ("2", "2026-03-02"), ("3", "2027-03-31")]
    markers = [
        (e.get("vocabulary"), e.get("code"), e.get("significance"), e.get("vocabulary-uri"))
        for e in grant.findall("policy-marker")
    ]
    assert markers == [("1", "1", "2", None), ("99", "un-gem", "3", "urn:mfm:marker:un-gem")]
    conditions = grant.find("conditions")
    assert conditions.get("attached") == "1"
    assert [(e.get("type"), e.findtext("narrative")) for e in conditions] == [("3", "An audit")]
    (planned,) = grant.findall("planned-disbursement")
    assert planned.find("period-start").get("iso-date") == "2026-06-30"
    assert grant.findall("participating-org")[-1].get("activity-id") == "KE-NGO-1-report"
    # The fund's sectors are its allocations', by their amounts.
    fund = found[N].findall("sector")
    assert {e.get("code") for e in fund} == {"15170", "15180", "15220", "99810"}
    assert sum(Decimal(e.get("percentage")) for e in fund) == 100


async def test_a_giver_names_its_own_activity(books: Books) -> None:
    await play(books)
    told = {"id": "c2", "from_party": "donor", "to_fund": "g", "amount": usd("10.00")}
    await accepted(books, "commitment.sign", activity="SE-0-77", **told, **_ON)
    await accepted(books, "deposit.receive", commitment="c2", amount=usd("10.00"), **_ON)
    found = activities((await exported(books))[0])[G]
    assert described(found)[-2:] == [("11", "10.00", "SE-0-77", G), ("1", "10.00", "SE-0-77", G)]


async def test_a_value_is_dated_by_its_rate(books: Books) -> None:
    await play(books)
    told = {"id": "c2", "from_party": "donor", "to_fund": "g", "amount": usd("220.00")}
    await accepted(books, "commitment.sign", **told, **_ON)
    rate = {
        "base": "EUR",
        "quote": "USD",
        "rated_on": "2026-03-01",
        "rate": "1.10",
        "source": "ecb",
    }
    await accepted(books, "rate.record", **rate)
    money = {"amount": {"amount": "200.00", "currency": "EUR"}, "rate_on": "2026-03-01"}
    await accepted(books, "deposit.receive", commitment="c2", rate_source="ecb", **money, **_ON)
    one = activities((await exported(books))[0])[G].findall("transaction")[-1]
    assert one.find("transaction-date").get("iso-date") == "2026-03-02"
    assert one.find("value").attrib == {"currency": "USD", "value-date": "2026-03-01"}
    assert one.findtext("description/narrative").startswith("200.00 EUR at 1.10")


# At risk ------------------------------------------------------------------------------------------


async def masks(books: Books) -> dict[str, str]:
    engine = database.reader_engine(books.url, books.mechanism.id)
    async with engine.connect() as connection:
        found = await exports.at_risk(connection)
    await engine.dispose()
    return {each.id: each.mask for each in found}


async def test_who_is_at_risk_has_a_stable_pseudonym(books: Books, tmp_path: Path) -> None:
    await play(books)
    plain, _ = await exported(books)
    made = await accepted(books, "party.set-risk", party="group", at_risk=True)
    assert b"reason" not in made.content
    xml, _ = await exported(books)
    valid(xml, tmp_path)
    mask = (await masks(books))["group"]
    assert len(mask) == 32
    grant = f"{N}:grant:{pseudonym(mask, 'grant', 'w')}"
    assert grant in activities(xml)
    for told in ("Women", "group", mask, f"{N}:grant:w"):
        assert told.encode() not in xml
    assert f"Organisation at risk {pseudonym(mask)}".encode() in xml
    # The totals by counterparty are the same, under another name.
    assert sorted(sums(xml).values()) == sorted(sums(plain).values())
    # No approver undoes it by the back door.
    back = await books.do("record.reverse", record=parse(made.content)[0].seq)
    assert b"record-final" in back.content
    # Off and on again, it is who it was.
    again = await books.do("party.set-risk", party="group", at_risk=True)
    assert not again.accepted
    await accepted(books, "party.set-risk", party="group", at_risk=False)
    assert b"Women" in (await exported(books))[0]
    await accepted(books, "party.set-risk", party="group")
    assert (await masks(books))["group"] == mask
    await sound(books)


async def test_a_party_may_be_registered_at_risk(books: Books) -> None:
    await accepted(books, "party.register", id="a", name="A", at_risk=True)
    await accepted(books, "party.register", id="b", name="A", at_risk=True)
    found = await masks(books)
    assert len(set(found.values())) == 2
    assert pseudonym(found["a"]) != pseudonym(found["b"])
    made = await books.do("record.reverse", record=1)
    assert made.accepted
    await sound(books)


async def test_what_others_say_of_a_party_at_risk_is_redacted(books: Books, tmp_path: Path) -> None:
    sides = (
        '<provider-org ref="SE-0"><narrative>Sida</narrative></provider-org>'
        '<receiver-org ref="KE-NGO-7" receiver-activity-id="KE-NGO-7-A1">'
        "<narrative>Weavers</narrative></receiver-org>"
    )
    head = (
        "<title><narrative>Support to Weavers</narrative></title>"
        '<participating-org ref="KE-NGO-7" role="4"><narrative>Weavers</narrative>'
        "</participating-org>"
        '<related-activity ref="KE-NGO-7-A1" type="5"/>'
    )
    one = said(text="Paid to WEAVERS in Nairobi").replace(
        "</description>", f"</description>{sides}"
    )
    await Imports(books, tmp_path).bring(published(activity(one, said(text="Rent"), head=head)))
    engine = database.reader_engine(books.url, books.mechanism.id)
    async with engine.connect() as connection:
        (party,) = await exports.named(connection, Party, ["KE-NGO-7"], "identifier")
    await engine.dispose()
    plain, _ = await exported(books)
    await accepted(books, "party.set-risk", party=party.id)
    xml, done = await exported(books)
    valid(xml, tmp_path)
    for told in (b"eavers", b"WEAVERS", b"KE-NGO-7"):
        assert told in plain
        assert told not in xml
    assert b"Rent" in xml
    assert sorted(sums(xml).values()) == sorted(sums(plain).values())
    redacted = next(each for each in done.findings if each.code == "redacted")
    assert redacted.count == 6


# Reported books -----------------------------------------------------------------------------------


@needs_real
@pytest.mark.parametrize("name", REAL)
async def test_a_real_file_goes_out_as_it_came_in(books: Books, tmp_path: Path, name: str) -> None:
    came = DATA / "iati-real" / name
    await Imports(books, tmp_path).bring(came)
    xml, _ = await exported(books)
    valid(xml, tmp_path)
    assert sums(xml) == sums(came.read_bytes())


@needs_real
async def test_what_went_out_comes_in_as_what_it_was(books: Books, tmp_path: Path) -> None:
    """Nothing that an import reads is lost on the way out: importing the export changes nothing."""
    imports = Imports(books, tmp_path)
    await imports.bring(DATA / "iati-real" / REAL[1])
    before = await imports.state()
    xml, _ = await exported(books)
    await imports.bring(xml)
    after = await imports.state()
    for kind in ("transactions", "balances", "parties", "funds"):
        assert after[kind] == before[kind], kind


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=ACTIVITIES)
async def test_whatever_was_published_its_totals_go_out(
    db: Database, tmp_path: Path, told: Activities
) -> None:
    async with fresh(db.app_url, tmp_path) as imports:
        made = await imports.bring(written(told))
        if not made.activities:
            return
        xml, done = await exported(imports.books)
        valid(xml, tmp_path)
        assert by_type(xml) == await imports.totals()
        assert (done.activities, done.transactions) == (made.activities, made.transactions)


async def test_any_name_is_published_as_text(books: Books, tmp_path: Path) -> None:
    name = "\x01]]>&<\u202e\ufffe\U0001f54a '\""
    await known_steward(books)
    await accepted(books, "party.register", id="d", name=name)
    told = {"tier": "local", "currency": "JPY", "steward": "d"}
    await accepted(books, "fund.open", id="f", name=name, **told)
    xml, _ = await exported(books)
    valid(xml, tmp_path)
    (fund,) = activities(xml).values()
    assert fund.findtext("title/narrative") == legal(name)
    assert fund.findtext("reporting-org/narrative") == legal(name)


async def test_readers_see_no_other_free_text(books: Books, tmp_path: Path) -> None:
    """What somebody has published is open; what people wrote here is not."""
    await play(books)
    made = await accepted(books, "party.set-risk", party="group", reason="threatened")
    await Imports(books, tmp_path).bring(published(activity(said(text="Rent"))))
    connection = await database.connect(books.url, "mfm_reader", books.mechanism.id)
    texts = dict(await connection.fetch("SELECT seq, published_text(seq) FROM record ORDER BY 1"))
    await connection.close()
    assert texts[made.seq] is None
    assert [text for text in texts.values() if text] == ['{"description":[{"text":"Rent"}]}']
    other = await database.connect(books.url, "mfm_reader", 1)
    for seq in texts:
        assert await other.fetchval("SELECT published_text($1)", seq) is None
    await other.close()


async def test_only_what_stands_goes_out(books: Books, tmp_path: Path) -> None:
    imports = Imports(books, tmp_path)
    await imports.bring(
        published(activity(said(value="1.00", ref="a"), said(value="2.00", ref="b")))
    )
    newer = published(activity(said(value="3.00", ref="a"), said("4", value="0.00", ref="z")))
    await imports.bring(newer)
    xml, _ = await exported(books)
    assert sums(xml) == sums(newer)
    assert by_type(xml) == await imports.totals()


async def test_an_activity_that_is_ours_is_told_by_our_books(books: Books, tmp_path: Path) -> None:
    await play(books)
    ours = published(activity(said(value="7.00"), identifier=G))
    await Imports(books, tmp_path).bring(ours)
    xml, done = await exported(books)
    assert "own-activity" in {each.code for each in done.findings}
    assert len(activities(xml)) == 5
    ((book,),) = await Imports(books, tmp_path).rows(
        "SELECT id FROM fund WHERE mechanism_id = $1 AND reported"
    )
    alone, _ = await exported(books, book)
    assert sums(alone) == sums(ours)


async def test_what_is_said_at_length_goes_out_too(books: Books, tmp_path: Path) -> None:
    """What is too much for a record is a blob, and goes out as what is not."""
    many = "".join(f'<sector vocabulary="99" code="{n:05}-{"x" * 40}"/>' for n in range(300))
    came = published(activity(said(rest=many, text="L")))
    await Imports(books, tmp_path).bring(came)
    xml, _ = await exported(books)
    (one,) = activities(xml)["X-1"].findall("transaction")
    assert len(one.findall("sector")) == 300
    assert sums(xml) == sums(came)
