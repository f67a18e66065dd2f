"""Reading decisions that were made, with all that was kept of each, piece by piece."""

from collections.abc import AsyncIterator
from datetime import date

from sqlalchemy import ColumnElement, Integer, column, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.simulations import Past

_PIECE = 500
_NAMES = "id seq status gate fund funding_window judged_on outcome content mechanism_id"
_DECISION = table("decision", *map(column, _NAMES.split()))
_BLOB = table("blob", *map(column, ("mechanism_id", "sha256", "content")))


def _within(since: date, until: date, fund: str) -> list[ColumnElement[bool]]:
    made = _DECISION.c
    wanted = [
        made.status.in_(("made", "refused")),
        made.judged_on >= since,
        made.judged_on <= until,
    ]
    return [*wanted, made.fund == fund] if fund else wanted


async def count(connection: AsyncConnection, since: date, until: date, fund: str) -> int:
    """Return how many decisions there are for days of a span, of one fund or ("") of all."""
    query = select(func.count(type_=Integer)).select_from(_DECISION)
    return (await connection.execute(query.where(*_within(since, until, fund)))).scalar_one()


async def decisions(
    connection: AsyncConnection, since: date, until: date, fund: str
) -> AsyncIterator[Past]:
    """Yield the decisions for days of a span, as they were made."""
    made = _DECISION.c
    query = (
        select(
            *(made.seq, made.id, made.gate, made.fund, made.funding_window),
            *(made.judged_on, made.outcome, _BLOB.c.content),
        )
        .join(
            _BLOB,
            (_BLOB.c.mechanism_id == made.mechanism_id)
            & (_BLOB.c.sha256 == func.decode(made.content, "hex")),
        )
        .where(*_within(since, until, fund))
        .order_by(made.seq, made.id)
        .limit(_PIECE)
    )
    rows = (await connection.execute(query)).all()
    while rows:
        for row in rows:
            yield Past(*row[2:])
        last = (made.seq > rows[-1][0]) | ((made.seq == rows[-1][0]) & (made.id > rows[-1][1]))
        rows = (await connection.execute(query.where(last))).all()
