"""The trail as others read it: checkpoints, tiles, bundles and proofs of what is sealed."""

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from mfm.core.errors import Invalid
from mfm.core.merkle import HEIGHT, Span, consistency, inclusion
from mfm.core.statements import TrailPoint
from mfm.store import trail
from mfm.store.database import Engine, Mechanism, Snapshot, driver_of, within
from mfm.verifier import WIDTH, tile_path

_HEIGHTS = {str(level): level for level in range(7)}
_TILE = re.compile(r"((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


async def checkpoint(engine: Engine, mechanism: Mechanism, size: int | None = None) -> str:
    """Return a checkpoint's note with its witnesses' lines; the newest one's unless a size is told.

    Raises:
        Invalid: `trail-empty` before the first checkpoint; `not-found` where none is of that size.
    """
    async with engine.connect() as reader:
        connection = await driver_of(reader)
        if size is None:
            size = (await trail.reached(connection, mechanism.id)).size
        note = await trail.note_of(connection, mechanism.id, size)
    if not note:
        raise Invalid("not-found", f"No checkpoint is of size {size}.")
    return note


async def tile(engine: Engine, mechanism: Mechanism, level: str, rest: str) -> bytes:
    """Return a tile's hashes, joined.

    Args:
        engine: where to read.
        mechanism: whose trail.
        level: as the address has it.
        rest: what follows it there, such as `x001/067` or `000.p/38`.

    Raises:
        Invalid: `not-found` unless a checkpoint has just this tile; `trail-empty`.
    """
    place = _place(level, _HEIGHTS.get(level), rest)
    async with engine.connect() as reader:
        connection = await driver_of(reader)
        await _hold(connection, mechanism, place)
        return await trail.tile(connection, mechanism.id, *place)


async def bundle(engine: Engine, mechanism: Mechanism, rest: str) -> bytes:
    """Return records, each after its length in two bytes; arguments and faults as of `tile`."""
    place = _place("entries", 0, rest)
    async with engine.connect() as reader:
        connection = await driver_of(reader)
        await _hold(connection, mechanism, place)
        return await trail.bundle(connection, mechanism.id, *place[1:])


def _place(name: str, height: int | None, rest: str) -> tuple[int, int, int]:
    """Return (level, index, width) of a tile, which has one spelling only."""
    found = _TILE.fullmatch(rest)
    if found is not None and height is not None:
        index, width = int(re.sub("[x/]", "", found[1])), int(found[2] or WIDTH)
        if width and tile_path(name, index, width) == f"tile/{name}/{rest}":
            return height, index, width
    raise Invalid("not-found", f"{name[:10]}/{rest[:60]} names no tile.")


async def _hold(connection: Any, mechanism: Mechanism, place: tuple[int, int, int]) -> None:  # noqa: ANN401  # the driver's
    """Let a tile be read that a checkpoint has: a full one once, a partial one of just its size."""
    height, index, width = place
    low = (index * WIDTH + width) << HEIGHT * height
    reached = low <= (await trail.reached(connection, mechanism.id)).size
    if reached and width < WIDTH:
        reached = await trail.was_sealed(
            connection, mechanism.id, low, low + (1 << HEIGHT * height)
        )
    if not reached:
        raise Invalid("not-found", f"No checkpoint has that tile: {height}, {index}, {width}.")


async def consistent(
    engine: Engine, mechanism: Mechanism, old: int, new: int | None
) -> tuple[int, list[bytes]]:
    """Return a tree's size, the newest unless told, and proof that it grew from an older one.

    Raises:
        Invalid: `trail-empty`; `query-invalid` unless 1 <= old <= new <= what is sealed.
    """
    return await _proof(engine, mechanism, (old, new), lambda size: consistency(old, size))


async def included(
    engine: Engine, mechanism: Mechanism, seq: int, size: int | None
) -> tuple[int, list[bytes]]:
    """Return a tree's size, the newest unless told, and proof that a record is in it.

    Raises:
        Invalid: `trail-empty`; `query-invalid` unless 1 <= seq <= size <= what is sealed.
    """
    return await _proof(engine, mechanism, (seq, size), lambda size: inclusion(seq - 1, size))


async def _proof(
    engine: Engine,
    mechanism: Mechanism,
    told: tuple[int, int | None],
    spans: Callable[[int], list[Span]],
) -> tuple[int, list[bytes]]:
    async with engine.connect() as reader:
        connection = await driver_of(reader)
        newest = (await trail.reached(connection, mechanism.id)).size
        first, size = told[0], newest if told[1] is None else told[1]
        if not 0 < first <= size <= newest:
            detail = f"{first} to {size} is not within 1 to {newest}, which is sealed."
            raise Invalid("query-invalid", detail)
        return size, await trail.proof(connection, mechanism.id, size, spans(size))


async def point_at(reader: Snapshot, size: int) -> TrailPoint | None:
    """Return the tree of so many records, or None while it is not sealed that far."""
    connection = await driver_of(reader)
    root = await trail.root_at(connection, await within(connection), size)
    return None if root is None else TrailPoint(size, b64encode(root).decode())
