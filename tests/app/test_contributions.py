"""Money in, on real books: every verb, its refusals, its reversal, and what statements say."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from mfm.app.perform import refusal_of
from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.core.statements import Scope, sources_and_uses
from mfm.store import database, statements
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio
ON = {"effective_on": "2026-03-02"}
FUND = {"tier": "global", "currency": "USD", "steward": "agent"}


async def begin(books: Books) -> None:
    """A donor, an agent, and two funds."""
    await books.do("tests.permit")
    for party in ("donor", "agent"):
        await books.do("party.register", id=party, name=party)
    await books.do("fund.open", id="g", name="Global fund", **FUND)
    await books.do("fund.open", id="n", name="National fund", **{**FUND, "tier": "national"})


@pytest.fixture
async def fund(books: Books) -> AsyncIterator[Books]:
    """The books of two empty funds; what a test leaves in them must verify."""
    await begin(books)
    yield books
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.difference is None


async def done(books: Books, verb: str, key: str = "a", **fields: Any) -> int:  # noqa: ANN401  # any verb's fields
    made = await books.do(verb, operator(key), **fields, **ON)
    assert made.accepted, refusal_of(made)
    return made.seq


async def refused(books: Books, verb: str, code: str, key: str = "a", **fields: Any) -> None:  # noqa: ANN401  # any verb's fields
    made = await books.do(verb, operator(key), **fields, **ON)
    assert not made.accepted, verb
    assert refusal_of(made)[0] == code


async def sign(books: Books, **fields: Any) -> None:  # noqa: ANN401  # any of the command's fields
    told = {"id": "c", "from_party": "donor", "to_fund": "g", "amount": usd("1000.00"), **fields}
    await done(books, "commitment.sign", **told)


async def held(books: Books) -> dict[str, int]:
    """Each code's balance in the books, on its own side; zeros left out."""
    connection = await asyncpg.connect(books.url, server_settings={"role": "mfm_writer"})
    rows = await connection.fetch(
        "SELECT code, sum(a.side * (debit_minor - credit_minor))::bigint FROM mfm.account a"
        " JOIN mfm.balance USING (mechanism_id, account_id) WHERE mechanism_id = $1"
        " GROUP BY 1 HAVING sum(debit_minor - credit_minor) <> 0",
        books.mechanism.id,
    )
    await connection.close()
    return {code: minor // 100 for code, minor in rows}


async def status(books: Books, table: str, noun_id: str) -> str:
    connection = await asyncpg.connect(books.url, server_settings={"role": "mfm_writer"})
    query = f"SELECT status FROM mfm.{table} WHERE mechanism_id = $1 AND id = $2"
    found: str = await connection.fetchval(query, books.mechanism.id, noun_id)
    await connection.close()
    return found


# One after another --------------------------------------------------------------------------------


async def test_income_follows_compliance(fund: Books) -> None:
    await sign(fund, recognition="on_compliance", contribution="public-budget")
    await done(fund, "deposit.receive", commitment="c", amount=usd("400.00"))
    await done(fund, "commitment.recognise", commitment="c", amount=usd("250.00"))
    assert await held(fund) == {
        "1100": 400,
        "1200": 600,
        "2100": 750,
        "4120": 250,
        "9300": 400,
        "9399": 400,
    }
    over = usd("750.01")
    await refused(
        fund, "commitment.recognise", "contribution-exceeded", commitment="c", amount=over
    )
    await done(fund, "commitment.recognise", commitment="c")
    assert (await held(fund))["4120"] == 1000
    await refused(fund, "commitment.recognise", "contribution-exceeded", commitment="c")


async def test_a_pledge_becomes_conditional_and_then_firm(fund: Books) -> None:
    pledged = {"id": "p", "fund": "g", "donor": "donor", "amount": usd("1200.00")}
    await done(fund, "pledge.announce", **pledged)
    await sign(fund, pledge="p", conditional=True)
    assert await held(fund) == {"9100": 200, "9190": 200, "9200": 1000, "9290": 1000}
    paid = {"commitment": "c", "amount": usd("300.00")}
    await refused(fund, "deposit.receive", "conditions-unmet", **paid)
    await done(fund, "commitment.meet-conditions", **paid)
    await done(fund, "deposit.receive", **paid)
    assert await status(fund, "commitment", "c") == "partly_received"
    await done(fund, "commitment.meet-conditions", commitment="c")
    await refused(fund, "commitment.meet-conditions", "contribution-exceeded", commitment="c")
    told = await held(fund)
    assert (told["1200"], told["4100"], "9200" in told) == (700, 1000, False)
    commitments = await totals(fund)
    assert commitments["11"] == 1000


async def totals(books: Books) -> dict[str, int]:
    """What the journal reports to IATI, by type."""
    connection = await asyncpg.connect(books.url, server_settings={"role": "mfm_writer"})
    rows = await connection.fetch(
        "SELECT iati_type, sum(iati_sign * amount_minor)::bigint FROM mfm.posting"
        " WHERE mechanism_id = $1 AND iati_type <> '' GROUP BY 1",
        books.mechanism.id,
    )
    await connection.close()
    return {code: minor // 100 for code, minor in rows}


async def test_a_donor_gives_less(fund: Books) -> None:
    await sign(fund, recognition="on_compliance")
    await done(fund, "commitment.recognise", commitment="c", amount=usd("700.00"))
    await done(fund, "deposit.receive", commitment="c", amount=usd("500.00"))
    over = usd("500.01")
    await refused(fund, "commitment.reduce", "contribution-exceeded", commitment="c", amount=over)
    against = {"amount": usd("400.00"), "against": "fund-balance"}
    await done(fund, "commitment.reduce", commitment="c", **against)
    told = await held(fund)
    assert told["3100"] == -100
    assert ("2100" in told, told["1200"], told["4100"]) == (False, 100, 700)
    await done(fund, "commitment.reduce", commitment="c")
    assert await status(fund, "commitment", "c") == "reduced"
    assert (await totals(fund))["11"] == 500
    await refused(fund, "commitment.reduce", "contribution-exceeded", commitment="c")


async def test_what_will_not_come_is_written_off(fund: Books) -> None:
    await sign(fund)
    await done(fund, "deposit.receive", commitment="c", amount=usd("900.00"))
    over = usd("100.01")
    propose, approve = "write-off.propose", "write-off.approve"
    await refused(fund, propose, "contribution-exceeded", commitment="c", amount=over)
    with pytest.raises(Invalid, match="not-found"):
        await fund.do(propose, commitment="c", refund="x")
    await done(fund, propose, id="o", commitment="c", reason="insolvent")
    assert await status(fund, "commitment", "c") == "partly_received"
    await refused(fund, approve, "four-eyes", write_off="o")
    await done(fund, approve, "b", write_off="o")
    assert await status(fund, "commitment", "c") == "written_off"
    told = await held(fund)
    assert (told["5950"], told["4100"], "1200" in told) == (100, 1000, False)
    late = {"commitment": "c", "amount": usd("1.00")}
    await refused(fund, "deposit.receive", "balance-floor", **late)


async def test_a_donor_gets_its_money_back_by_two_people(fund: Books) -> None:
    await sign(fund)
    await done(fund, "deposit.receive", commitment="c", amount=usd("1000.00"))
    await done(fund, "allocation.approve", id="a", fund="g", amount=usd("700.00"))
    asked = {"id": "x", "commitment": "c"}
    decide, pay = "donor-refund.decide", "donor-refund.pay"
    await refused(fund, decide, "balance-floor", **asked, amount=usd("300.01"))
    await refused(fund, decide, "contribution-exceeded", **asked, amount=usd("1000.01"))
    await done(fund, decide, **asked, amount=usd("300.00"))
    told = await held(fund)
    assert (told["1100"], told["2400"], told["4100"], "9300" in told) == (1000, 300, 700, False)
    await refused(fund, pay, "four-eyes", refund="x")
    await done(fund, pay, "b", refund="x")
    await refused(fund, pay, "donor-refund-state", "b", refund="x")
    assert (await held(fund))["1100"] == 700
    assert await status(fund, "commitment", "c") == "reduced"
    assert await totals(fund) == {"1": 700, "11": 700}


async def test_money_in_suspense_is_placed_or_sent_back(fund: Books) -> None:
    await sign(fund)
    record, identify = "unidentified-receipt.record", "unidentified-receipt.identify"
    euro = {"amount": {"amount": "100.00", "currency": "EUR"}, "rate": "1.10"}
    await done(fund, record, id="u", fund="g", description="JM REF 77", **euro)
    await done(fund, record, id="v", fund="g", amount=usd("50.00"), bank_account="euro")
    assert await held(fund) | {"1200": 0, "4100": 0} == {
        "1100": 160,
        "2900": 160,
        "1200": 0,
        "4100": 0,
    }
    await refused(fund, "allocation.approve", "authority-exceeded", fund="g", amount=usd("1.00"))
    placed = {"receipt": "u", "commitment": "c", "deposit": "d", "settles": usd("120.00")}
    await done(fund, identify, **placed)
    await refused(fund, identify, "unidentified-receipt-state", **{**placed, "deposit": "e"})
    await done(fund, "deposit.charge-fee", deposit="d")
    await done(fund, "unidentified-receipt.return", receipt="v")
    await refused(fund, identify, "unidentified-receipt-state", receipt="v", commitment="c")
    told = await held(fund)
    assert (told["1200"], told["5900"], told["9399"], "2900" in told) == (880, 10, 110, False)
    assert await status(fund, "unidentified_receipt", "u") == "identified"
    assert await status(fund, "unidentified_receipt", "v") == "returned"
    for code, fields in {
        "id-taken": {"receipt": "u", "commitment": "c", "deposit": "d"},
        "not-found": {"receipt": "w", "commitment": "c"},
    }.items():
        with pytest.raises(Invalid, match=code):
            await fund.do(identify, **fields)


async def test_a_fund_earns_and_pays_for_itself(fund: Books) -> None:
    await sign(fund)
    await done(fund, "deposit.receive", commitment="c", amount=usd("100.00"))
    await done(fund, "interest.earn", fund="g", amount=usd("50.00"), description="March")
    await done(fund, "cost.pay", id="k", fund="g", kind="direct", amount=usd("30.00"))
    share = [{"contribution": "interest", "amount": usd("2.00")}]
    charge = {"fund": "g", "kind": "bank-charge", "amount": usd("2.00")}
    await done(fund, "cost.pay", **charge, shares=share)
    await refused(
        fund, "cost.pay", "shares-differ", **{**charge, "amount": usd("3.00")}, shares=share
    )
    await refused(fund, "cost.pay", "authority-exceeded", **{**charge, "amount": usd("118.01")})
    much = [{"contribution": "interest", "amount": usd("38.01")}]
    await refused(
        fund, "cost.pay", "balance-floor", **{**charge, "amount": usd("38.01")}, shares=much
    )
    told = await held(fund)
    assert (told["4500"], told["5600"], told["5700"]) == (50, 30, 2)
    assert (told["9300"], told["9340"], told["9399"]) == (118, 32, 150)
    # The donor of c bore two thirds of the direct cost; the rest of its money is still its own.
    await done(fund, "allocation.approve", fund="g", amount=usd("118.00"))
    for wrong in ("commitment", "transfer"):
        with pytest.raises(Invalid, match="id-taken"):
            await fund.do(
                "commitment.sign",
                id="interest",
                to_fund="g",
                amount=usd("1.00"),
                **({"from_party": "donor"} if wrong == "commitment" else {"from_fund": "n"}),
            )


async def test_expertise_is_a_contribution_without_cash(fund: Books) -> None:
    given = {"fund": "g", "donor": "donor", "hours": "37.5", "hour": usd("80.00"), "channel": "3"}
    await done(fund, "in-kind.record", id="e", **given, description="training")
    assert await held(fund) == {"4140": 3000, "5800": 3000}
    assert await totals(fund) == {"1": 3000, "11": 3000}
    for code, fields in {
        "amount-zero": {**given, "hours": "0"},
        "currency-not-fund": {**given, "hour": {"amount": "1.00", "currency": "EUR"}},
        "not-found": {**given, "donor": "nobody"},
    }.items():
        with pytest.raises(Invalid, match=code):
            await fund.do("in-kind.record", **fields)


async def test_statements_tell_identified_money_as_contributions(fund: Books) -> None:
    await sign(fund)
    for name in "uv":
        await done(fund, "unidentified-receipt.record", id=name, fund="g", amount=usd("40.00"))
    placed = await done(fund, "unidentified-receipt.identify", receipt="u", commitment="c")
    assert await sources(fund) == {"Contributions from Donors": 4000, "Other sources": 4000}
    await done(fund, "record.reverse", record=placed)
    assert await sources(fund) == {"Contributions from Donors": 0, "Other sources": 8000}


async def sources(books: Books) -> dict[str, int]:
    engine = database.reader_engine(books.url, books.mechanism.id)
    async with database.snapshot(engine) as connection:
        flows = await statements.flows(connection, Scope("g", "USD", 2**40))
    await engine.dispose()
    lines = sources_and_uses(flows)
    return {name: lines[name] for name in ("Contributions from Donors", "Other sources")}


async def test_only_a_contribution_is_conditional_or_earned_later(fund: Books) -> None:
    await sign(fund)
    await done(fund, "deposit.receive", commitment="c", amount=usd("100.00"))
    await done(fund, "allocation.approve", id="a", fund="g", amount=usd("10.00"))
    grant = {"from_fund": "g", "to_party": "agent", "allocation": "a", "amount": usd("10.00")}
    for terms in ({"conditional": True}, {"recognition": "on_compliance"}):
        with pytest.raises(Invalid, match="contribution-only"):
            await fund.do("commitment.sign", **grant, **terms)
    await done(fund, "commitment.sign", id="w", **grant)
    for verb in ("meet-conditions", "recognise", "reduce"):
        with pytest.raises(Invalid, match="commitment-kind"):
            await fund.do(f"commitment.{verb}", commitment="w")
    with pytest.raises(Invalid, match="commitment-kind"):
        await fund.do("donor-refund.decide", commitment="w")


async def test_a_fund_that_others_name_stays(fund: Books) -> None:
    opened = (await fund.do("fund.open", id="f", name="Third fund", **FUND)).seq
    await done(fund, "unidentified-receipt.record", id="u", fund="f", amount=usd("1.00"))
    await done(fund, "unidentified-receipt.return", receipt="u")
    await refused(fund, "record.reverse", "record-needed", record=opened)
