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
    # As the unique index of identifiers has it, so that it is used.
    index = " AND identifier <> '' AND status <> 'reversed'" if column == "identifier" else ""
    rows = await connection.fetch(
        f"SELECT to_jsonb(t)::text FROM mfm.{KINDS[noun]} t"  # noqa: S608  # names are ours
        f" WHERE mechanism_id = $1 AND {column} = ANY ($2){index}",
        mechanism_id,
        values,
    )
    return [json.decode(row[0], type=noun) for row in rows]
