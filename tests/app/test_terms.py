"""Commitments with terms: earmarks nothing leaves, schedules, markers, amendments, conditions."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfm.app.perform import refusal_of
from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.record import parse
from mfm.store import database
from mfm.store.journal import Made
from mfm.store.writer import Writer
from tests.conftest import Database
from tests.support import CHAIN, Books, operator, usd

pytestmark = pytest.mark.anyio
ON = {"effective_on": "2026-03-02"}
START = CHAIN[:6]
"""Parties donor, agent, group; funds g and n."""
DEV = {"phase": ["development"]}


@pytest.fixture
async def look(books: Books) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect(books.url, "mfm_writer")
    yield connection
    await connection.close()


@pytest.fixture
async def begun(books: Books) -> AsyncIterator[Books]:
    """Parties and funds; whatever a test leaves verifies."""
    for verb, key, fields in START:
        assert (await books.do(verb, operator(key), **fields)).accepted
    yield books
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.difference is None


async def do(books: Books, verb: str, key: str = "a", **fields: Any) -> Made:  # noqa: ANN401  # any verb's
    """Do something that must succeed."""
    made = await books.do(verb, operator(key), **{**ON, **fields})
    assert made.accepted, refusal_of(made)
    return made


async def refused(books: Books, verb: str, key: str = "a", **fields: Any) -> tuple[str, str]:  # noqa: ANN401  # as above
    """Return code and detail of what must be refused."""
    made = await books.do(verb, operator(key), **{**ON, **fields})
    assert not made.accepted, verb
    return refusal_of(made)[:2]


def state(made: Made, kind: str) -> dict[str, Any]:
    """Return the first state of a kind that a record set."""
    return parse(made.content)[1].sets[kind][0]


async def fund_it(books: Books, name: str, amount: str, **terms: Any) -> None:  # noqa: ANN401  # any terms
    """Sign a contribution to g and receive all of it."""
    await do(
        books,
        "commitment.sign",
        id=name,
        from_party="donor",
        to_fund="g",
        amount=usd(amount),
        **terms,
    )
    await do(books, "deposit.receive", commitment=name, amount=usd(amount))


async def grant(books: Books, name: str = "w", amount: str = "100.00", **terms: Any) -> Made:  # noqa: ANN401  # as above
    """Sign a grant on allocation a of fund g."""
    sides = {"from_fund": "g", "to_party": "group", "allocation": "a"}
    return await do(books, "commitment.sign", id=name, amount=usd(amount), **sides, **terms)


async def funded(books: Books) -> None:
    """One open contribution of 1,000 to g, and an envelope a of 500."""
    await fund_it(books, "c", "1000.00")
    await do(books, "allocation.approve", id="a", fund="g", amount=usd("500.00"))


# Schedules ----------------------------------------------------------------------------------------


async def test_a_schedule_of_twenty_years_is_kept_with_its_reports(begun: Books) -> None:
    await funded(begun)
    tranches = [
        {
            "amount": usd("1.00"),
            "due_on": f"{2026 + quarter // 4}-{1 + 3 * (quarter % 4):02}-01",
            "report_due_on": f"{2027 + quarter // 4}-{1 + 3 * (quarter % 4):02}-28",
        }
        for quarter in range(80)
    ]
    made = await grant(begun, amount="80.00", tranches=tranches)
    told = state(made, "commitment")["tranches"]
    assert (len(told), told[79]["due_on"], told[79]["report_due_on"]) == (
        80,
        "2045-10-01",
        "2046-10-28",
    )
    for number in range(1, 81):  # it still fits into a record when all of it is asked for
        await do(begun, "disbursement.request", commitment="w", tranche=number)


async def test_a_contribution_is_expected_in_instalments_without_postings(begun: Books) -> None:
    parts = [{"amount": usd("400.00"), "due_on": "2026-06-01"}, {"amount": usd("600.00")}]
    sides = {"from_party": "donor", "to_fund": "g", "amount": usd("1000.00")}
    made = await do(begun, "commitment.sign", id="c", tranches=parts, **sides)
    assert len(parse(made.content)[1].postings) == 1
    assert [each["amount_minor"] for each in state(made, "commitment")["tranches"]] == [
        "40000",
        "60000",
    ]
    with pytest.raises(Invalid, match="tranches-differ"):
        await begun.do("commitment.sign", tranches=parts[:1], **sides, **ON)


async def test_bad_terms_are_told(begun: Books) -> None:
    await funded(begun)
    sides = {"from_fund": "g", "to_party": "group", "allocation": "a", "amount": usd("1.00")}
    days = {"starts_on": "2026-05-01", "ends_on": "2026-04-30"}
    with pytest.raises(Invalid, match="dates-backwards"):
        await begun.do("commitment.sign", **sides, **days, **ON)
    many = [{"amount": usd("0.01"), "due_on": "2026-05-01"}] * 200
    with pytest.raises(Invalid, match="schedule-too-large"):
        await begun.do("commitment.sign", **{**sides, "amount": usd("2.00")}, tranches=many, **ON)
    one = {"id": "k", "title": "Audit", "type": "fiduciary"}
    with pytest.raises(Invalid, match="id-taken"):
        await begun.do("commitment.sign", **sides, conditions=[one, one], **ON)
    with pytest.raises(Invalid, match="tranche-unknown"):
        await begun.do("commitment.sign", **sides, conditions=[{**one, "tranche": 2}], **ON)
    donor = {"from_party": "donor", "to_fund": "g", "amount": usd("1.00")}
    with pytest.raises(Invalid, match="source-differs"):
        await begun.do(
            "commitment.sign", contribution="private", source_kind="multilateral", **donor, **ON
        )


@pytest.mark.parametrize(
    ("terms", "income", "source"),
    [
        ({}, "4100", ""),
        ({"earmark": DEV}, "4110", ""),
        ({"source_kind": "public-budget"}, "4120", "public-budget"),
        ({"source_kind": "private-sector", "earmark": DEV}, "4130", "private-sector"),
        ({"source_kind": "multilateral"}, "4100", "multilateral"),
        ({"source_kind": "foundation", "earmark": DEV}, "4110", "foundation"),
        ({"contribution": "private"}, "4130", "private-sector"),
        ({"contribution": "earmarked", "source_kind": "bilateral"}, "4110", "bilateral"),
    ],
)
async def test_whose_money_it_is_decides_the_income_account(
    begun: Books, terms: dict[str, Any], income: str, source: str
) -> None:
    sides = {"from_party": "donor", "to_fund": "g", "amount": usd("1.00")}
    told = state(await do(begun, "commitment.sign", **sides, **terms), "commitment")
    assert (told["income"], told["source_kind"]) == (income, source)


# Earmarks -----------------------------------------------------------------------------------------


async def test_an_allocation_draws_on_what_admits_it_alone(begun: Books) -> None:
    await fund_it(begun, "dev", "300.00", earmark={**DEV, "place": ["KE"]})
    await fund_it(begun, "imp", "300.00", earmark={"phase": ["implementation"]})
    await fund_it(begun, "open", "100.00")
    approve, amount = "allocation.approve", usd("60.00")
    kenya = {**DEV, "place": ["KE-30"]}
    told = state(await do(begun, approve, fund="g", amount=amount, earmark=kenya), "allocation")
    assert {each["contribution"]: each["amount_minor"] for each in told["shares"]} == {
        "dev": "4500",
        "open": "1500",
    }
    for earmark, dimension in (
        ({}, "phase"),
        (DEV, "place"),
        ({**kenya, "place": ["UG"]}, "place"),
    ):
        shares = [{"contribution": "dev", "amount": amount}]
        found = await refused(
            begun, approve, fund="g", amount=amount, earmark=earmark, shares=shares
        )
        assert found[0] == "earmark-not-met"
        assert f"for {dimension}" in found[1]
    # What is left open would do; together with what is earmarked otherwise it does not.
    found = await refused(begun, approve, fund="g", amount=usd("200.00"))
    assert found[0] == "earmark-not-met"
    assert "dev, imp" in found[1]
    assert (await refused(begun, approve, fund="g", amount=usd("9000.00")))[
        0
    ] == "authority-exceeded"
    await do(begun, approve, fund="g", amount=usd("85.00"))


async def test_an_agreement_stays_inside_and_a_transfer_carries_the_earmark_on(
    begun: Books,
) -> None:
    await fund_it(begun, "dev", "300.00", earmark=DEV)
    kenya = {**DEV, "place": ["KE"]}
    await do(begun, "allocation.approve", id="a", fund="g", amount=usd("200.00"), earmark=kenya)
    sides = {"from_fund": "g", "allocation": "a", "amount": usd("100.00")}
    sign = "commitment.sign"
    for wrong in ({"phase": ["implementation"]}, {"place": ["UG"]}):
        found = await refused(begun, sign, to_party="group", earmark=wrong, **sides)
        assert found[0] == "earmark-not-met"
    narrow = {"place": ["KE-30"]}
    told = state(await do(begun, sign, id="t", to_fund="n", earmark=narrow, **sides), "commitment")
    assert told["earmark"] == {**DEV, "place": ["KE-30"]}
    for verb, key in (("request", "a"), ("approve", "b"), ("release", "c"), ("confirm", "d")):
        named = (
            {"disbursement": "x"} if key != "a" else {"id": "x", "commitment": "t", "tranche": 1}
        )
        await do(begun, f"disbursement.{verb}", key, **named)
    approve = {"fund": "n", "amount": usd("50.00")}
    for wrong in ({}, DEV, kenya, {**DEV, "place": ["KE-31"]}):
        found = await refused(begun, "allocation.approve", **approve, earmark=wrong)
        assert found[0] == "earmark-not-met", wrong
    await do(begun, "allocation.approve", **approve, earmark={**DEV, "place": ["KE-30-2"]})


async def test_no_voucher_and_no_cost_takes_earmarked_money(begun: Books) -> None:
    await fund_it(begun, "dev", "300.00", earmark=DEV)
    await fund_it(begun, "open", "300.00")
    for to in ("open", "other"):
        lines = [
            {"account": "9300", "subject": "dev", "debit": usd("10.00")},
            {"account": "9300", "subject": to, "credit": usd("10.00")},
        ]
        assert (await refused(begun, "entry.post", fund="g", lines=lines))[0] == "earmark-not-met"
    back = [{**lines[0], "subject": "open"}, {**lines[1], "subject": "dev"}]
    made = await do(begun, "entry.post", fund="g", lines=back)
    await do(begun, "record.reverse", record=made.seq)
    cost = {"fund": "g", "kind": "direct"}
    assert (await refused(begun, "cost.pay", amount=usd("400.00"), **cost))[0] == "earmark-not-met"
    told = state(await do(begun, "cost.pay", amount=usd("100.00"), **cost), "cost")
    assert [each["contribution"] for each in told["shares"]] == ["open"]
    await do(begun, "cost.pay", amount=usd("400.00"), earmark=DEV, **cost)


async def test_the_database_holds_earmarks_by_itself(
    begun: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fund_it(begun, "dev", "300.00", earmark=DEV)
    share = [{"contribution": "dev", "amount": usd("1.00")}]
    asked = {"fund": "g", "amount": usd("1.00"), "shares": share}
    with monkeypatch.context() as patched:
        patched.setattr("mfm.core.earmarks.outside", lambda *_: "")
        with pytest.raises(asyncpg.PostgresError, match="earmark-not-met"):
            await begun.do("allocation.approve", operator(), **asked, **ON)
    assert (await refused(begun, "allocation.approve", **asked))[0] == "earmark-not-met"


PHASES = (None, "development", "implementation")
PLACES = (None, "KE", "KE-30", "SN")
earmark = st.builds(
    lambda phase, place: {
        name: [value] for name, value in (("phase", phase), ("place", place)) if value
    },
    st.sampled_from(PHASES),
    st.sampled_from(PLACES),
)
step = st.tuples(
    st.sampled_from(["contribution", "allocation", "allocation", "transfer", "grant", "return"]),
    st.sampled_from("gn"),
    st.integers(1, 400),
    earmark,
    st.integers(0, 9),
)


class Story:
    """Random steps with earmarks; what is refused is refused, and nothing ever leaks."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.count = 0
        self.allocations: dict[str, list[str]] = {"g": [], "n": []}

    async def take(
        self, kind: str, fund: str, amount: int, terms: dict[str, Any], pick: int
    ) -> None:
        self.count += 1
        name, money = f"{kind[0]}{self.count}", usd(f"{amount}.00")
        chosen = (
            self.allocations[fund][pick % len(self.allocations[fund])]
            if self.allocations[fund]
            else ""
        )
        if kind == "contribution":
            sides = {"from_party": "donor", "to_fund": fund, "amount": money, "earmark": terms}
            await self.do("commitment.sign", id=name, **sides)
            await self.do("deposit.receive", commitment=name, amount=money)
        elif kind == "allocation":
            made = await self.do(
                "allocation.approve", id=name, fund=fund, amount=money, earmark=terms
            )
            self.allocations[fund] += [name] * made.accepted
        elif chosen and kind == "return":
            await self.do("allocation.return", allocation=chosen, amount=money)
        elif chosen:
            to = {"to_party": "group"} if kind == "grant" else {"to_fund": "gn".replace(fund, "")}
            sides = {
                "from_fund": fund,
                "allocation": chosen,
                "amount": money,
                "earmark": terms,
                **to,
            }
            if (await self.do("commitment.sign", id=name, **sides)).accepted:
                await self.pay(name)

    async def pay(self, name: str) -> None:
        await self.do("disbursement.request", "a", id=name, commitment=name, tranche=1)
        for verb, key in (("approve", "b"), ("release", "c"), ("confirm", "d")):
            await self.do(f"disbursement.{verb}", key, disbursement=name)

    async def do(self, verb: str, key: str = "a", **fields: Any) -> Made:  # noqa: ANN401  # any verb's
        return await self.books.do(verb, operator(key), **fields, **ON)


