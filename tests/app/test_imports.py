"""Imports: what stands in the books is what the file says, and what is odd is found."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from mfm.app.imports import Imported, import_iati
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.record import Body, parse
from mfm.core.reported import POSTINGS, UNKNOWN, book_id
from tests.app.importing import DATA, Imports, activity, fresh, published, said
from tests.conftest import Database
from tests.formats.iati_sums import sums_of
from tests.formats.test_iati_generated import ACTIVITIES, Activities, written
from tests.support import Books, usd

pytestmark = pytest.mark.anyio

REAL = (
    "women-and-peace-orgs.xml",
    "actionaid-uk-power.xml",
    "foodsecurity/valid-2.03.xml",
    "foodsecurity/dportal.xml",
)
SCHEMA_TESTS = DATA / "iati-standard/schema-tests"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files in {DATA}")


@pytest.fixture
def imports(books: Books, tmp_path: Path) -> Imports:
    return Imports(books, tmp_path)


def codes(made: Imported) -> list[str]:
    return [finding.code for finding in made.findings]


async def bodies(imports: Imports, verb: str) -> list[Body]:
    rows = await imports.rows(
        "SELECT content FROM record WHERE mechanism_id = $1 AND verb = $2 ORDER BY seq", verb
    )
    return [parse(row[0])[1] for row in rows]


OURS = {"donor": "p", "amount": usd("1.00")}
GRANT = {"amount": usd("1.00"), "allocation": "x"}
# Verb, the field that names the fund, and what else it takes.
VERBS_OF_OURS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("fund.open", "parent", {"name": "F", "tier": "local", "currency": "EUR", "steward": "p"}),
    ("fund.set-period", "fund", {"open_from": "2020-01-01"}),
    ("fund.set-disbursing", "fund", {"review": True}),
    (
        "fund.open-balances",
        "fund",
        {"lines": 2 * [{"account": "1100"}], "effective_on": "2020-01-01"},
    ),
    ("account.open", "fund", {"code": "5600-10", "name": "Travel"}),
    ("period.close", "fund", {"last_day": "2020-12-31"}),
    ("pledge.announce", "fund", OURS),
    ("commitment.sign", "to_fund", {"from_party": "p", "amount": usd("1.00")}),
    ("commitment.sign", "from_fund", {"to_party": "p", **GRANT}),
    ("commitment.sign", "to_fund", {"from_fund": "ours", **GRANT}),
    ("unidentified-receipt.record", "fund", {"amount": usd("1.00")}),
    ("interest.earn", "fund", {"amount": usd("1.00")}),
    ("in-kind.record", "fund", {"donor": "p", "hours": "1", "hour": usd("1.00")}),
    ("cost.pay", "fund", {"kind": "direct", "amount": usd("1.00")}),
    ("allocation.approve", "fund", {"amount": usd("1.00")}),
    ("fund.convert", "fund", {"sold": usd("1.00"), "bought": usd("1.00"), "bought_to": "b"}),
    ("fund.revalue", "fund", {"rate_on": "2020-01-01"}),
    ("board.set", "fund", {}),
    ("board.seat", "fund", {"party": "p", "constituency": "donor"}),
    ("motion.propose", "fund", {"amount": usd("1.00")}),
    ("entry.post", "fund", {"lines": 2 * [{"account": "5700"}]}),
)


async def test_no_other_verb_writes_in_imported_books(imports: Imports) -> None:
    await imports.bring(published(activity(said())))
    await imports.books.do("party.register", id="p", name="P")
    told = {"name": "Ours", "tier": "local", "currency": "USD", "steward": "p"}
    await imports.books.do("fund.open", id="ours", **told)
    before = await imports.state()
    for verb, field, more in VERBS_OF_OURS:
        with pytest.raises(Invalid, match="fund-reported") as refused:
            await imports.books.do(verb, **{field: book_id("X-1")}, **more)
        assert refused.value.pointer == f"/{field}", verb
    assert await imports.state() == before


@needs_data
@pytest.mark.parametrize("name", REAL)
async def test_a_real_files_totals_are_the_xmls_own(imports: Imports, name: str) -> None:
    path = DATA / "iati-real" / name
    made = await imports.bring(path)
    assert await imports.totals() == sums_of(path.read_bytes())
    assert made.transactions == sum(count for _, count in (await imports.totals()).values())
    before = await imports.state()
    again = await imports.bring(path)
    assert again.records == 0
    assert msgspec.structs.replace(again, records=made.records) == made
    assert await imports.state() == before


@needs_data
async def test_files_that_report_the_same_activities_are_one_anothers_versions(
    imports: Imports,
) -> None:
    first, second = (
        DATA / "iati-real/foodsecurity" / name for name in ("valid-2.03.xml", "dportal.xml")
    )
    await imports.bring(first)
    await imports.bring(second)
    assert await imports.totals() == sums_of(second.read_bytes())
    await imports.bring(first)
    assert await imports.totals() == sums_of(first.read_bytes())


@pytest.mark.skipif(not SCHEMA_TESTS.is_dir(), reason=f"no schema tests in {SCHEMA_TESTS}")
async def test_every_schema_test_is_imported_or_refused_clearly(imports: Imports) -> None:
    taken = 0
    for path in sorted(SCHEMA_TESTS.rglob("*.xml")):
        with suppress(Invalid):
            await imports.bring(path)
            taken += 1
    assert taken > 100


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(activities=ACTIVITIES)
async def test_whatever_is_said_totals_are_the_standard_librarys(
    db: Database, tmp_path: Path, activities: Activities
) -> None:
    xml = written(activities)
    async with fresh(db.app_url, tmp_path) as imports:
        made = await imports.bring(xml)
        assert await imports.totals() == sums_of(xml)
        told = sum(len(transactions) for _, _, transactions in activities)
        assert made.transactions + len(made.refused) == told
        assert (await imports.bring(xml)).records == 0


@pytest.mark.parametrize("kind", [*POSTINGS, "14", "D"])
async def test_every_type_of_either_sign_has_its_posting(imports: Imports, kind: str) -> None:
    await imports.bring(published(activity(said(kind, "7.00"), said(kind, "-2.00"))))
    debit, credit = POSTINGS.get(kind, UNKNOWN)
    rows = await imports.rows(
        "SELECT d.code, c.code, amount_minor, iati_type, iati_sign FROM posting p"
        " JOIN account d ON (d.mechanism_id, d.account_id) = (p.mechanism_id, debit_id)"
        " JOIN account c ON (c.mechanism_id, c.account_id) = (p.mechanism_id, credit_id)"
        " WHERE p.mechanism_id = $1 ORDER BY p.seq"
    )
    assert rows == [(debit, credit, 700, kind, 1), (credit, debit, 200, kind, -1)]


async def test_what_cannot_be_taken_is_refused_with_its_place(imports: Imports) -> None:
    made = await imports.bring(
        published(
            activity(
                said(""),
                said(value=""),
                said(value="1e3"),
                said(on=""),
                said(),
                said(currency="E" * 101),
                said("3" * 101),
                currency="EUR",
            ),
            activity(said(), identifier=""),
            activity(said(), identifier="X-2", currency=""),
            activity(said(), identifier="X" * 501),
        )
    )
    assert [(row.activity[:3], row.ordinal, row.line, row.code) for row in made.refused] == [
        ("X-1", 1, 2, "type-missing"),
        ("X-1", 2, 2, "value-missing"),
        ("X-1", 3, 2, "value-malformed"),
        ("X-1", 4, 2, "date-missing"),
        ("X-1", 6, 2, "currency-too-long"),
        ("X-1", 7, 2, "type-too-long"),
        ("", 1, 3, "identifier-missing"),
        ("X-2", 1, 4, "currency-missing"),
        ("XXX", 1, 5, "identifier-too-long"),
    ]
    assert (made.activities, made.transactions) == (2, 1)
    assert codes(made).count("identifier-missing") == 1
    assert await imports.totals() == {("X-1", "3", "EUR"): (100, 1)}


async def test_what_is_odd_is_taken_and_found(imports: Imports) -> None:
    made = await imports.bring(
        published(
            activity(
                said("2", "50.00"),
                said("3", "80.00"),
                said("1", "0.00"),
                said("3", "1.005"),
                said("99", "1.00"),
                said("12", "5.00", on="", rest='<x value-date="2020-01-05"/>').replace(
                    "<value>", '<value value-date="2020-01-05">'
                ),
            ),
            activity(said("1", "10.00", currency="QQQ")),
        )
    )
    assert made.refused == []
    assert sorted(codes(made)) == [
        "activity-repeated",
        "date-missing",
        "disbursed-more-than-committed",
        "disbursed-more-than-received",
        "excess-precision",
        "unknown-currency",
        "unknown-transaction-type",
        "zero-value",
    ]
    short = next(f for f in made.findings if f.code == "disbursed-more-than-received")
    assert (short.ref, short.line) == ("X-1", 2)
    assert "81.00 EUR" in short.detail
    assert (await imports.totals())["X-1", "1", "EUR"] == (0, 1)


async def test_the_elements_of_one_activity_are_taken_together(imports: Imports) -> None:
    twice = published(activity(said()), activity(said(), said("1")))
    made = await imports.bring(twice)
    assert (made.activities, made.transactions) == (1, 3)
    assert await imports.totals() == sums_of(twice)
    assert (await imports.bring(twice)).records == 0
    ((content,),) = await imports.rows(
        "SELECT b.content FROM reported_activity a JOIN blob b ON b.mechanism_id = a.mechanism_id"
        " AND b.sha256 = decode(a.content, 'hex') WHERE a.mechanism_id = $1"
    )
    assert len(msgspec.json.decode(content)) == 2


async def test_a_value_that_the_ledger_cannot_count_is_refused(imports: Imports) -> None:
    most = "92233720368547758.07"
    xml = published(
        activity(said("1", most), said("1", "0.01"), said("2", "-92233720368547758.08"))
    )
    made = await imports.bring(xml)
    assert [(row.ordinal, row.code) for row in made.refused] == [
        (2, "value-too-large"),
        (3, "value-too-large"),
    ]
    assert made.transactions == 1
    again = await imports.bring(xml)
    assert (again.records, again.refused) == (0, made.refused)


async def test_organisations_become_parties_by_their_reference(imports: Imports) -> None:
    await imports.books.do("party.register", id="known", name="Known", identifier="GB-COH-1")
    xml = published(
        activity(
            said(
                rest='<provider-org ref="SE-0-1"/>'
                '<receiver-org ref="N/A"><narrative>N</narrative></receiver-org>'
            ),
            head='<reporting-org ref="GB-COH-1"><narrative>Other</narrative></reporting-org>'
            '<participating-org ref="SE-0-1" type="10"><narrative>Sida</narrative>'
            "</participating-org>",
        )
    )
    await imports.bring(xml)
    rows = await imports.rows(
        "SELECT name, identifier, kind FROM party WHERE mechanism_id = $1 ORDER BY seq"
    )
    assert rows == [("Known", "GB-COH-1", ""), ("Sida", "SE-0-1", "10")]
    assert await imports.rows("SELECT steward FROM fund WHERE mechanism_id = $1") == [("known",)]


async def test_all_that_was_said_is_kept_and_free_text_is_beside_the_record(
    imports: Imports,
) -> None:
    sectors = "".join(f'<sector vocabulary="1" code="{code}"/>' for code in range(15000, 15400))
    rest = (
        '<receiver-org ref="KE-NGO-7" receiver-activity-id="K-1" type="22"/>'
        '<sector vocabulary="99" code="a"><narrative>own code</narrative></sector>'
    )
    head = (
        "<title><narrative>Peace</narrative></title>"
        '<policy-marker vocabulary="1" code="1" significance="2"/>'
        '<conditions attached="1"><condition type="2"><narrative>Do it</narrative></condition>'
        "</conditions>"
    )
    text = "Stipend of one of the mediators"
    await imports.bring(
        published(
            activity(said(value="1,234.5", text=text, rest=rest), said(rest=sectors), head=head)
        )
    )
    short, long = await bodies(imports, "import.transaction")
    assert short.facts["said"] == {
        "value": "1,234.5",
        "receiver": {
            "ref": "KE-NGO-7",
            "reported_ref": "KE-NGO-7",
            "type": "22",
            "activity": "K-1",
        },
        "sectors": [{"code": "a", "vocabulary": "99"}],
    }
    kept = await imports.rows("SELECT field, value FROM payload WHERE mechanism_id = $1")
    assert [(field, msgspec.json.decode(value)) for field, value in kept] == [
        ("narratives", {"description": [{"text": text}], "sectors/0": [{"text": "own code"}]})
    ]
    stored = await imports.rows(
        "SELECT count(*) FROM record WHERE mechanism_id = $1"
        " AND position('mediators' in convert_from(content, 'UTF8')) > 0"
    )
    assert stored == [(0,)]
    ((blob,),) = await imports.rows(
        "SELECT content FROM blob WHERE mechanism_id = $1 AND sha256 = decode($2, 'hex')",
        long.facts["said"]["blob"],
    )
    assert len(msgspec.json.decode(blob)["sectors"]) == 400
    ((header,),) = await imports.rows(
        "SELECT b.content FROM reported_activity a JOIN blob b ON b.mechanism_id = a.mechanism_id"
        " AND b.sha256 = decode(a.content, 'hex') WHERE a.mechanism_id = $1"
    )
    (told,) = msgspec.json.decode(header)
    assert told["policy_markers"] == [{"code": "1", "vocabulary": "1", "significance": "2"}]
    assert told["conditions"]["conditions"][0]["narratives"] == [{"text": "Do it"}]


async def test_a_file_about_a_fund_of_ours_gets_a_book_of_its_own(imports: Imports) -> None:
    await imports.books.do("party.register", id="agent", name="Agent")
    await imports.books.do(
        "fund.open",
        id="g",
        name="G",
        tier="global",
        currency="USD",
        steward="agent",
        identifier="X-1",
    )
    xml = published(activity(said()))
    assert "own-activity" in codes(await imports.bring(xml))
    assert await imports.totals() == {(book_id("X-1"), "3", "EUR"): (100, 1)}
    assert (await imports.bring(xml)).records == 0


async def test_only_those_who_may_import_do(imports: Imports) -> None:
    path = imports.folder / "file.xml"
    path.write_bytes(published(activity(said())))
    for role in ("donor", "approver", "auditor"):
        with pytest.raises(Invalid, match="role-not-allowed"):
            await import_iati(imports.books.writer, Actor("p", role, "k"), path)
    assert (await import_iati(imports.books.writer, Actor("p", "preparer", "k"), path)).records == 3


@pytest.mark.parametrize(
    "xml", [b"", b"<html/>", published(activity(said()))[:-9], b"<!DOCTYPE a><a/>"]
)
async def test_a_file_that_is_no_activity_file_leaves_nothing(imports: Imports, xml: bytes) -> None:
    with pytest.raises(Invalid):
        await imports.bring(xml)
    assert await imports.rows("SELECT 1 FROM record WHERE mechanism_id = $1") == []


@needs_data
async def test_a_file_can_be_held_against_the_standards_schema_first(imports: Imports) -> None:
    schemas = DATA / "iati-standard"
    with pytest.raises(Invalid, match="iati-schema"):
        await imports.bring(published(activity(said())), schemas=schemas)
    assert await imports.rows("SELECT 1 FROM record WHERE mechanism_id = $1") == []
    made = await imports.bring(DATA / "iati-real/foodsecurity/valid-2.03.xml", schemas=schemas)
    assert made.transactions == 63
