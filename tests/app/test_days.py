"""Days: no step is dated before the one before it, and nothing is taken before it was there."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from mfm.app.context import utc_now
from mfm.app.perform import refusal_of
from mfm.core.record import parse
from tests.app.playing import accepted, given, opened, shown, sound
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio

STEPS = (
    ("disbursement.request", "operator", {"id": "p", "commitment": "w", "tranche": 1}),
    ("disbursement.approve", "b", {"disbursement": "p"}),
    ("disbursement.instruct", "c", {"disbursement": "p"}),
    ("disbursement.bounce", "c", {"disbursement": "p"}),
    ("disbursement.release", "c", {"disbursement": "p"}),
    ("disbursement.confirm", "operator", {"disbursement": "p"}),
    ("report.accept", "operator", {"commitment": "w", "disbursement": "p", "direct": usd("40.00")}),
)


async def refused(books: Books, verb: str, who: str = "operator", **fields: Any) -> str:  # noqa: ANN401  # any verb's fields
    made = await books.do(verb, operator(who), **fields)
    assert not made.accepted, verb
    return refusal_of(made)[0]


async def granted(books: Books, on: str = "2024-03-10") -> None:
    """Set a grant w of 40.00 up in fund f, all of it on one day."""
    await opened(books)
    await given(books, "c", "earmarked", "100.00", on)
    await accepted(
        books, "allocation.approve", id="a", fund="f", amount=usd("40.00"), effective_on=on
    )
    told = {"id": "w", "from_fund": "f", "to_party": "group", "amount": usd("40.00")}
    await accepted(books, "commitment.sign", allocation="a", effective_on=on, **told)


async def test_no_step_is_dated_before_the_last_one(books: Books) -> None:
    await granted(books)
    for number, (verb, who, fields) in enumerate(STEPS):
        if number:
            before = f"2024-04-{8 + number:02}"
            assert await refused(books, verb, who, effective_on=before, **fields) == (
                "step-backwards"
            ), verb
        await accepted(books, verb, who, effective_on=f"2024-04-{10 + number}", **fields)
    await sound(books)


async def test_a_receiver_whose_day_is_still_the_one_before_confirms_all_the_same(
    books: Books,
) -> None:
    today = utc_now().date()
    ahead = (today + timedelta(days=1)).isoformat()  # as it may be where the money came from
    await granted(books)
    for verb, who, fields in (*STEPS[:2], STEPS[4]):
        await accepted(books, verb, who, effective_on=ahead, **fields)
    early = await refused(
        books, "disbursement.confirm", disbursement="p", effective_on=today.isoformat()
    )
    assert early == "step-backwards"
    await accepted(books, "disbursement.confirm", disbursement="p")


async def test_what_is_dated_back_was_there_on_that_day_and_since(books: Books) -> None:
    await granted(books)
    spend = {"fund": "f", "kind": "direct", "amount": usd("10.00")}
    for on, code in (("2024-03-09", "day-uncovered"), ("2024-03-10", "")):
        made = await books.do("cost.pay", effective_on=on, **spend)
        assert (refusal_of(made)[0] if not made.accepted else "") == code
    later = {"id": "b", "fund": "f", "amount": usd("45.00"), "effective_on": "2024-05-01"}
    await accepted(books, "allocation.approve", **later)
    # 99.00 came; 10.00 are spent, 85.00 set aside: 4.00 are left from May on, 49.00 before.
    spend["amount"] = usd("5.00")
    assert await refused(books, "cost.pay", effective_on="2024-04-01", **spend) != "day-uncovered"
    back = {"allocation": "b", "amount": usd("45.00"), "effective_on": "2024-06-01"}
    await accepted(books, "allocation.return", **back)
    assert await refused(books, "cost.pay", effective_on="2024-04-01", **spend) == "day-uncovered"
    assert await refused(books, "cost.pay", effective_on="2024-05-31", **spend) == "day-uncovered"
    await accepted(books, "cost.pay", effective_on="2024-06-01", **spend)
    for day in ("2024-03-09", "2024-03-10", "2024-05-01", "2024-05-31", "2024-06-01"):
        told = await shown(books, as_of=date.fromisoformat(day))
        rows = {row.code: row for book in told.trial_balance.values() for row in book}
        for code, debit in (("1100", True), ("9300", False), ("9310", False)):
            if code in rows:
                assert (rows[code].credit if debit else rows[code].debit) == "0.00", (day, code)
    await sound(books)


async def test_a_payment_is_not_dated_before_the_money_came(books: Books) -> None:
    await granted(books, "2024-03-10")
    early = {"effective_on": "2024-03-01"}
    await accepted(books, "disbursement.request", id="p", commitment="w", tranche=1, **early)
    assert await refused(books, "disbursement.approve", "b", disbursement="p", **early) == (
        "day-uncovered"
    )


async def test_two_in_one_commit_do_not_take_the_same_day_twice(books: Books) -> None:
    """The database has not seen the first when the second is decided."""
    await granted(books)
    day = {"effective_on": "2024-03-10"}
    signed = {"id": "e", "from_party": "donor", "to_fund": "f", "amount": usd("100.00")}
    await accepted(books, "commitment.sign", contribution="earmarked", **signed, **day)
    for on in ("2024-03-10", "2024-05-01"):
        half = {"commitment": "e", "amount": usd("50.00"), "effective_on": on}
        await accepted(books, "deposit.receive", **half)
    spend = {"fund": "f", "kind": "direct", "amount": usd("30.00"), "effective_on": "2024-04-01"}
    spend["shares"] = [{"contribution": "e", "amount": usd("30.00")}]
    made = await asyncio.gather(*(books.do("cost.pay", **spend) for _ in range(3)))
    codes = sorted("" if each.accepted else refusal_of(each)[0] for each in made)
    assert codes == ["", "day-uncovered", "day-uncovered"]
    await sound(books)


async def test_what_is_dated_ahead_is_not_there_yet(books: Books) -> None:
    await granted(books)
    ahead = (utc_now().date() + timedelta(days=9)).isoformat()
    signed = {"id": "e", "from_party": "donor", "to_fund": "f", "amount": usd("50.00")}
    await accepted(books, "commitment.sign", contribution="earmarked", **signed)
    money = {"commitment": "e", "amount": usd("50.00")}
    await accepted(books, "deposit.receive", effective_on=ahead, **money)
    books.writer._memory = None  # as after a restart
    spend = {"fund": "f", "kind": "direct", "amount": usd("30.00")}
    spend["shares"] = [{"contribution": "e", "amount": usd("30.00")}]
    assert await refused(books, "cost.pay", **spend) == "day-uncovered"
    await accepted(books, "cost.pay", effective_on=ahead, **spend)
    await sound(books)


async def test_a_loss_on_exchange_is_no_decision(books: Books) -> None:
    """It is taken from all authority in proportion, also from what came later."""
    await opened(books)
    day = {"effective_on": "2024-03-01"}
    signed = {"id": "e", "from_party": "donor", "to_fund": "f", "amount": usd("110.00")}
    await accepted(books, "commitment.sign", contribution="earmarked", **signed, **day)
    euros = {"amount": {"amount": "100.00", "currency": "EUR"}, "rate": "1.1", "keep": True}
    money = {"commitment": "e", "bank_account": "euros", **euros}
    await accepted(books, "deposit.receive", **money, **day)
    await given(books, "c", "earmarked", "100.00", "2026-03-10")
    sold = {"amount": "50.00", "currency": "EUR"}
    change = {"fund": "f", "sold": sold, "sold_from": "euros", "bought_to": "main"}
    on = {"effective_on": "2024-03-05"}
    await accepted(books, "fund.convert", bought=usd("54.00"), **change, **on)
    await sound(books)


async def test_who_names_no_contribution_draws_on_those_that_had_come(books: Books) -> None:
    await granted(books)
    await given(books, "e", "earmarked", "500.00", "2024-05-01")
    charge = {"fund": "f", "kind": "bank-charge", "amount": usd("9.00")}
    made = await accepted(books, "cost.pay", effective_on="2024-04-01", **charge)
    shares = parse(made.content)[1].sets["cost"][0]["shares"]
    assert [each["contribution"] for each in shares] == ["c"]
    made = await accepted(books, "cost.pay", effective_on="2024-05-01", **charge)
    shares = parse(made.content)[1].sets["cost"][0]["shares"]
    assert [each["contribution"] for each in shares] == ["c", "e"]
    early = {"fund": "f", "amount": usd("60.00"), "effective_on": "2024-04-01"}
    assert await refused(books, "allocation.approve", **early) == "day-uncovered"
    await sound(books)
