"""What others said of a trail's checkpoints: witnesses' lines, and timestamps."""

import asyncpg


async def newest(connection: asyncpg.Connection, mechanism_id: int, names: list[str]) -> int:
    """Return the size of the newest checkpoint that one of these witnesses cosigned, or 0."""
    query = "SELECT max(size) FROM mfm.cosignature WHERE mechanism_id = $1 AND name = ANY ($2)"
    return int(await connection.fetchval(query, mechanism_id, names) or 0)


async def keep(
    connection: asyncpg.Connection, mechanism_id: int, size: int, name: str, line: str
) -> None:
    """Keep a witness's line under a checkpoint; its first one, where it makes several."""
    await connection.execute(
        "SELECT mfm.cosign($1, $2, $3, $4)", mechanism_id, size, name, line.rstrip("\n")
    )


async def newest_anchor(
    connection: asyncpg.Connection, mechanism_id: int
) -> tuple[int, bytes] | None:
    """Return the newest timestamp that is kept: of which size, and the response."""
    row = await connection.fetchrow(
        "SELECT size, content FROM mfm.anchor WHERE mechanism_id = $1 ORDER BY size DESC LIMIT 1",
        mechanism_id,
    )
    return (row["size"], row["content"]) if row else None


async def keep_anchor(
    connection: asyncpg.Connection, mechanism_id: int, size: int, content: bytes
) -> None:
    """Keep somebody else's word on when a checkpoint existed: an RFC 3161 response."""
    await connection.execute(
        "SELECT mfm.keep_anchor($1, $2, 'tsr', $3)", mechanism_id, size, content
    )
