"""Sums of postings: flows between codes, balances and histories, as of a day, as known at a record.

Every read is for a connection of mfm_reader or mfm_auditor, which row-level security keeps within
one mechanism.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    and_,
    column,
    func,
    literal,
    select,
    table,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.histories import HistoryQuery, Movement
from mfm.core.record import instant
from mfm.core.statements import Flow, Scope


def _table(name: str, names: str) -> FromClause:
    return table(name, column("mechanism_id"), *map(column, names.split()))


ACCOUNT = _table("account", "account_id fund code currency subject")
POSTING = _table(
    "posting", "seq line debit_id credit_id amount_minor effective_on iati_type iati_sign"
)
RECORD = _table("record", "seq recorded_at verb reverses")
_BALANCE = _table("balance", "account_id debit_minor credit_minor")


def with_account(number: ColumnElement[Any], account: FromClause) -> ColumnElement[bool]:
    """Return what joins postings to the account that one of their columns names."""
    return and_(account.c.mechanism_id == POSTING.c.mechanism_id, account.c.account_id == number)


def with_reversal() -> ColumnElement[bool]:
    """Return what joins postings to their record if it is a reversal; for an outer join."""
    return and_(
        RECORD.c.mechanism_id == POSTING.c.mechanism_id,
        RECORD.c.seq == POSTING.c.seq,
        RECORD.c.reverses.is_not(None),
    )


def _known(scope: Scope) -> list[ColumnElement[bool]]:
    """Return what keeps postings to those that a scope sees."""
    clauses: list[ColumnElement[bool]] = []
    if not scope.current:
        clauses.append(POSTING.c.seq <= scope.known_at)
    if scope.as_of is not None:
        clauses.append(POSTING.c.effective_on <= scope.as_of)
    return clauses


def _of(scope: Scope, account: FromClause) -> tuple[ColumnElement[bool], ...]:
    return account.c.fund == scope.fund, account.c.currency == scope.currency


async def flows(connection: AsyncConnection, scope: Scope) -> list[Flow]:
    """Return the sums of a scope's postings by code debited, code credited and IATI type."""
    debit, credit = ACCOUNT.alias("debit"), ACCOUNT.alias("credit")
    # Both sides are in one fund and currency, so the debit's tell.
    names = (debit.c.code, credit.c.code, POSTING.c.iati_type, RECORD.c.seq.is_not(None))
    query = (
        select(*names, func.sum(POSTING.c.amount_minor))
        .select_from(POSTING)
        .join(debit, with_account(POSTING.c.debit_id, debit))
        .join(credit, with_account(POSTING.c.credit_id, credit))
        .outerjoin(RECORD, with_reversal())
        .where(*_of(scope, debit), *_known(scope))
        .group_by(*names)
    )
    found: list[Flow] = []
    for debited, credited, iati_type, taken_back, amount in await connection.execute(query):
        if taken_back:
            found.append(Flow(credited, debited, -int(amount), iati_type))
        else:
            found.append(Flow(debited, credited, int(amount), iati_type))
    return found


async def positions(connection: AsyncConnection, scope: Scope) -> list[tuple[str, str, int]]:
    """Return the exchange positions of a scope's fund, as (currency pair, currency, net minor)."""
    names = (ACCOUNT.c.subject, ACCOUNT.c.currency)
    sides = [
        select(*names, (literal(sign) * POSTING.c.amount_minor).label("amount_minor"))
        .join_from(POSTING, ACCOUNT, with_account(POSTING.c[own], ACCOUNT))
        .where(ACCOUNT.c.fund == scope.fund, ACCOUNT.c.code == "1190", *_known(scope))
        for own, sign in (("debit_id", 1), ("credit_id", -1))
    ]
    both = union_all(*sides).subquery("position")
    query = (
        select(both.c.subject, both.c.currency, func.sum(both.c.amount_minor))
        .group_by(both.c.subject, both.c.currency)
        .order_by(both.c.subject, both.c.currency)
    )
    return [(pair, unit, int(net)) for pair, unit, net in await connection.execute(query)]


