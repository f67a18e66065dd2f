"""Reading decisions by what they are about."""

from msgspec import convert
from sqlalchemy import column, select, table
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.judgements import Decision

_FIELDS = Decision.__struct_fields__
_DECISION = table("decision", *map(column, _FIELDS))


async def refused(connection: AsyncConnection, subjects: tuple[str, ...]) -> list[Decision]:
    """Return the last decision of each gate on each of these subjects, where it refused."""
    made = _DECISION.c
    last = (
        select(*made)
        .where(made.subject.in_(subjects), made.status != "reversed")
        .ext(distinct_on(made.subject, made.gate))
        .order_by(made.subject, made.gate, made.seq.desc())
        .subquery()
    )
    rows = await connection.execute(
        select(last).where(last.c.status == "refused").order_by(last.c.seq)
    )
    return [convert(dict(zip(_FIELDS, row, strict=True)), Decision) for row in rows]
