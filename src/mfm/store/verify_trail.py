"""Verification of the trail's tables: tiles and checkpoints made again from the records' leaves."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import asyncpg

from mfm.core.merkle import Edge, FullTile
from mfm.core.verify_form import Differs
from mfm.verifier import Tampered, checkpoint_of, open_note

TABLES = ("tile", "checkpoint", "cosignature", "anchor")
"""The trail's tables.

No record says which sizes were sealed, who cosigned, and what others said of it: what is there is
held against the records, but that one of these rows went is for those to tell who hold a copy.
"""
ANCHOR = "tsr"
_ID, _STAMP, _SIGNATURE = 4, 8, 64
_SEQUENCE = b"0"
"""What DER begins a SEQUENCE with."""


class TrailTables:
    """Follows the records, and compares what was made of them.

    Attributes:
        met: table -> how many of its rows agreed.
    """

    def __init__(self, connection: asyncpg.Connection, mechanism_id: int, origin: str) -> None:
        """Prepare to read in the connection's transaction."""
        self.met = dict.fromkeys(TABLES, 0)
        self._connection = connection
        self._id = mechanism_id
        self._origin = origin
        self._edge = Edge()
        self._sizes: set[int] = set()
        self._sealed = 0

    async def _fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await self._connection.fetch(query, self._id, *values)
        return found

    async def start(self) -> None:
        """Find out how far the journal was sealed."""
        rows = await self._fetch("SELECT max(size) FROM mfm.checkpoint WHERE mechanism_id = $1")
        self._sealed = rows[0][0] or 0

    async def follow(self, leaves: list[bytes]) -> None:
        """Take the next records' leaves in, and compare the checkpoints and tiles that end there.

        Raises:
            Differs: `checkpoint-row`, `checkpoint-extra`, `tile-row`, `tile-missing`.
        """
        first = self._edge.size
        rows = await self._fetch(
            "SELECT size, root, note FROM mfm.checkpoint"
            " WHERE mechanism_id = $1 AND size > $2 AND size <= $3",
            *(first, first + len(leaves)),
        )
        told = {size: (root, note) for size, root, note in rows}
        if len(told) != len(rows):
            raise Differs("checkpoint-extra", first, "There are two checkpoints of one size.")
        for size, leaf in enumerate(leaves, first + 1):
            for tile in self._edge.append(leaf):
                if size <= self._sealed:
                    await self._compare_tile(tile)
            if size in told:
                self._compare_checkpoint(size, *told[size])

    async def _compare_tile(self, tile: FullTile) -> None:
        rows = await self._fetch(
            "SELECT level::int, idx, hashes, root FROM mfm.tile"
            " WHERE mechanism_id = $1 AND level = $2::int AND idx = $3",
            *(tile.level, tile.place),
        )
        name = f"tile {tile.level}/{tile.place}"
        if not rows:
            raise Differs("tile-missing", self._edge.size, f"There is no {name}.")
        if [tuple(row) for row in rows] != [tile]:
            raise Differs("tile-row", self._edge.size, f"The {name} is not of the records.")
        self.met["tile"] += 1

    def _compare_checkpoint(self, size: int, root: bytes, note: str) -> None:
        try:
            told = checkpoint_of(note.encode())
        except Tampered as fault:
            raise Differs("checkpoint-row", size, str(fault)) from fault
        wanted = (self._origin, size, self._edge.root())
        (name, signature), *others = told.signatures
        signed = name == self._origin and len(signature) == _ID + _SIGNATURE and not others
        if (told.origin, told.size, told.root) != wanted or root != wanted[2] or not signed:
            shown = b64encode(wanted[2]).decode()
            raise Differs("checkpoint-row", size, f"The records' root at {size} is {shown}.")
        self._sizes.add(size)
        self.met["checkpoint"] += 1

    async def finish(self) -> None:
        """Compare what was left: rows of no record, and what others said of checkpoints.

        Raises:
            Differs: `checkpoint-extra`, `tile-extra`, `cosignature-row`, `anchor-row`.
        """
        counts = await self._fetch(
            "SELECT (SELECT count(*) FROM mfm.checkpoint WHERE mechanism_id = $1),"
            " (SELECT count(*) FROM mfm.tile WHERE mechanism_id = $1)"
        )
        for name, there in zip(("checkpoint", "tile"), counts[0], strict=True):
            if there != self.met[name]:
                detail = f"{there} are there; the records make {self.met[name]}."
                raise Differs(f"{name}-extra", 0, detail)
        await self._others(
            "cosignature",
            "SELECT size, name, line FROM mfm.cosignature WHERE mechanism_id = $1",
            _is_cosignature,
        )
        await self._others(
            "anchor",
            "SELECT size, kind, content FROM mfm.anchor WHERE mechanism_id = $1",
            lambda kind, content: kind == ANCHOR and content[:1] == _SEQUENCE,
        )

    async def _others(self, table: str, query: str, sound: Callable[[Any, Any], bool]) -> None:
        """Hold that each row is of a checkpoint, of the right form, and there once."""
        seen = set()
        for size, name, content in await self._fetch(query):
            if size not in self._sizes or (size, name) in seen or not sound(name, content):
                raise Differs(f"{table}-row", size, f"{name}: it is none of a checkpoint's.")
            seen.add((size, name))
        self.met[table] = len(seen)


def _is_cosignature(name: str, line: str) -> bool:
    """Tell whether a line has the form of a witness's, of that name."""
    try:
        _, told = open_note(f"-\n\n{line}\n".encode())
    except Tampered:
        return False
    return [(each, len(raw)) for each, raw in told] == [(name, _ID + _STAMP + _SIGNATURE)]
