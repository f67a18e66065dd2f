"""The nouns' current state: tables with the columns that the core's Structs have fields."""

from datetime import date
from typing import TypeVar

import asyncpg
from msgspec import json

from mfm.core.nouns import KINDS, NOUNS
from mfm.core.record import Noun

__all__ = ["KINDS", "NOUNS", "load"]

T = TypeVar("T", bound=Noun)


async def load(
    connection: asyncpg.Connection,
    mechanism_id: int,
    noun: type[T],
    column: str,
    values: list[str] | list[date],
) -> list[T]:
    """Return the nouns whose `column` (a field's name) has one of the values.

    Reversed ones come too: they keep their id, but not their identifier.
    """
    table = f"mfm.{KINDS[noun]}"
    # As the unique index of identifiers has it, so that it is used.
    index = " AND identifier <> '' AND status <> 'reversed'" if column == "identifier" else ""
    found = f"SELECT * FROM {table} WHERE mechanism_id = $1 AND {column} = ANY ($2){index}"  # noqa: S608  # names are ours
    if column == "id":
        # Each by itself: for ids next to each other PostgreSQL reads all that is between them.
        one = f"SELECT * FROM {table} x WHERE x.mechanism_id = $1 AND x.id = u.id LIMIT 1"  # noqa: S608  # as above
        found = f"SELECT t.* FROM unnest($2::text[]) u(id), LATERAL ({one}) t"  # noqa: S608  # as above
    rows = await connection.fetch(
        f"SELECT row_to_json(t)::text FROM ({found}) t",  # noqa: S608  # as above
        mechanism_id,
        values,
    )
    return [json.decode(row[0], type=noun) for row in rows]
