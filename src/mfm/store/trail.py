"""The trail's tables: sealing what was written, and reading tiles, checkpoints and proofs.

The sealer is a follower of the journal: leaf i is record i + 1, so "what is new" is "what has a
higher number than the last checkpoint's size". It hashes the stored bytes again before anything is
signed, so that a record changed since it was written stops the trail instead of entering it.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from mfm.core import merkle
from mfm.core.errors import Invalid
from mfm.core.merkle import EMPTY, HEIGHT, Edge, Span, leaf_hash, nodes, span_root, tile_of
from mfm.store import journal, rotations
from mfm.store.database import Mechanism
from mfm.store.signer import Signed, Signer
from mfm.verifier import WIDTH

_HASH = len(EMPTY)
_LOOKS_A_SECOND = 5
PIECE = 32 * WIDTH
"""Records sealed at a time, at the most."""


class Sealed(NamedTuple):
    """A checkpoint as it is kept: its size, root and signed note."""

    size: int
    root: bytes
    note: str


async def head_of(connection: asyncpg.Connection, mechanism_id: int) -> int:
    """Return the last record's number."""
    query = "SELECT seq FROM mfm.head WHERE mechanism_id = $1"
    return int(await connection.fetchval(query, mechanism_id))


def restored(signed: int, head: int) -> Invalid:
    """Return why a journal that ends before what was signed is not carried on."""
    detail = (
        f"{signed} records were signed, but the journal ends at {head}: it was restored from an"
        " older copy, and carrying on would contradict what others hold. Restore a newer copy, up"
        " to its last minute; docs/how-to/restore.md says how, and what to do if there is none."
    )
    return Invalid("journal-restored", detail)


def replaced(signed: int) -> Invalid:
    """Return why a journal that is not the one signed is not carried on."""
    detail = (
        f"The first {signed} records are not those that were signed: this is another journal, or it"
        " was changed. Put the signed one back; docs/how-to/restore.md says how."
    )
    return Invalid("journal-replaced", detail)


async def hold_signed(
    connection: asyncpg.Connection, mechanism: Mechanism, signed: Signed | None
) -> None:
    """Hold that the journal still begins with what was signed: nobody carries on without it.

    Raises:
        Invalid: `journal-restored`, `journal-replaced`.
    """
    if signed is None:
        return
    head = await head_of(connection, mechanism.id)
    if head < signed.size:
        raise restored(signed.size, head)
    row = await connection.fetchrow(
        "SELECT size, root FROM mfm.checkpoint WHERE mechanism_id = $1 AND size <= $2"
        " ORDER BY size DESC LIMIT 1",
        *(mechanism.id, signed.size),
    )
    size, root = row or (0, b"")
    if size < signed.size:  # it was signed, and not stored yet
        edge = await edge_at(connection, mechanism.id, size)
        for leaf in await _new_leaves(connection, mechanism.id, size, signed.size):
            edge.append(leaf)
        root = edge.root()
    if root != signed.root:
        raise replaced(signed.size)


async def newest(connection: asyncpg.Connection, mechanism_id: int) -> Sealed | None:
    """Return the newest checkpoint, or None before the first."""
    row = await connection.fetchrow(
        "SELECT size, root, note FROM mfm.checkpoint WHERE mechanism_id = $1"
        " ORDER BY size DESC LIMIT 1",
        mechanism_id,
    )
    return Sealed(*row) if row else None


async def reached(connection: asyncpg.Connection, mechanism_id: int) -> Sealed:
    """Return the newest checkpoint.

    Raises:
        Invalid: `trail-empty` before the first.
    """
    found = await newest(connection, mechanism_id)
    if found is None:
        raise Invalid("trail-empty", "Nothing is sealed yet.")
    return found


async def sealed_by_another(
    connection: asyncpg.Connection, mechanism_id: int, seconds: int
) -> bool:
    """Wait until another process has sealed all that is written by now; tell whether it did.

    Args:
        connection: any role's.
        mechanism_id: whose journal.
        seconds: the longest to wait.
    """
    head = (await journal.head_of(connection, mechanism_id, lock=False)).seq
    for _ in range(seconds * _LOOKS_A_SECOND + 1):
        found = await newest(connection, mechanism_id)
        if (found.size if found else 0) >= head:
            return True
        await asyncio.sleep(1 / _LOOKS_A_SECOND)
    return False