def within(inner: dict[str, Any], outer: dict[str, Any]) -> bool:
    """Judge containment anew: by prefix for a place, by sameness else."""
    return all(
        inner.get(name)
        and all(
            any(
                f"{value}-".startswith(f"{bound}-") if name == "place" else value == bound
                for bound in bounds
            )
            for value in inner[name]
        )
        for name, bounds in outer.items()
    )


async def origins(look: asyncpg.Connection, mechanism: int) -> int:
    """Walk each agreement's money back to the donors' terms; return how many ways there were."""
    rows = await look.fetch(
        "SELECT to_jsonb(t)::text FROM mfm.commitment t WHERE mechanism_id = $1", mechanism
    )
    commitments = {row["id"]: row for row in (msgspec.json.decode(each[0]) for each in rows)}
    rows = await look.fetch(
        "SELECT to_jsonb(t)::text FROM mfm.allocation t WHERE mechanism_id = $1", mechanism
    )
    allocations = {row["id"]: row for row in (msgspec.json.decode(each[0]) for each in rows)}
    ways = 0

    def walk(name: str, used_for: list[dict[str, Any]]) -> None:
        nonlocal ways
        made = commitments[name]
        if made["kind"] == "contribution":
            ways += 1
            assert all(within(each, made["earmark"]) for each in used_for), (name, used_for)
            return
        for share in allocations[made["allocation"]]["shares"]:
            walk(share["contribution"], [*used_for, made["earmark"]])

    for name, made in commitments.items():
        if made["kind"] != "contribution":
            walk(name, [])
    for made in allocations.values():
        assert sum(each["amount_minor"] for each in made["shares"]) <= made["amount_minor"]
        for share in made["shares"]:
            walk(share["contribution"], [made["earmark"]])
    return ways


