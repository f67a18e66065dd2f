"""Closing a fund's years: what moves, what every date still shows, and that nothing reopens."""

import asyncio
from datetime import date

import asyncpg
import pytest
from msgspec import json

from mfm.app.perform import refusal_of
from mfm.core.errors import Invalid
from mfm.core.record import parse
from tests.app.playing import accepted, given, granted, held, opened, shown, sound
from tests.conftest import Database
from tests.support import Books, usd

pytestmark = pytest.mark.anyio


async def spent(books: Books, name: str, amount: str, on: str) -> None:
    """Grant, pay and accept the report of an amount out of all contributions, pro rata."""
    await granted(books, name, amount, on)
    day = {"effective_on": on}
    await accepted(books, "disbursement.release", "c", disbursement=f"p{name}", **day)
    costs = {"commitment": name, "direct": usd(amount)}
    await accepted(books, "report.accept", "d", id=f"r{name}", **costs, **day)


async def year_of(books: Books) -> None:
    """2023: 600 earmarked and 400 not, 10 of fee, 100 spent out of both; then 2024 begins."""
    await opened(books)
    await given(books, "c1", "earmarked", "600.00", "2023-02-01")
    await given(books, "c2", "unearmarked", "400.00", "2023-03-01")
    await spent(books, "w1", "100.00", "2023-06-01")
    await given(books, "c3", "unearmarked", "50.00", "2024-01-15")


CLOSE = {"fund": "f", "last_day": "2023-12-31", "decision": "minutes of 12 January"}


async def test_a_year_closes_into_the_balances(books: Books) -> None:
    await year_of(books)
    before = await shown(books, as_of=date(2023, 12, 31))
    sources = await shown(books)
    made = await accepted(books, "period.close", "e", **CLOSE)
    told = parse(made.content)[1].sets["period"][0]
    assert (told["first_day"], told["year"]) == ("2023-01-01", True)
    assert told["unallocated_minor"] == "89000"
    # Earmarked: 600, less its fee 6 and 60 of the 100 that were spent of both.
    after = held(await shown(books, as_of=date(2024, 1, 1)))
    assert (after["3200"], after["3100"]) == ("-534.00", "-356.00")
    assert not [code for code in after if code[0] in "45"]
    # Every day of the year shows the year, the next one only itself.
    last = await shown(books, as_of=date(2023, 12, 31))
    assert last.trial_balance == before.trial_balance
    assert last.sources_and_uses == before.sources_and_uses
    now = held(await shown(books))
    assert (now["4100"], now["5400"], now["3100"]) == ("-50.00", "0.50", "-356.00")
    assert (await shown(books)).sources_and_uses == sources.sources_and_uses
    await sound(books)