async def recorded_at(connection: asyncpg.Connection, mechanism_id: int, seq: int) -> datetime:
    """Return when a record was written, by the ledger's clock."""
    query = "SELECT recorded_at FROM mfm.record WHERE mechanism_id = $1 AND seq = $2"
    told: datetime = await connection.fetchval(query, mechanism_id, seq)
    return told


async def note_of(connection: asyncpg.Connection, mechanism_id: int, size: int) -> str:
    """Return a checkpoint's note with all the witnesses' lines that are kept."""
    lines = await connection.fetch(
        "SELECT note, NULL FROM mfm.checkpoint WHERE mechanism_id = $1 AND size = $2 UNION ALL"
        " (SELECT line || chr(10), name FROM mfm.cosignature"
        "  WHERE mechanism_id = $1 AND size = $2 ORDER BY name)",
        *(mechanism_id, size),
    )
    return "".join(line for line, _ in lines)


async def openings(
    connection: asyncpg.Connection, mechanism_id: int, seq: int
) -> dict[str, tuple[bytes, str]]:
    """Return what opens a record's commitments: field -> salt and value."""
    rows = await connection.fetch(
        "SELECT field, salt, value FROM mfm.payload WHERE mechanism_id = $1 AND seq = $2",
        *(mechanism_id, seq),
    )
    return {field: (salt, value) for field, salt, value in rows}


async def seal(
    connection: asyncpg.Connection, mechanism: Mechanism, signer: Signer, now: datetime
) -> Sealed | None:
    """Seal what was written since the last checkpoint, a piece of it at the most.

    Returns:
        the new checkpoint, or None when there is nothing new.

    Raises:
        Invalid: `record-altered` when stored bytes no longer have their leaf; `journal-restored`
            when the journal is shorter than what was signed, `journal-replaced` when it is another;
            and as `Signer.sign` and `Signer.rotate`.
    """
    last = await newest(connection, mechanism.id)
    old = last.size if last else 0
    head = await head_of(connection, mechanism.id)
    if last and signer.size < old:  # its state was lost, or is of an older copy
        spans = merkle.halves(old)
        signer.resume(last.note, await proof(connection, mechanism.id, old, spans))
    if head < signer.size:
        raise restored(signer.size, head)
    if last and signer.size == old and signer.root() != last.root:
        raise replaced(old)
    changes = await rotations.all_of(connection, mechanism.id)
    if past := [change for change in changes if change.seq <= old]:
        signer.rotate(past[-1].new)
    # What was signed but not stored before a crash is stored first, exactly as it was signed; and
    # the old key signs a change of key, so there is a checkpoint that ends with it.
    stops = [change.seq for change in changes if change.seq > old]
    size = signer.size if signer.size > old else min([head, old + PIECE, *stops])
    if size == old:
        return None
    edge = await edge_at(connection, mechanism.id, old)
    leaves = await _new_leaves(connection, mechanism.id, old, size)
    tiles = [tile for leaf in leaves for tile in edge.append(leaf)]
    root = edge.root()
    if signer.size == size and signer.root() != root:
        raise replaced(size)
    note = await _signed(signer, leaves if signer.size == old else [], root)
    columns: list[Any] = list(zip(*tiles, strict=True)) or [(), (), (), ()]
    await connection.execute(
        "SELECT mfm.seal($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        *(mechanism.id, old, size, root, note, now),
        *columns,
    )
    return Sealed(size, root, note)


async def _signed(signer: Signer, leaves: list[bytes], root: bytes) -> str:
    """Have a checkpoint signed in a thread, for that waits for the disk twice.

    It is seen to its end also by who is cancelled meanwhile: nobody else may sign before that.
    """
    signing = asyncio.ensure_future(asyncio.to_thread(signer.sign, signer.size, leaves, root))
    try:
        return await asyncio.shield(signing)
    except asyncio.CancelledError:
        await asyncio.wait([signing])
        raise


async def _new_leaves(
    connection: asyncpg.Connection, mechanism_id: int, old: int, size: int
) -> list[bytes]:
    """Return the leaves of records after `old`, hashed from their bytes anew."""
    rows = await connection.fetch(
        "SELECT seq, leaf, content FROM mfm.record"
        " WHERE mechanism_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq",
        *(mechanism_id, old, size),
    )
    for expected, (seq, leaf, content) in enumerate(rows, old + 1):
        if seq != expected or leaf_hash(content) != leaf:
            detail = f"Record {expected} is not what was written: nothing is signed from here on."
            raise Invalid("record-altered", detail)
    if len(rows) != size - old:
        raise Invalid("record-altered", f"Records up to {size} should be there, and are not.")
    return [leaf for _, leaf, _ in rows]


