"""Totals out of the ledger: transactions by activity, IATI type and currency."""

from sqlalchemy import ColumnElement, and_, case, column, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.totals import Reported
from mfm.store.statements import ACCOUNT, POSTING, RECORD, with_account, with_reversal

_FUND = table("fund", *map(column, ("mechanism_id", "id", "identifier")))
_TRANSACTION = table(
    "reported_transaction",
    *map(column, ("mechanism_id", "status", "fund", "iati_type", "currency", "amount_minor")),
)
_ACTIVITY: ColumnElement[str] = case(
    (_FUND.c.identifier != "", _FUND.c.identifier), else_=_FUND.c.id
)


async def reported(connection: AsyncConnection) -> list[Reported]:
    """Return all transactions, summed at the finest grain; in no order, and a key may come twice.

    A transaction is what a record says of one IATI type: the parts of a de-obligation are one.
    A reversal takes back its amount (its sign is turned) and its count.
    """
    number = func.count(POSTING.c.seq.distinct())
    query = (
        select(
            *(_ACTIVITY, POSTING.c.iati_type, ACCOUNT.c.currency),
            func.sum(POSTING.c.iati_sign * POSTING.c.amount_minor),
            number.filter(RECORD.c.seq.is_(None)) - number.filter(RECORD.c.seq.is_not(None)),
        )
        .select_from(POSTING)
        .join(ACCOUNT, with_account(POSTING.c.debit_id, ACCOUNT))
        .join(
            _FUND,
            and_(_FUND.c.mechanism_id == ACCOUNT.c.mechanism_id, _FUND.c.id == ACCOUNT.c.fund),
        )
        .outerjoin(RECORD, with_reversal())
        .where(POSTING.c.iati_type != "")
        .group_by(_FUND.c.id, _FUND.c.identifier, POSTING.c.iati_type, ACCOUNT.c.currency)
    )
    return [
        Reported(activity, iati_type, currency, int(amount), count)
        for activity, iati_type, currency, amount, count in await connection.execute(query)
    ] + await _zeros(connection)


async def _zeros(connection: AsyncConnection) -> list[Reported]:
    """Return the reported transactions of no value: records without postings that count."""
    same = and_(
        _FUND.c.mechanism_id == _TRANSACTION.c.mechanism_id, _FUND.c.id == _TRANSACTION.c.fund
    )
    named = (_ACTIVITY, _TRANSACTION.c.iati_type, _TRANSACTION.c.currency)
    query = (
        select(*named, func.count())
        .join_from(_TRANSACTION, _FUND, same)
        .where(
            _TRANSACTION.c.amount_minor == 0,
            _TRANSACTION.c.status.not_in(["reversed", "withdrawn"]),
        )
        .group_by(*named)
    )
    return [
        Reported(activity, iati_type, currency, 0, count)
        for activity, iati_type, currency, count in await connection.execute(query)
    ]
