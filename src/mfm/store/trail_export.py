"""The trail taken away: every file of an export, piece by piece, from one moment."""

from base64 import b64encode
from collections.abc import AsyncIterator

import asyncpg
from msgspec import json

from mfm.core.errors import Invalid
from mfm.core.merkle import HEIGHT
from mfm.store import trail
from mfm.store.database import Mechanism
from mfm.store.trail import Sealed
from mfm.verifier import WIDTH, tile_path

Piece = tuple[str, bytes]
"""A file's name and its next bytes; a file's pieces follow one another."""

_ROWS = 1_000
_CHECKPOINTS = (
    "SELECT size FROM mfm.checkpoint WHERE mechanism_id = $1 AND size <= $2 ORDER BY size"
)
_ANCHORS = "SELECT size, kind, content FROM mfm.anchor WHERE mechanism_id = $1 AND size <= $2"
_TILES = "SELECT level, idx, hashes FROM mfm.tile WHERE mechanism_id = $1 ORDER BY level, idx"
_BLOBS = "SELECT sha256, content FROM mfm.blob WHERE mechanism_id = $1 ORDER BY sha256"
_PAYLOADS = (
    "SELECT seq, field, salt, value FROM mfm.payload WHERE mechanism_id = $1 AND seq <= $2"
    " ORDER BY seq, field"
)
_ERASED_SINCE = (
    "SELECT EXISTS (SELECT FROM mfm.record"
    " WHERE mechanism_id = $1 AND seq > $2 AND verb = 'payload.erase' AND accepted)"
)
_BALANCES = (
    "SELECT fund, book, code, currency, subject, sum(debit)::text, sum(credit)::text FROM ("
    " SELECT debit_id AS account_id, amount_minor AS debit, 0 AS credit FROM mfm.posting"
    "  WHERE mechanism_id = $1 AND seq <= $2 UNION ALL"
    " SELECT credit_id, 0, amount_minor FROM mfm.posting WHERE mechanism_id = $1 AND seq <= $2) p"
    " JOIN mfm.account a ON a.mechanism_id = $1 AND a.account_id = p.account_id"
    " GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
)
README = """The trail of a mechanism's journal: every record, and proof that none is missing.

Check it with `mfm verify PATH --policy FILE`, or with the one file `verifier.py` of mfm, which
needs Python and its package cryptography: src/mfm/verifier.py of its source, mfm/verifier.py where
it is installed (`python -c "import mfm.verifier as v; print(v.__file__)"`). Take it from there, not
from who keeps these records. Your policy is yours: write the log's key, which you got
from its keeper by another way than this folder, and the witnesses that you believe:

    log NAME+ID+KEY
    quorum none

checkpoint        the signed root of the whole (C2SP tlog-checkpoint)
checkpoints/N     those that were published on the way, of N records
tile/L/N          the tree's hashes (C2SP tlog-tiles; RFC 6962)
tile/entries/N    the records themselves, each after its length in two bytes
disclosures.jsonl free text beside the records, with the salt that opens its commitment
balances.jsonl    what the records come to: fund, book, code, currency, subject, debits, credits
blobs/SHA256      larger content that records name
anchors/N.KIND    others' word on when a checkpoint existed
MANIFEST          SHA-256 of every other file, as sha256sum writes it
"""


async def pieces(
    connection: asyncpg.Connection,
    mechanism: Mechanism,
    sealed: Sealed,
    withhold: frozenset[str] = frozenset(),
) -> AsyncIterator[Piece]:
    """Yield an export's files, all but MANIFEST.

    Args:
        connection: the auditor's, within one REPEATABLE READ transaction.
        mechanism: whose trail.
        sealed: the checkpoint that it ends with.
        withhold: fields of free text whose openings are left out, or "all".

    Raises:
        Invalid: `trail-behind` when text was erased after that checkpoint.
    """
    number, size = mechanism.id, sealed.size
    if await connection.fetchval(_ERASED_SINCE, number, size):
        detail = "Text was erased a moment ago, and that is not sealed yet: export again."
        raise Invalid("trail-behind", detail)
    for (at,) in await connection.fetch(_CHECKPOINTS, number, size):
        yield f"checkpoints/{at}", (await trail.note_of(connection, number, at)).encode()
    yield "checkpoint", (await trail.note_of(connection, number, size)).encode()
    async for piece in _tree(connection, number, size):
        yield piece
    async for piece in _beside(connection, number, size):
        yield piece
    yield "disclosures.jsonl", b""
    async for told in _disclosures(connection, number, size, withhold):
        yield "disclosures.jsonl", json.encode(told, order="sorted") + b"\n"
    yield "README", README.encode()


async def _tree(connection: asyncpg.Connection, number: int, size: int) -> AsyncIterator[Piece]:
    """Yield the records' bundles and the tiles."""
    for first in range(0, size, WIDTH):
        last = min(first + WIDTH, size)
        index, width = first // WIDTH, last - first
        bundle = await trail.bundle(connection, number, index, width)
        yield tile_path("entries", index, width), bundle
    async for level, index, hashes in connection.cursor(_TILES, number, prefetch=50):
        if (index + 1) << HEIGHT * (level + 1) <= size:
            yield tile_path(level, index), hashes
    edge = await trail.edge_at(connection, number, size)
    for level, part in enumerate(edge.levels):
        if part:
            yield tile_path(level, size >> HEIGHT * (level + 1), len(part)), b"".join(part)


async def _beside(connection: asyncpg.Connection, number: int, size: int) -> AsyncIterator[Piece]:
    """Yield what stands beside the tree: anchors, blobs, balances."""
    async for at, kind, content in connection.cursor(_ANCHORS, number, size):
        yield f"anchors/{at}.{kind}", content
    async for digest, content in connection.cursor(_BLOBS, number, prefetch=4):
        yield f"blobs/{digest.hex()}", content
    yield "balances.jsonl", b""
    async for row in connection.cursor(_BALANCES, number, size, prefetch=_ROWS):
        yield "balances.jsonl", json.encode(list(row)) + b"\n"


async def _disclosures(
    connection: asyncpg.Connection, number: int, size: int, withhold: frozenset[str]
) -> AsyncIterator[dict[str, object]]:
    """Yield what opens each commitment, or that it is withheld; what was erased is not there."""
    async for seq, field, salt, value in connection.cursor(_PAYLOADS, number, size, prefetch=_ROWS):
        told = {"seq": str(seq), "field": field}
        if withhold & {field, "all"}:
            yield {**told, "withheld": True}
        else:
            yield {**told, "salt": b64encode(salt).decode(), "value": value}