async def hashes(
    connection: asyncpg.Connection, mechanism_id: int, level: int, span: Span
) -> list[bytes]:
    """Return a level's hashes, from the first up to, not including, the second.

    Level 0 is the records' leaves; above it each hash is the root of a full tile below.
    """
    query = (
        "SELECT root FROM mfm.tile WHERE mechanism_id = $1 AND idx >= $2 AND idx < $3"
        " AND level = $4::int - 1 ORDER BY idx"
        if level
        else "SELECT leaf FROM mfm.record WHERE mechanism_id = $1 AND seq > $2 AND seq <= $3"
        " AND $4::int = 0 ORDER BY seq"
    )
    rows = await connection.fetch(query, mechanism_id, *span, level)
    return [row[0] for row in rows]


async def tile(
    connection: asyncpg.Connection, mechanism_id: int, level: int, index: int, width: int
) -> bytes:
    """Return a tile's hashes, joined; fewer where the tree does not reach so far.

    Args:
        connection: any role's.
        mechanism_id: whose tree.
        level: 0 for the leaves.
        index: which tile of the level.
        width: how many hashes, WIDTH for a full tile.
    """
    if width == WIDTH:
        query = (
            "SELECT hashes FROM mfm.tile WHERE mechanism_id = $1 AND level = $2::int AND idx = $3"
        )
        return await connection.fetchval(query, mechanism_id, level, index) or b""
    span = (index * WIDTH, index * WIDTH + width)
    return b"".join(await hashes(connection, mechanism_id, level, span))


async def was_sealed(
    connection: asyncpg.Connection, mechanism_id: int, low: int, high: int
) -> bool:
    """Tell whether there is a checkpoint of a size from `low` up to, not including, `high`."""
    query = (
        "SELECT EXISTS (SELECT FROM mfm.checkpoint"
        " WHERE mechanism_id = $1 AND size >= $2 AND size < $3)"
    )
    return bool(await connection.fetchval(query, mechanism_id, low, high))


async def bundle(
    connection: asyncpg.Connection, mechanism_id: int, index: int, width: int
) -> bytes:
    """Return records as a bundle of C2SP tlog-tiles: each after its length in two bytes."""
    first = index * WIDTH
    rows = await connection.fetch(
        "SELECT content FROM mfm.record WHERE mechanism_id = $1 AND seq > $2 AND seq <= $3"
        " ORDER BY seq",
        *(mechanism_id, first, first + width),
    )
    return b"".join(len(row[0]).to_bytes(2, "big") + row[0] for row in rows)


async def edge_at(connection: asyncpg.Connection, mechanism_id: int, size: int) -> Edge:
    """Return the tree's right edge at a size that was sealed."""
    levels: list[list[bytes]] = []
    count = size
    while count or not levels:
        span = (count - count % WIDTH, count)
        levels.append(await hashes(connection, mechanism_id, len(levels), span))
        count >>= HEIGHT
    return Edge(size, levels)


async def root_at(connection: asyncpg.Connection, mechanism_id: int, size: int) -> bytes | None:
    """Return the root of the tree of so many records, or None while it is not sealed that far."""
    row = await connection.fetchrow(
        "SELECT (SELECT root FROM mfm.checkpoint WHERE mechanism_id = $1 AND size = $2),"
        " coalesce((SELECT max(size) FROM mfm.checkpoint WHERE mechanism_id = $1), 0)",
        *(mechanism_id, size),
    )
    if row[0] is None and size <= row[1]:
        return (await edge_at(connection, mechanism_id, size)).root()
    found: bytes | None = row[0]
    return found


async def proof(
    connection: asyncpg.Connection, mechanism_id: int, size: int, spans: Iterable[Span]
) -> list[bytes]:
    """Return the roots over spans of leaves of a sealed tree: an inclusion or consistency proof."""
    wanted = list(spans)
    needed = {tile_of(*node) for span in wanted for node in nodes(span)}
    tiles: dict[tuple[int, int], list[bytes]] = {}
    for level, index in sorted(needed):
        width = min(WIDTH, (size >> HEIGHT * level) - index * WIDTH)
        joined = await tile(connection, mechanism_id, level, index, width)
        tiles[level, index] = [joined[at : at + _HASH] for at in range(0, len(joined), _HASH)]
    return [span_root(span, lambda level, index: tiles[level, index]) for span in wanted]
