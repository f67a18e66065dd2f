"""How far followers of the journal have come, and what there is to follow."""

import asyncpg

_REACHED = "SELECT seq FROM mfm.follower WHERE mechanism_id = $1 AND id = $2"
_RECORDS = (
    "SELECT seq, content FROM mfm.record WHERE mechanism_id = $1 AND seq > $2 AND seq <= $3"
    " AND accepted AND verb = ANY ($4) ORDER BY seq"
)
_HEAD = "SELECT seq FROM mfm.head WHERE mechanism_id = $1"


async def reached(connection: asyncpg.Connection, mechanism_id: int, follower: str) -> int:
    """Return the last record that a follower has dealt with, 0 before the first."""
    return int(await connection.fetchval(_REACHED, mechanism_id, follower) or 0)


async def follow(
    connection: asyncpg.Connection, mechanism_id: int, follower: str, seq: int
) -> None:
    """Note that a follower has dealt with all records up to one."""
    await connection.execute("SELECT mfm.follow($1, $2, $3)", mechanism_id, follower, seq)


async def head(connection: asyncpg.Connection, mechanism_id: int) -> int:
    """Return the journal's last record."""
    return int(await connection.fetchval(_HEAD, mechanism_id) or 0)


async def records(
    connection: asyncpg.Connection, mechanism_id: int, span: tuple[int, int], verbs: tuple[str, ...]
) -> list[tuple[int, bytes]]:
    """Return the accepted records of some verbs as (seq, bytes).

    Args:
        connection: the follower's.
        mechanism_id: whose journal.
        span: after which record, and up to which.
        verbs: the verbs.
    """
    rows = await connection.fetch(_RECORDS, mechanism_id, *span, list(verbs))
    return [(row[0], bytes(row[1])) for row in rows]