async def keeps(connection: AsyncConnection, fund: str, currency: str) -> bool:
    """Tell whether a fund has, or had, money in a currency that is not its own."""
    place = (ACCOUNT.c.fund == fund, ACCOUNT.c.code == "1190", ACCOUNT.c.currency == currency)
    found = await connection.execute(select(literal(1)).select_from(ACCOUNT).where(*place).limit(1))
    return found.first() is not None


async def balance(
    connection: AsyncConnection, scope: Scope, code: str, subject: str | None = None
) -> int:
    """Return one account's balance, or a code's over all subjects (None).

    Debits less credits, in minor units of the scope's currency.
    """
    query = _kept(scope, code, subject)
    if not scope.current:
        query = select(func.sum(_sides(scope, code, subject).c.amount_minor))
    return int((await connection.execute(query)).scalar() or 0)


def _accounts(scope: Scope, code: str, subject: str | None) -> list[ColumnElement[bool]]:
    """Return what keeps accounts to one, or to those of a code."""
    clauses = [*_of(scope, ACCOUNT), ACCOUNT.c.code == code]
    return clauses if subject is None else [*clauses, ACCOUNT.c.subject == subject]


def _kept(scope: Scope, code: str, subject: str | None) -> Select[Any]:
    """Return the sum of the balances that the writer keeps."""
    same = and_(
        _BALANCE.c.mechanism_id == ACCOUNT.c.mechanism_id,
        _BALANCE.c.account_id == ACCOUNT.c.account_id,
    )
    return (
        select(func.sum(_BALANCE.c.debit_minor - _BALANCE.c.credit_minor))
        .join_from(ACCOUNT, _BALANCE, same)
        .where(*_accounts(scope, code, subject))
    )


def _sides(scope: Scope, code: str, subject: str | None) -> Subquery:
    """Return the postings of an account (or of a code) as it sees them: debits positive."""

    def side(own: str, other: str, sign: int) -> Select[Any]:
        return (
            select(
                POSTING.c.mechanism_id,
                POSTING.c.seq,
                POSTING.c.line,
                POSTING.c.effective_on,
                POSTING.c.iati_type,
                (literal(sign) * POSTING.c.amount_minor).label("amount_minor"),
                POSTING.c[other].label("other_id"),
                ACCOUNT.c.subject,
            )
            .join_from(POSTING, ACCOUNT, with_account(POSTING.c[own], ACCOUNT))
            .where(*_accounts(scope, code, subject), *_known(scope))
        )

    both = union_all(side("debit_id", "credit_id", 1), side("credit_id", "debit_id", -1))
    return both.subquery("side")


async def history(connection: AsyncConnection, scope: Scope, query: HistoryQuery) -> list[Movement]:
    """Return a page of an account's postings: `query.limit` of them, and the last record's rest."""
    side = _sides(scope, query.code, query.subject)
    page = (
        select(side)
        .where(side.c.seq > query.after)
        .order_by(side.c.seq)
        .fetch(query.limit, with_ties=True)
        .subquery("page")
    )
    other = ACCOUNT.alias("other")
    found = await connection.execute(
        select(
            *(page.c.seq, page.c.line, RECORD.c.recorded_at, page.c.effective_on, RECORD.c.verb),
            *(page.c.subject, other.c.code, other.c.subject, page.c.amount_minor, page.c.iati_type),
        )
        .select_from(page)
        .join(
            other,
            and_(
                other.c.mechanism_id == page.c.mechanism_id, other.c.account_id == page.c.other_id
            ),
        )
        .join(
            RECORD, and_(RECORD.c.mechanism_id == page.c.mechanism_id, RECORD.c.seq == page.c.seq)
        )
    )
    return [Movement._make((*row[:2], instant(row[2]), *row[3:])) for row in found]
