"""Blocking in SQL: the few that one thing may be one with, and what else overlap asks of tables."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import asyncpg
from msgspec import json
from sqlalchemy import and_, column, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.applications import Application
from mfm.core.blocking import KEY_HOLDERS_MAX
from mfm.core.calls import Call
from mfm.core.nouns import KINDS
from mfm.core.overlap_keys import VERSION, WEIGHT_FULL, Keyed
from mfm.core.parties import Party
from mfm.core.record import Noun
from mfm.store.database import driver_of, within

_FINDABLE: dict[type[Noun], str] = {
    Party: "t.status <> 'reversed'",
    Application: "t.status IN ('submitted', 'approved', 'awarded')",
}
_UNKEYED = """
SELECT row_to_json(t)::text FROM mfm.{kind} t
  LEFT JOIN overlap_keyed k ON k.mechanism_id = $1 AND k.kind = '{kind}' AND k.id = t.id
 WHERE t.mechanism_id = $1 AND {findable} AND k.version IS DISTINCT FROM $2
 ORDER BY t.seq LIMIT $3"""
# Each key is looked up by itself, and no further than to where it says nothing.
_NEAREST = """
WITH total AS (SELECT max(number) AS things FROM overlap_keyed WHERE mechanism_id = $1),
held AS (
  SELECT h.numbers, cardinality(h.numbers) AS holders
    FROM unnest($2::bigint[]) asked(key),
    LATERAL (SELECT array_agg(x.number) AS numbers FROM (
      SELECT k.number FROM overlap_key k WHERE k.mechanism_id = $1 AND k.key = asked.key
       LIMIT $4 + 1) x) h
   WHERE cardinality(h.numbers) <= $4),
found AS (
  SELECT number, sum(round($5::int * ln(things::float8 / holders))::bigint) AS weight
    FROM held, total, unnest(numbers) number
   GROUP BY number ORDER BY weight DESC, number LIMIT $3)
SELECT k.id FROM found f
  JOIN overlap_keyed k ON k.mechanism_id = $1 AND k.number = f.number
 ORDER BY f.weight DESC, f.number"""
_WORDS = """
SELECT told.seq, string_agg(w.value, E'\\n' ORDER BY w.field) FROM unnest($1::bigint[]) told(seq),
  LATERAL words_beside(ARRAY[told.seq]) w GROUP BY told.seq"""
_LIMITS = (KEY_HOLDERS_MAX, WEIGHT_FULL)


async def unkeyed(
    connection: asyncpg.Connection, mechanism_id: int, noun: type[Noun], most: int
) -> list[Any]:
    """Return things that should be found and have no keys, or keys of another version."""
    query = _UNKEYED.format(kind=KINDS[noun], findable=_FINDABLE[noun])
    rows = await connection.fetch(query, mechanism_id, VERSION, most)
    return [json.decode(row[0], type=noun) for row in rows]


async def write_keys(
    connection: asyncpg.Connection, mechanism_id: int, rows: Iterable[Keyed]
) -> None:
    """Keep the keys of things, in place of those that they had."""
    await connection.execute("SELECT write_keys($1, $2)", mechanism_id, keys_json(rows))


def keys_json(rows: Iterable[Keyed]) -> str:
    """Return keys as `write_keys` takes them; numbers go as text, for JSON's are not all exact."""
    told = [
        {"kind": row.kind, "id": row.id, "version": VERSION, "keys": [*map(str, row.keys)]}
        for row in rows
    ]
    return json.encode(told).decode()


async def nearest(connection: AsyncConnection, keys: Sequence[int], most: int) -> list[str]:
    """Return the ids of at most so many things that share most keys with one, heaviest first."""
    raw = await driver_of(connection)
    rows = await raw.fetch(_NEAREST, await within(raw), list(keys), most, *_LIMITS)
    return [row[0] for row in rows]


async def days_of(
    connection: AsyncConnection, noun: type[Noun], ids: Iterable[str] | None = None
) -> dict[str, date]:
    """Return the day from which some of a kind stand as they do: that of their last record.

    Args:
        connection: a reader's or auditor's.
        noun: which kind.
        ids: which ones; None for all.
    """
    source = table(KINDS[noun], column("mechanism_id"), column("id"), column("seq"))
    record = table("record", *map(column, ("mechanism_id", "seq", "effective_on")))
    same = and_(record.c.mechanism_id == source.c.mechanism_id, record.c.seq == source.c.seq)
    query = select(source.c.id, record.c.effective_on).join(record, same)
    if ids is not None:
        query = query.where(source.c.id.in_([*ids]))
    return {row[0]: row[1] for row in await connection.execute(query)}


async def words_of(
    connection: AsyncConnection, nouns: Iterable[Call | Application]
) -> dict[str, str]:
    """Return the words of calls or applications, by id, less what was erased."""
    written = {each.written_in: each.id for each in nouns if each.written_in}
    raw = await driver_of(connection)
    await within(raw)
    rows = await raw.fetch(_WORDS, sorted(written))
    return {written[row[0]]: row[1] for row in rows}
