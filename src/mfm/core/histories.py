"""Histories: an account's postings one by one, with the balance that each leaves."""

from datetime import date
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from mfm.core.money import decimal_text
from mfm.core.statements import Scope, StatementQuery, TrailPoint, sides


class AccountQuery(StatementQuery, frozen=True, kw_only=True):
    """Which account, at which moment.

    Attributes:
        code: a code of the chart.
        subject: the account's subject; None for the code over all its subjects.
    """

    code: Annotated[str, Meta(max_length=8)]
    subject: Annotated[str, Meta(max_length=200)] | None = None


class HistoryQuery(AccountQuery, frozen=True, kw_only=True):
    """Which page of an account's history.

    Attributes:
        after: the last record seen; 0 at the start.
        limit: about how many rows; a record's rows are never split between pages.
    """

    after: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100


class Movement(NamedTuple):
    """One posting as one of its two accounts sees it.

    Attributes:
        seq: its record.
        line: its place there.
        recorded_at: the record's instant, as records write it.
        effective_on: the day it counts from.
        verb: what was done.
        subject: of the account itself.
        other: the code on the other side.
        other_subject: the subject on the other side.
        amount_minor: debit above zero, credit below.
        iati_type: the IATI transaction type it was reported as, or "".
    """

    seq: int
    line: int
    recorded_at: str
    effective_on: date
    verb: str
    subject: str
    other: str
    other_subject: str
    amount_minor: int
    iati_type: str


class AccountBalance(Struct, frozen=True):
    """An account's balance at a moment: debits less credits, as a decimal string.

    `as_of` is as asked; `known_at` too, else the newest record there was. A `subject` of None
    stands for the code over all its subjects. `trail` is as on statements.
    """

    fund: str
    currency: str
    as_of: date | None
    known_at: int
    code: str
    name: str
    subject: str | None
    balance: str
    trail: TrailPoint | None = None


class HistoryRow(Struct, frozen=True):
    """A posting in an account's history, with the balance after it (debits less credits)."""

    seq: int
    line: int
    recorded_at: str
    effective_on: date
    verb: str
    subject: str
    other: str
    other_subject: str
    iati_type: str
    debit: str
    credit: str
    balance: str


class History(Struct, frozen=True):
    """A page of an account's history, in the order in which the journal came to know it.

    Attributes:
        fund: the fund's id.
        currency: of every amount.
        as_of: as asked.
        known_at: as asked, else the newest record there was.
        code: the account's code.
        name: its name in the chart.
        subject: as asked; None over all subjects.
        opening: the balance before the first row, debits less credits.
        rows: the postings.
        closing: the balance after the last row.
        next: `after` for the next page; None when this is the last.
        trail: as on statements.
    """

    fund: str
    currency: str
    as_of: date | None
    known_at: int
    code: str
    name: str
    subject: str | None
    opening: str
    rows: tuple[HistoryRow, ...]
    closing: str
    next: int | None
    trail: TrailPoint | None = None


def balance(scope: Scope, query: AccountQuery, balance_minor: int) -> AccountBalance:
    """Return a balance (debits less credits, minor units) with what it is the balance of."""
    return AccountBalance(
        fund=scope.fund,
        currency=scope.currency,
        as_of=scope.as_of,
        known_at=scope.known_at,
        code=query.code,
        name=scope.name_of(query.code),
        subject=query.subject,
        balance=decimal_text(balance_minor, scope.currency),
        trail=scope.trail,
    )


def history(
    scope: Scope, query: HistoryQuery, opening_minor: int, movements: list[Movement]
) -> History:
    """Return a page of history with its running balance.

    Args:
        scope: whose account, and up to when.
        query: the account and the page.
        opening_minor: the balance before the page, debits less credits.
        movements: the page's postings, in any order; fewer than `query.limit` end the history.
    """
    currency, running_minor = scope.currency, opening_minor
    rows: list[HistoryRow] = []
    for each in sorted(movements):
        running_minor += each.amount_minor
        debit, credit = sides(each.amount_minor, currency)
        told = (each.subject, each.other, each.other_subject, each.iati_type, debit, credit)
        balance = decimal_text(running_minor, currency)
        rows.append(HistoryRow(*each[:5], *told, balance))
    return History(
        fund=scope.fund,
        currency=currency,
        as_of=scope.as_of,
        known_at=scope.known_at,
        code=query.code,
        name=scope.name_of(query.code),
        subject=query.subject,
        opening=decimal_text(opening_minor, currency),
        rows=tuple(rows),
        closing=decimal_text(running_minor, currency),
        next=rows[-1].seq if len(rows) >= query.limit else None,
        trail=scope.trail,
    )