async def test_closed_days_stay_closed(books: Books, db: Database) -> None:
    await year_of(books)
    closed = await accepted(books, "period.close", **CLOSE)
    late = {"commitment": "c3", "amount": usd("1.00"), "effective_on": "2023-12-31"}
    for verb, fields, code in (
        ("deposit.receive", late, "period-closed"),
        ("period.close", CLOSE, "period-final"),
        ("fund.set-period", {"fund": "f", "open_from": "2023-12-01"}, "period-final"),
        ("record.reverse", {"record": closed.seq}, "record-final"),
    ):
        refused = await books.do(verb, **fields)
        assert (refused.accepted, refusal_of(refused)[0]) == (False, code)
    # A late correction counts from the open period.
    lines = [
        {"account": "3100", "debit": usd("5.00")},
        {"account": "1100", "subject": "main", "credit": usd("5.00")},
        {"account": "9300", "subject": "c2", "debit": usd("5.00")},
        {"account": "9340", "credit": usd("5.00")},
    ]
    day = {"effective_on": "2024-02-01", "description": "a bill of 2023"}
    await accepted(books, "entry.post", fund="f", lines=lines, **day)
    await sound(books)
    # The second path: the database refuses to reopen, whoever asks.
    connection = await asyncpg.connect(db.admin_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('mfm.appending', 'on', true)")
            for sets, why in (
                ("closed_until = NULL", "period-final"),
                ("closed_until = '2023-06-30'", "period-final"),
                ("open_from = '2023-06-01'", "fund_closed"),
            ):
                sql = f"UPDATE mfm.fund SET {sets} WHERE mechanism_id = {books.mechanism.id}"
                savepoint = connection.transaction()
                await savepoint.start()
                with pytest.raises(asyncpg.PostgresError, match=why):
                    await connection.execute(sql)
                await savepoint.rollback()
    finally:
        await connection.close()


async def test_a_period_must_be_over_and_within_one_year(books: Books) -> None:
    await opened(books, fiscal_year_start="07-01")
    for last_day, code in (
        ("2022-12-31", "period-final"),
        ("2059-06-30", "period-running"),
        ("2023-12-31", "period-spans"),
    ):
        refused = await books.do("period.close", fund="f", last_day=last_day)
        assert refusal_of(refused)[0] == code
    month = await accepted(books, "period.close", fund="f", last_day="2023-03-31")
    assert parse(month.content)[1].sets["period"][0]["year"] is False
    with pytest.raises(Invalid, match="designation-early"):
        await books.do("period.close", fund="f", last_day="2023-04-30", designate=usd("1.00"))
    year = await accepted(books, "period.close", fund="f", last_day="2023-06-30")
    assert parse(year.content)[1].sets["period"][0]["first_day"] == "2023-04-01"
    await sound(books)


async def test_months_close_without_touching_income(books: Books) -> None:
    await year_of(books)
    await accepted(books, "period.close", fund="f", last_day="2023-11-30")
    assert held(await shown(books))["4110"] == "-600.00"
    await accepted(books, "period.close", **CLOSE)
    now = held(await shown(books, as_of=date(2024, 1, 1)))
    assert (now["3200"], now["3100"]) == ("-534.00", "-356.00")
    await sound(books)


async def test_what_is_unsigned_needs_a_decision_and_a_reserve_may_be_made(books: Books) -> None:
    await year_of(books)
    with pytest.raises(Invalid, match=r"decision-missing: 890.00 USD"):
        await books.do("period.close", **{**CLOSE, "decision": ""})
    await accepted(books, "period.close", **CLOSE, designate=usd("100.00"))
    now = held(await shown(books, as_of=date(2024, 1, 1)))
    assert (now["3300"], now["3100"]) == ("-100.00", "-256.00")
    await sound(books)


async def test_years_follow_each_other(books: Books) -> None:
    await year_of(books)
    await accepted(books, "period.close", **CLOSE)
    await spent(books, "w2", "90.00", "2024-03-01")
    await accepted(books, "period.close", **{**CLOSE, "last_day": "2024-12-31"})
    # What each year closed is what each year shows.
    for year, uses in (("2023", {"5100": "100.00"}), ("2024", {"5100": "90.00"})):
        told = held(await shown(books, as_of=date(int(year), 12, 31)))
        assert {code: told[code] for code in uses} == uses
    now = held(await shown(books))
    assert not [code for code in now if code[0] in "45"]
    cash = sum(float(value) for code, value in now.items() if code[0] in "123")
    assert abs(cash) < 0.001
    await sound(books)


async def test_a_closing_in_one_batch_with_entries_sees_them(books: Books) -> None:
    await year_of(books)
    late = books.do(
        "deposit.receive",
        commitment="c9",
        amount=usd("7.00"),
        effective_on="2023-12-30",
    )
    told = {"id": "c9", "from_party": "donor", "to_fund": "f", "amount": usd("7.00")}
    made = await asyncio.gather(
        books.do("commitment.sign", effective_on="2023-12-29", **told),
        late,
        books.do("period.close", **CLOSE),
        books.do("pledge.announce", fund="f", donor="donor", amount=usd("1.00")),
    )
    assert all(each.accepted for each in made)
    period = parse(made[2].content)[1].sets["period"][0]
    sums = {row["code"]: row["amount_minor"] for row in period["closings"]}
    assert sums["4100"] == "-40700"
    assert period["unallocated_minor"] == "89700"
    await sound(books)


async def test_what_was_known_last_month_is_shown_the_same_for_ever(books: Books) -> None:
    await year_of(books)
    lines = [
        {"account": "4500", "credit": usd("3.00")},
        {"account": "1100", "subject": "main", "debit": usd("3.00")},
        {"account": "9399", "debit": usd("3.00")},
        {"account": "9300", "credit": usd("3.00")},
    ]
    slip = await accepted(books, "entry.post", fund="f", lines=lines, effective_on="2024-02-01")
    query = {"as_of": date(2024, 2, 29), "known_at": slip.seq}
    then = json.encode(await shown(books, **query))
    await accepted(books, "record.reverse", record=slip.seq, effective_on="2024-02-01")
    await accepted(books, "period.close", **CLOSE)
    await given(books, "c4", "earmarked", "9.00", "2024-02-20")
    assert json.encode(await shown(books, **query)) == then
    assert json.encode(await shown(books, as_of=query["as_of"])) != then


async def test_the_fold_holds_a_period_to_its_books(books: Books, db: Database) -> None:
    await year_of(books)
    await accepted(books, "period.close", **CLOSE)
    connection = await asyncpg.connect(db.admin_url)
    try:
        row = await connection.fetchrow(
            "SELECT p.head_number, p.head_hash, p.seq FROM mfm.period p WHERE mechanism_id = $1",
            books.mechanism.id,
        )
        # The record before it in the fund's chain is the one whose leaf it names.
        leaf = await connection.fetchval(
            "SELECT leaf FROM mfm.record WHERE mechanism_id = $1 AND seq < $2"
            " AND convert_from(content, 'UTF8') LIKE '%\"fund\":\"f\"%' ORDER BY seq DESC LIMIT 1",
            books.mechanism.id,
            row["seq"],
        )
    finally:
        await connection.close()
    assert leaf.hex() == row["head_hash"]


async def test_a_year_without_movement_leaves_the_balances(books: Books) -> None:
    await opened(books)
    await given(books, "c1", "earmarked", "600.00", "2023-02-01")
    await accepted(books, "period.close", "e", **CLOSE)
    before = held(await shown(books))
    assert before["3200"] == "-594.00"
    await accepted(books, "period.close", "e", **{**CLOSE, "last_day": "2024-12-31"})
    assert held(await shown(books)) == before
    await given(books, "c2", "earmarked", "100.00", "2025-02-01")
    await accepted(books, "period.close", "e", **{**CLOSE, "last_day": "2025-12-31"})
    now = held(await shown(books))
    assert (now["3200"], now.get("3100")) == ("-693.00", None)
    await sound(books)


@pytest.mark.parametrize("kind", ["public-budget", "private"])
async def test_an_earmark_restricts_whosever_money_it_is(books: Books, kind: str) -> None:
    await opened(books)
    told = {"id": "c1", "from_party": "donor", "to_fund": "f", "amount": usd("100.00")}
    day = {"effective_on": "2023-02-01"}
    terms = {"contribution": kind, "earmark": {"place": ["KE"]}}
    await accepted(books, "commitment.sign", **told, **terms, **day)
    await accepted(books, "period.close", "e", **CLOSE)
    now = held(await shown(books))
    assert (now["3200"], now.get("3100")) == ("-100.00", None)
    less = {"amount": usd("40.00"), "against": "fund-balance", "effective_on": "2024-02-01"}
    await accepted(books, "commitment.reduce", commitment="c1", **less)
    assert held(await shown(books))["3200"] == "-60.00"
    await sound(books)


async def test_no_more_is_designated_than_is_unrestricted(books: Books) -> None:
    await year_of(books)
    refused = await books.do("period.close", **CLOSE, designate=usd("356.01"))
    assert not refused.accepted
    assert refusal_of(refused)[0] == "designation-exceeded"
    await accepted(books, "period.close", **CLOSE, designate=usd("356.00"))
    now = held(await shown(books, as_of=date(2024, 1, 1)))
    assert (now["3300"], now.get("3100")) == ("-356.00", None)
    await sound(books)


async def test_evidence_accounts_for_no_more_than_was_paid(books: Books) -> None:
    await opened(books, advance_model="expense_on_payment")
    await given(books, "c1", "unearmarked", "600.00", "2023-02-01")
    await granted(books, "w", "100.00", "2024-03-01")
    day = {"effective_on": "2024-03-01"}
    await accepted(books, "disbursement.release", "c", disbursement="pw", **day)
    await accepted(books, "disbursement.confirm", "c", disbursement="pw", **day)
    about = {"commitment": "w", "disbursement": "pw", **day}
    for name, amount in (("r1", "60.00"), ("r2", "40.01"), ("r3", "40.00")):
        await accepted(books, "report.submit", "g", id=name, direct=usd(amount), **about)
        decided = await books.do("report.decide", report=name, **day)
        assert decided.accepted == (name != "r2")
        if name == "r2":
            assert refusal_of(decided)[0] == "advance-exceeded"
    for more in ({}, {"disbursement": "pw"}):
        again = {"commitment": "w", "direct": usd("0.01"), **more, **day}
        refused = await books.do("report.accept", **again)
        assert refusal_of(refused)[0] == "advance-exceeded"
    await sound(books)
