"""Changes of the key that signs a trail, as its records tell them."""

from typing import NamedTuple

import asyncpg

from mfm.core.record import parse


class Rotation(NamedTuple):
    """A change of the log's key: the record that says so, and the verifier keys."""

    seq: int
    old: str
    new: str


async def all_of(connection: asyncpg.Connection, mechanism_id: int) -> list[Rotation]:
    """Return all changes of the log's key, in order."""
    rows = await connection.fetch(
        "SELECT seq, content FROM mfm.record"
        " WHERE mechanism_id = $1 AND verb = 'trail.rotate-key' AND accepted ORDER BY seq",
        mechanism_id,
    )
    told = [(seq, parse(content)[1].facts) for seq, content in rows]
    return [Rotation(seq, facts["old"], facts["new"]) for seq, facts in told]
