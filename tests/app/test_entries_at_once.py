"""A voucher that is posted at once comes to what it would come to on the way of all verbs."""

from functools import partial
from typing import Any

import msgspec
import pytest

from mfm.app.entries import POST, post_at_once
from mfm.app.perform import Ask, Made, perform
from mfm.core.entries import PostEntry
from mfm.core.errors import Problem
from mfm.core.permissions import Actor
from mfm.core.record import Body, parse
from mfm.store.unit import Unit
from tests.app.playing import accepted, given, opened, sound
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio

ON = {"effective_on": "2026-03-02"}


def side(account: str, subject: str, name: str, amount: str) -> dict[str, Any]:
    """Return a line of a voucher."""
    return {"account": account, "subject": subject, name: usd(amount)}


def of(amount: str, debit: str = "3100:a", credit: str = "3300:b") -> dict[str, Any]:
    """Return a voucher of two lines on accounts that are there."""
    lines = [
        side(*name.split(":"), where, amount)
        for name, where in ((debit, "debit"), (credit, "credit"))
    ]
    return {"lines": lines, **ON}


THREE = [*of("3.00")["lines"], side("3200", "c", "debit", "1.00")]
WHOLE = [*of("3.00")["lines"][:1], *of("4.00")["lines"][1:], side("3200", "c", "debit", "1.00")]

# What a voucher says, who says it, and whether it goes at once: what is odd goes the other way.
CASES: dict[str, tuple[dict[str, Any], Actor, bool]] = {
    "plain": (of("1.00"), operator(), True),
    "of-one-fund": (of("1.00"), Actor("operator", "preparer", "k", "f"), True),
    "three-lines": ({"lines": WHOLE, **ON}, operator(), True),
    "with-words": (of("1.00") | {"description": "Rounding"}, operator(), True),
    "today": ({"lines": of("1.00")["lines"]}, operator(), True),
    "between-banks": (of("1.00", "1100:reserve", "1100:main"), operator(), True),
    "new-account": (of("1.00", "3100:never-seen"), operator(), False),
    "unbalanced": ({"lines": THREE, **ON}, operator(), False),
    "with-itself": (of("1.00", "3100:a", "3100:a"), operator(), False),
    "unknown-account": (of("1.00", "7777:a"), operator(), False),
    "kept-by-verbs": (of("1.00", "1300:a"), operator(), False),
    "authority": (of("1.00", "9300:c", "9300:d"), operator(), False),
    "uncovered": (of("1.00", "3100:a", "1100:main"), operator(), False),
    "below-zero": (of("9999.00", "1100:reserve", "1100:main"), operator(), False),
    "before-the-period": (of("1.00") | {"effective_on": "2022-12-31"}, operator(), False),
    "long-after-today": (of("1.00") | {"effective_on": "2999-12-31"}, operator(), False),
    "not-my-fund": (of("1.00"), Actor("operator", "preparer", "k", "g"), False),
    "not-my-role": (of("1.00"), Actor("operator", "donor", "k"), False),
    "no-such-fund": (of("1.00") | {"fund": "absent"}, operator(), False),
    "fund-taken-back": (of("1.00") | {"fund": "gone"}, operator(), False),
}


def told(outcome: Made | Problem) -> object:
    """Return what there is of an outcome beside its place, its key and what is random."""
    if isinstance(outcome, Problem):
        return type(outcome), outcome.code, outcome.detail, outcome.pointer
    record, body = parse(outcome.content)
    plain = msgspec.structs.replace(body, caused_by="", commit=dict.fromkeys(body.commit, ""))
    assert isinstance(plain, Body)
    return record.outcome, [link.fund for link in record.chain], plain


async def prepared(books: Books) -> None:
    """Open fund f, with money and the accounts that the vouchers name, and a fund taken back."""
    await opened(books)
    await given(books, "c", "earmarked", "100.00", "2026-03-01")
    fund = {"name": "G", "tier": "national", "currency": "USD", "steward": "donor"}
    made = await accepted(books, "fund.open", id="gone", **fund)
    await accepted(books, "record.reverse", record=made.seq)
    for voucher in (of("1.00"), of("1.00", "1100:reserve", "1100:main"), of("1.00", "3200:c")):
        await accepted(books, "entry.post", fund="f", **voucher)


async def outcome(unit: Unit, ask: Ask) -> Made | Problem:
    """Perform a voucher; return what it comes to."""
    try:
        return await perform(unit, ask)
    except Problem as problem:
        return problem


async def both(name: str, unit: Unit) -> tuple[Made | None, list[Made | Problem]]:
    """Return what a case comes to at once, and what to: twice on the way of all verbs, and last."""
    fields, actor, _ = CASES[name]
    command = msgspec.convert({"fund": "f", **fields}, PostEntry)
    slowly = msgspec.structs.replace(POST, at_once=None)
    made = post_at_once(unit, Ask(actor, POST, command, f"{name}-at-once"))
    verbs = enumerate((slowly, slowly, POST))
    asks = [Ask(actor, verb, command, f"{name}-{number}") for number, verb in verbs]
    return made, [await outcome(unit, ask) for ask in asks]


async def test_at_once_or_not_it_comes_to_the_same(books: Books) -> None:
    await prepared(books)
    for name, (_, _, at_once) in CASES.items():
        made, others = await books.writer.run(partial(both, name))
        assert (made is not None) == at_once, name
        assert made is None or told(made) == told(others[0]), name
        assert told(others[0]) == told(others[1]) == told(others[2]), name
    await sound(books)


async def test_a_key_that_was_used_is_not_posted_at_once(books: Books) -> None:
    await prepared(books)
    command = msgspec.convert({"fund": "f", **of("1.00")}, PostEntry)
    ask = Ask(operator(), POST, command, "again")

    async def thrice(unit: Unit) -> list[Made | None]:
        first = post_at_once(unit, ask)
        return [first, post_at_once(unit, ask), await perform(unit, ask)]

    first, second, third = await books.writer.run(thrice)
    assert first is not None
    assert second is None
    assert third is not None
    assert (third.seq, third.replayed) == (first.seq, True)
    assert await books.writer.run(lambda unit: perform(unit, ask)) == third
