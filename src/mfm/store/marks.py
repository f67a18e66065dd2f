"""Marks of what stands beside records: written and gone with them, told as what is shared."""

from collections.abc import Iterable, Sequence

import asyncpg
from msgspec import json, to_builtins

from mfm.core.overlap_marks import VERSION, Marked, MarkedNoun
from mfm.core.traits import HOLDERS_MAX
from mfm.store.database import Snapshot, driver_of

Marks = dict[str, list[tuple[str, str]]]
"""Noun's id -> (kind, what stands for the mark): equal where two share it, in one answer alone."""
_SHARED = "SELECT id, kind, mark FROM overlap_marks($1, $2, $3, $4)"
_TEXTS = "SELECT seq, field, value FROM payload WHERE mechanism_id = $1 AND seq = ANY ($2)"


async def write(connection: asyncpg.Connection, mechanism_id: int, rows: Iterable[Marked]) -> None:
    """Keep marks, each once."""
    await connection.execute("SELECT write_marks($1, $2)", mechanism_id, marks_json(rows))


def marks_json(rows: Iterable[Marked]) -> str:
    """Return marks as `write_marks` takes them."""
    return json.encode([to_builtins(row) | {"version": VERSION} for row in rows]).decode()


async def shared(connection: Snapshot, noun: MarkedNoun, ids: Sequence[str] | None = None) -> Marks:
    """Return the marks that some nouns have, with all others that have one of them.

    Args:
        connection: a reader's or auditor's.
        noun: what they are.
        ids: which ones; None for all.
    """
    raw = await driver_of(connection)
    found: Marks = {}
    for name, kind, mark in await raw.fetch(_SHARED, noun, ids, VERSION, HOLDERS_MAX + 1):
        found.setdefault(name, []).append((kind, mark))
    return found


async def texts(
    connection: asyncpg.Connection, mechanism_id: int, seqs: Sequence[int]
) -> dict[int, dict[str, str]]:
    """Return what stands beside some records: seq -> field -> text, less what was erased."""
    found: dict[int, dict[str, str]] = {}
    for seq, field, value in await connection.fetch(_TEXTS, mechanism_id, list(seqs)):
        found.setdefault(seq, {})[field] = value
    return found