def test_random_earmarks_never_leak(db: Database) -> None:
    walked = []

    @settings(suppress_health_check=list(HealthCheck), max_examples=30)
    @given(st.lists(step, min_size=4, max_size=30))
    def tell(steps: list[Any]) -> None:
        first = [("contribution", "g", 400, {}, 0), ("allocation", "g", 100, DEV, 0)]
        walked.append(asyncio.run(_told(db, [*first, *steps])))

    tell()
    assert sum(walked) > 20


async def _told(db: Database, steps: list[Any]) -> int:
    mechanism = await database.create_mechanism(db.app_url, f"t-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    look = await database.connect(db.app_url, "mfm_writer")
    try:
        books = Books(db.app_url, mechanism, writer)
        for verb, key, fields in START:
            await books.do(verb, operator(key), **fields)
        story = Story(books)
        for each in steps:
            await story.take(*each)
        found = await verify_database(db.app_url, mechanism, operator(), lambda *_: None)
        assert found.difference is None
        return await origins(look, mechanism.id)
    finally:
        await look.close()
        await writer.close()


# Classification -----------------------------------------------------------------------------------


async def test_a_commitment_is_classified_anew_and_what_it_was_stays(begun: Books) -> None:
    await funded(begun)
    made = await grant(begun)
    assert state(made, "commitment")["markers"] == []  # not screened, which is not 0
    who = Actor("agent", "operator", "r")
    first = await begun.do(
        "commitment.classify", who, commitment="w", scheme="un-gem", score="1", reason="why", **ON
    )
    await do(begun, "commitment.classify", commitment="w", scheme="oecd-dac", score="0")
    last = await do(begun, "commitment.classify", commitment="w", scheme="un-gem", score="3")
    told = state(last, "commitment")["markers"]
    assert [(each["scheme"], each["score"]) for each in told] == [
        ("oecd-dac", "0"),
        ("un-gem", "3"),
    ]
    was = state(first, "commitment")["markers"]
    assert was == [{"scheme": "un-gem", "version": "", "score": "1", "party": "agent", "key": "r"}]
    assert "why" not in first.content.decode()  # free text stays beside
    with pytest.raises(Invalid, match="score-unknown"):
        await begun.do("commitment.classify", commitment="w", scheme="oecd-dac", score="3", **ON)
    made = await do(
        begun, "allocation.classify", allocation="a", scheme="cbpf-gam", version="2019", score="4"
    )
    assert state(made, "allocation")["markers"][0]["version"] == "2019"


# Amendments ---------------------------------------------------------------------------------------


async def test_an_amendment_upwards_draws_on_the_envelope_and_adds_a_tranche(begun: Books) -> None:
    await funded(begun)
    await grant(begun, tranches=[{"amount": usd("60.00")}, {"amount": usd("40.00")}])
    await do(begun, "disbursement.request", id="x", commitment="w", tranche=1)
    made = await do(begun, "commitment.amend", commitment="w", amount=usd("150.00"))
    told, body = state(made, "commitment"), parse(made.content)[1]
    assert [each["amount_minor"] for each in told["tranches"]] == ["6000", "4000", "5000"]
    assert [(each["debit"][2], each["credit"][2], each["iati"]) for each in body.postings] == [
        ("9310", "9320", "2")
    ]
    new = [{"amount": usd(each)} for each in ("60.00", "50.00", "50.00", "40.00")]
    made = await do(begun, "commitment.amend", commitment="w", amount=usd("200.00"), tranches=new)
    assert state(made, "commitment")["tranches"][0]["disbursement"] == "x"
    new[0] = {"amount": usd("70.00")}
    new[1] = {"amount": usd("40.00")}
    found = await refused(begun, "commitment.amend", commitment="w", tranches=new)
    assert found[0] == "tranche-taken"
    found = await refused(begun, "commitment.amend", commitment="w", amount=usd("10.00"))
    assert found == (
        "amendment-down",
        "200.00 USD is agreed; less is a matter of commitment.deobligate.",
    )
    found = await refused(begun, "commitment.amend", commitment="w", amount=usd("600.01"))
    assert found[0] == "balance-floor"
    with pytest.raises(Invalid, match="amendment-empty"):
        await begun.do("commitment.amend", commitment="w", amount=usd("200.00"), **ON)
    with pytest.raises(Invalid, match="tranches-differ"):
        await begun.do("commitment.amend", commitment="w", tranches=new[:2], **ON)


async def test_a_transfer_and_each_kind_of_contribution_grow_on_both_sides(begun: Books) -> None:
    await funded(begun)
    sides = {"from_fund": "g", "to_fund": "n", "allocation": "a", "amount": usd("100.00")}
    await do(begun, "commitment.sign", id="t", **sides)
    made = await do(begun, "commitment.amend", commitment="t", amount=usd("130.00"))
    posted = [(e["debit"][2], e["credit"][2]) for e in parse(made.content)[1].postings]
    assert posted == [("9310", "9320"), ("5300", "2300"), ("1400", "4600")]
    donor = {"from_party": "donor", "to_fund": "g", "amount": usd("100.00")}
    for terms, pair in (
        ({}, ("1200", "4100")),
        ({"recognition": "on_compliance"}, ("1200", "2100")),
        ({"conditional": True}, ("9200", "9290")),
    ):
        name = f"more-{pair[1]}"
        await do(begun, "commitment.sign", id=name, **donor, **terms)
        made = await do(begun, "commitment.amend", commitment=name, amount=usd("130.00"))
        (posted,) = parse(made.content)[1].postings
        assert (posted["debit"][2], posted["credit"][2], posted["iati"]) == (*pair, "11")
        assert posted["amount_minor"] == "3000"
    await do(begun, "deposit.receive", commitment="more-4100", amount=usd("130.00"))
    made = await do(begun, "commitment.amend", commitment="more-4100", amount=usd("140.00"))
    assert state(made, "commitment")["status"] == "partly_received"


async def test_more_time_costs_nothing_and_never_ends_earlier(begun: Books) -> None:
    await funded(begun)
    await grant(begun, starts_on="2026-01-01", ends_on="2026-12-31")
    made = await do(begun, "commitment.extend", commitment="w", ends_on="2027-06-30")
    assert state(made, "commitment")["ends_on"] == "2027-06-30"
    assert parse(made.content)[1].postings == ()
    found = await refused(begun, "commitment.extend", commitment="w", ends_on="2027-06-30")
    assert found[0] == "extension-backwards"


async def test_a_halted_agreement_pays_nothing_and_an_ended_one_gives_back(begun: Books) -> None:
    await funded(begun)
    first = {"amount": usd("60.00"), "report_due_on": "2026-09-30"}
    await grant(begun, tranches=[first, {"amount": usd("40.00")}])
    await do(begun, "disbursement.request", id="x", commitment="w", tranche=1)
    made = await do(begun, "commitment.suspend", commitment="w", reason="an audit")
    assert state(made, "commitment")["status"] == "suspended"
    for verb, fields in (
        ("disbursement.approve", {"disbursement": "x"}),
        ("disbursement.request", {"commitment": "w", "tranche": 2}),
        ("commitment.amend", {"commitment": "w", "amount": usd("150.00")}),
        ("commitment.suspend", {"commitment": "w"}),
    ):
        assert (await refused(begun, verb, "b", **fields))[0] == "commitment-halted", verb
    made = await do(begun, "commitment.resume", commitment="w")
    assert state(made, "commitment")["status"] == "signed"
    assert (await refused(begun, "commitment.resume", commitment="w"))[0] == "commitment-state"
    await do(begun, "disbursement.approve", "b", disbursement="x")
    await do(begun, "commitment.suspend", commitment="w")
    assert (await refused(begun, "disbursement.release", "c", disbursement="x"))[
        0
    ] == "commitment-halted"
    await do(begun, "commitment.resume", commitment="w")
    made = await do(begun, "commitment.terminate", commitment="w")
    told = state(made, "commitment")
    assert (told["status"], told["amount_minor"]) == ("terminated", "6000")
    assert parse(made.content)[1].postings[0]["iati"] == "2"
    assert (await refused(begun, "disbursement.release", "c", disbursement="x"))[
        0
    ] == "commitment-halted"
    assert (await refused(begun, "commitment.terminate", commitment="w"))[0] == "commitment-halted"
    with pytest.raises(Invalid, match="commitment-kind"):
        await begun.do("commitment.suspend", commitment="c", **ON)


# Conditions ---------------------------------------------------------------------------------------

PRECEDENT = {"title": "Baseline study", "type": "performance", "tranche": 1}


async def test_a_tranche_waits_for_its_condition(begun: Books) -> None:
    await funded(begun)
    made = await grant(begun, conditions=[{"id": "k", **PRECEDENT}])
    assert state(made, "commitment")["tranches"][0]["conditions"] == ["k"]
    assert state(made, "condition")["status"] == "open"
    await do(begun, "disbursement.request", "p", id="x", commitment="w", tranche=1)
    found = await refused(begun, "disbursement.approve", "q", disbursement="x")
    assert found == ("condition-unmet", "Condition k (Baseline study) is neither met nor waived.")
    for verb, more in (("meet", {}), ("waive", {"reason": "urgent"})):
        found = await refused(begun, f"condition.{verb}", "p", condition="k", **more)
        assert found[0] == "four-eyes"  # whoever asked for the tranche does not settle it
    with pytest.raises(msgspec.ValidationError, match="reason"):
        await begun.do("condition.waive", operator("q"), condition="k", **ON)
    made = await do(begun, "condition.waive", "q", condition="k", reason="urgent")
    told = state(made, "condition")
    assert (told["status"], told["settled_by"], told["settled_on"]) == ("waived", "q", "2026-03-02")
    assert (await refused(begun, "condition.meet", "q", condition="k"))[0] == "condition-state"
    await do(begun, "disbursement.approve", "q", disbursement="x")


async def test_a_condition_added_later_has_no_force_until_the_receiver_accepts_it(
    begun: Books,
) -> None:
    await funded(begun)
    await grant(begun, tranches=[{"amount": usd("60.00")}, {"amount": usd("40.00")}])
    await do(begun, "condition.add", "p", id="k", commitment="w", **PRECEDENT)
    await do(begun, "condition.add", "p", id="l", commitment="w", **{**PRECEDENT, "tranche": 2})
    await do(begun, "disbursement.request", "p", id="x", commitment="w", tranche=1)
    await do(begun, "disbursement.approve", "q", disbursement="x")  # k binds nobody
    assert (await refused(begun, "condition.accept", "p", condition="l"))[0] == "four-eyes"
    staff, grantee = Actor("agent", "approver", "q"), Actor("group", "grantee", "h")
    other = Actor("donor", "grantee", "h")
    for actor, code in ((staff, "receiver-only"), (other, "party-not-allowed")):
        with pytest.raises(Invalid, match=code):
            await begun.do("condition.accept", actor, condition="l", **ON)
    made = await begun.do("condition.accept", grantee, condition="l", **ON)
    assert state(made, "commitment")["tranches"][1]["conditions"] == ["l"]
    assert (await begun.do("condition.accept", grantee, condition="k", **ON)).accepted is False
    await do(begun, "disbursement.request", "p", id="y", commitment="w", tranche=2)
    assert (await refused(begun, "disbursement.approve", "q", disbursement="y"))[
        0
    ] == "condition-unmet"
    await do(begun, "condition.meet", "q", condition="l", evidence="the study")
    await do(begun, "disbursement.approve", "q", disbursement="y")
    found = await refused(begun, "condition.add", "p", commitment="w", **PRECEDENT)
    assert found[0] == "tranche-taken"


async def test_what_is_forbidden_or_contested_with_success_binds_nobody(begun: Books) -> None:
    await funded(begun)
    veto = {"title": "Veto over statements", "type": "policy", "category": "silence", "tranche": 1}
    terms = [{"id": "k", **veto}, {"id": "l", **PRECEDENT}]
    await grant(begun, conditions=terms)
    await do(begun, "disbursement.request", "p", id="x", commitment="w", tranche=1)
    assess = {"assessment": "forbidden", "reason": "it silences"}
    found = await refused(begun, "condition.assess", "a", condition="k", **assess)
    assert found[0] == "four-eyes"  # not by who signed it in
    made = await do(begun, "condition.assess", "b", condition="k", **assess)
    assert "silences" not in made.content.decode()
    grantee = Actor("group", "grantee", "h")
    why = {"condition": "l", "reason": "unrelated"}
    assert (await begun.do("condition.contest", grantee, **why, **ON)).accepted
    assert not (await begun.do("condition.contest", grantee, **why, **ON)).accepted
    # It binds until that is answered, and who contests it does not answer.
    assert (await refused(begun, "disbursement.approve", "q", disbursement="x"))[
        0
    ] == "condition-unmet"
    for key in ("a", "h"):
        found = await refused(begun, "condition.answer", key, outcome="upheld", **why)
        assert found[0] == "four-eyes"
    made = await do(begun, "condition.answer", "b", outcome="upheld", **why)
    assert state(made, "condition")["status"] == "lifted"
    await do(begun, "disbursement.approve", "q", disbursement="x")
    found = await refused(begun, "condition.answer", "b", outcome="dismissed", **why)
    assert found[0] == "condition-state"


async def test_private_money_comes_without_conditions_but_fiduciary_ones(begun: Books) -> None:
    sides = {"from_party": "donor", "to_fund": "g", "amount": usd("1.00")}
    audit = {"id": "k", "title": "Audit", "type": "fiduciary"}
    logo = {"id": "l", "title": "Our logo", "type": "policy"}
    sign = "commitment.sign"
    found = await refused(begun, sign, source_kind="private-sector", conditions=[logo], **sides)
    assert found[0] == "condition-private"
    await do(begun, sign, id="c", source_kind="private-sector", conditions=[audit], **sides)
    found = await refused(begun, "condition.add", commitment="c", title="Logo", type="policy")
    assert found[0] == "condition-private"
    await do(begun, sign, id="d", source_kind="bilateral", conditions=[logo], **sides)
    donor = Actor("donor", "donor", "h")
    made = await begun.do("condition.waive", donor, condition="l", reason="not needed", **ON)
    assert made.accepted


# Taking back --------------------------------------------------------------------------------------


async def standing(look: asyncpg.Connection, books: Books) -> dict[str, Any]:
    """Return every noun, its place in the journal apart, and every balance."""
    told: dict[str, Any] = {}
    for kind in ("commitment", "allocation", "condition"):
        rows = await look.fetch(
            f"SELECT (to_jsonb(t) - 'seq' - 'prev')::text FROM mfm.{kind} t"
            " WHERE mechanism_id = $1 AND status <> 'reversed' ORDER BY id",
            books.mechanism.id,
        )
        told[kind] = [row[0] for row in rows]
    rows = await look.fetch(
        "SELECT fund, code, subject, debit_minor - credit_minor FROM mfm.account"
        " JOIN mfm.balance USING (mechanism_id, account_id) WHERE mechanism_id = $1"
        " AND debit_minor <> credit_minor ORDER BY 1, 2, 3",
        books.mechanism.id,
    )
    told["balance"] = [tuple(row) for row in rows]
    return told


async def test_each_verb_and_its_reversal_leave_everything_as_it_was(
    begun: Books, look: asyncpg.Connection
) -> None:
    await fund_it(begun, "c", "1000.00", earmark=DEV)
    await do(begun, "allocation.approve", id="a", fund="g", amount=usd("500.00"), earmark=DEV)
    await grant(
        begun,
        tranches=[{"amount": usd("60.00")}, {"amount": usd("40.00")}],
        ends_on="2026-12-31",
        conditions=[{"id": "k", **PRECEDENT}, {"id": "m", "title": "Audit", "type": "fiduciary"}],
    )
    await do(begun, "condition.add", "p", id="l", commitment="w", **{**PRECEDENT, "tranche": 2})
    why = {"reason": "why"}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("commitment.amend", {"commitment": "w", "amount": usd("120.00")}),
        ("commitment.amend", {"commitment": "c", "amount": usd("1200.00")}),
        ("commitment.extend", {"commitment": "w", "ends_on": "2027-12-31"}),
        ("commitment.suspend", {"commitment": "w"}),
        ("commitment.terminate", {"commitment": "w"}),
        ("commitment.classify", {"commitment": "w", "scheme": "un-gem", "score": "2"}),
        ("allocation.classify", {"allocation": "a", "scheme": "un-gem", "score": "2"}),
        ("condition.add", {"id": "z", "commitment": "w", "title": "T", "type": "policy"}),
        ("condition.accept", {"condition": "l"}),
        ("condition.meet", {"condition": "k"}),
        ("condition.waive", {"condition": "m", **why}),
        ("condition.assess", {"condition": "k", "assessment": "permitted", **why}),
        ("condition.contest", {"condition": "k", **why}),
    ]
    for verb, fields in steps:
        before = await standing(look, begun)
        made = await do(begun, verb, "b", **fields)
        assert await standing(look, begun) != before, verb
        await do(begun, "record.reverse", record=made.seq)
        assert await standing(look, begun) == before, verb
    await do(begun, "commitment.suspend", commitment="w")
    await do(begun, "condition.contest", "h", condition="k", **why)
    for verb, fields in (
        ("commitment.resume", {"commitment": "w"}),
        ("condition.answer", {"condition": "k", "outcome": "dismissed", **why}),
    ):
        before = await standing(look, begun)
        made = await do(begun, verb, "b", **fields)
        await do(begun, "record.reverse", record=made.seq)
        assert await standing(look, begun) == before, verb


async def test_a_signature_goes_with_its_conditions_but_not_from_under_another(
    begun: Books,
) -> None:
    await funded(begun)
    made = await grant(begun, conditions=[{"id": "k", **PRECEDENT}])
    added = await do(begun, "condition.add", "p", commitment="w", title="T", type="policy")
    assert (await refused(begun, "record.reverse", record=made.seq))[0] == "record-needed"
    await do(begun, "record.reverse", record=added.seq)
    await do(begun, "record.reverse", record=made.seq)
    with pytest.raises(Invalid, match="not-found"):
        await begun.do("condition.meet", condition="k", **ON)


# Shares -------------------------------------------------------------------------------------------


async def test_shares_of_any_amount_sum_to_it(begun: Books) -> None:
    for name, amount in (("x", "100.01"), ("y", "33.33"), ("z", "0.07")):
        await fund_it(begun, name, amount)
    whole = Decimal(0)
    for amount in ("0.01", "7.77", "100.00"):
        made = await do(begun, "allocation.approve", fund="g", amount=usd(amount))
        parts = [int(each["amount_minor"]) for each in state(made, "allocation")["shares"]]
        assert sum(parts) == Decimal(amount) * 100
        whole += Decimal(amount)
    assert whole == Decimal("107.78")
