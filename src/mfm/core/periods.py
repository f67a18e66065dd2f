"""Periods: a fund's days closed for good, and at a year's end its income and uses with them.

A closing counts from the first day of the next period. So every day of the closed year still shows
that year's income and uses, in any statement asked as of it, and the day after shows none.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

from msgspec import Meta, Struct, structs

from mfm.core.accounts import Account
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import FIRST_DAY, NO_NUL, Act, Command, Id

UNRESTRICTED, RESTRICTED, RESERVE = "3100", "3200", "3300"
_DAY = timedelta(days=1)
Decision = Annotated[
    str,
    Meta(
        max_length=200,
        pattern=NO_NUL,
        description="By which decision what is not signed is carried forward: its minutes, a link",
    ),
]


class Closing(Struct, frozen=True):
    """A code of income or uses, closed.

    Attributes:
        code: which.
        amount_minor: what it held, debits less credits: below zero for income.
        restricted_minor: how much of it belongs to earmarked money, and so to 3200.
    """

    code: str
    amount_minor: int
    restricted_minor: int


class Period(Noun, frozen=True, kw_only=True):
    """Days of a fund that take no entry any more.

    Attributes:
        fund: whose.
        currency: the fund's.
        first_day: the first day.
        last_day: the last day.
        year: whether it ends a fiscal year, and income and uses were closed with it.
        head_number: how long the fund's chain was when it was closed.
        head_hash: the leaf (hex) at its end: the books that were closed.
        closings: income and uses by code (a year's end).
        designated_minor: moved from 3100 to 3300 by the board's decision.
        unallocated_minor: 9300 on the last day, carried forward with its contributions.
        allocated_minor: 9310 on the last day, likewise.
        encumbered_minor: 9320 and 9330 on the last day: these roll with their agreements.
        decision: by which decision what is not signed was carried forward.
    """

    fund: str
    currency: str
    first_day: date
    last_day: date
    year: bool
    head_number: int
    head_hash: str
    closings: tuple[Closing, ...] = ()
    designated_minor: int = 0
    unallocated_minor: int = 0
    allocated_minor: int = 0
    encumbered_minor: int = 0
    decision: str = ""


class ClosePeriod(Command, frozen=True, kw_only=True):
    """Close a fund's books up to a day, for good.

    `designate` moves a part of the unrestricted balance into the board's reserve (3300).
    """

    fund: Id
    last_day: date
    decision: Decision = ""
    designate: Money | None = None


class Held(Struct, frozen=True):
    """What a fund's books say at the end of a period.

    Attributes:
        head: the fund's chain: how long it is, and the leaf (hex) at its end.
        balances: account -> debits less credits, in minor units, of all days up to the last.
        restricted: code -> how much of what moved since the last year's end is earmarked money's.
    """

    head: tuple[int, str]
    balances: dict[Account, int]
    restricted: dict[str, int]

    def total(self, *codes: str) -> int:
        """Return what codes hold together, over all their subjects, debits less credits."""
        return sum(minor for account, minor in self.balances.items() if account.code in codes)


def first_day(fund: Fund) -> date:
    """Return the first day that no period has closed yet."""
    return fund.open_from if fund.closed_until is None else fund.closed_until + _DAY


def ends_year(fund: Fund, day: date) -> bool:
    """Tell whether a day is the last of one of the fund's fiscal years."""
    return f"{day + _DAY:%m-%d}" == fund.fiscal_year_start


def check_days(act: Act, command: ClosePeriod, fund: Fund) -> None:
    """Hold the days of a period that is to be closed.

    Args:
        act: who, and today.
        command: what is asked.
        fund: whose books.

    Raises:
        Invalid: `fund-reported`.
        Refused: `period-final`, `period-running`, `period-spans`.
    """
    fund.must_be_kept()
    start, end = first_day(fund), command.last_day
    if end < start:
        detail = f"The days of fund {fund.id} before {start} are closed, or were never open."
        raise Refused("period-final", detail, "/last_day")
    if end >= act.on:
        detail = f"{end} is not over: today is {act.on}."
        raise Refused("period-running", detail, "/last_day")
    year_end = date.fromisoformat(f"{start.year}-{fund.fiscal_year_start}") - _DAY
    if year_end < start:
        year_end = date.fromisoformat(f"{start.year + 1}-{fund.fiscal_year_start}") - _DAY
    if start != FIRST_DAY and year_end < end:
        detail = f"The fiscal year ended on {year_end}: close it up to that day first."
        raise Refused("period-spans", detail, "/last_day")


def close(act: Act, command: ClosePeriod, fund: Fund, held: Held) -> Draft:
    """Record the close of a period; a year's end closes 4xxx and 5xxx to 3100 and 3200.

    Raises:
        Invalid: `decision-missing`, `designation-early`, and as `check_days`.
        Refused: `designation-exceeded`, and as `check_days`.
    """
    check_days(act, command, fund)
    year = ends_year(fund, command.last_day)
    period = Period(
        id=f"{fund.id}.{command.last_day}",
        status="closed",
        fund=fund.id,
        currency=fund.currency,
        first_day=first_day(fund),
        last_day=command.last_day,
        year=year,
        head_number=held.head[0],
        head_hash=held.head[1],
        closings=_closings(held) if year else (),
        designated_minor=_designated(command, fund, held, year=year),
        unallocated_minor=-held.total("9300"),
        allocated_minor=-held.total("9310"),
        encumbered_minor=-held.total("9320", "9330"),
        decision=command.decision,
    )
    unsigned_minor = period.unallocated_minor + period.allocated_minor
    if year and unsigned_minor and not command.decision:
        amount = decimal_text(unsigned_minor, fund.currency)
        detail = f"{amount} {fund.currency} is not signed: name the decision that carries it on."
        raise Invalid("decision-missing", detail, "/decision")
    opens = max(fund.open_from, command.last_day + _DAY)
    over = fund.open_until is not None and fund.open_until < opens
    closed = structs.replace(
        fund,
        closed_until=command.last_day,
        open_from=opens,
        open_until=None if over else fund.open_until,
    )
    postings = tuple(_postings(fund, period))
    return Draft(effective_on=opens, sets=(period, closed), postings=postings, funds=(fund.id,))


def _designated(command: ClosePeriod, fund: Fund, held: Held, *, year: bool) -> int:
    if command.designate is None:
        return 0
    if not year:
        detail = f"{command.last_day} ends no fiscal year: designate at the year's end."
        raise Invalid("designation-early", detail, "/designate")
    amount_minor = fund.amount(command.designate, "/designate")
    rest_minor = sum(row.amount_minor - row.restricted_minor for row in _closings(held))
    free_minor = -held.total(UNRESTRICTED) - rest_minor
    if amount_minor > free_minor:
        free = decimal_text(max(free_minor, 0), fund.currency)
        detail = f"Of the unrestricted balance {free} {fund.currency} can be designated."
        raise Refused("designation-exceeded", detail, "/designate")
    return amount_minor


def _closings(held: Held) -> tuple[Closing, ...]:
    codes = sorted({account.code for account in held.balances if account.code[0] in "45"})
    rows = (Closing(code, held.total(code), held.restricted.get(code, 0)) for code in codes)
    return tuple(row for row in rows if row.amount_minor or row.restricted_minor)


def parts(closing: Closing) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return how much of a closed code goes to which fund balance: 3200, and the rest to 3100."""
    rest_minor = closing.amount_minor - closing.restricted_minor
    return (RESTRICTED, closing.restricted_minor), (UNRESTRICTED, rest_minor)


def _postings(fund: Fund, period: Period) -> Iterator[Posting]:
    """Return 4xxx / 3xxx and 3xxx / 5xxx, by code: what subjects hold stays told by subject."""
    for closing in period.closings:
        for balance, signed_minor in parts(closing):
            if signed_minor > 0:
                yield fund.move((balance, ""), (closing.code, ""), signed_minor)
            elif signed_minor < 0:
                yield fund.move((closing.code, ""), (balance, ""), -signed_minor)
    if period.designated_minor:
        yield fund.move((UNRESTRICTED, ""), (RESERVE, ""), period.designated_minor)
