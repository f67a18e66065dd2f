"""What the search for overlap asks of the tables beyond the nouns themselves."""

from datetime import date

from sqlalchemy import and_, column, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.nouns import KINDS
from mfm.core.record import Noun


async def days_of(connection: AsyncConnection, noun: type[Noun]) -> dict[str, date]:
    """Return the day from which each of a kind stands as it does: that of its last record."""
    source = table(KINDS[noun], column("mechanism_id"), column("id"), column("seq"))
    record = table("record", *map(column, ("mechanism_id", "seq", "effective_on")))
    same = and_(record.c.mechanism_id == source.c.mechanism_id, record.c.seq == source.c.seq)
    query = select(source.c.id, record.c.effective_on).join(record, same)
    return {row[0]: row[1] for row in await connection.execute(query)}
