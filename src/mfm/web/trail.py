"""The trail over HTTP, laid out as C2SP tlog-tiles has it: files that never change, and proofs.

Checkpoints, hash tiles and proofs are public. They tell how many records there are, and when the
journal grew; nothing of what the records say, for each has 128 random bits in it, so that nobody
finds a record by guessing until its hash fits. Bundles are the records themselves: they are for
those who may read all of them.
"""

from base64 import b64encode

from litestar import Response
from msgspec import Struct

from mfm.app import trail_reads
from mfm.app.reads import reach_of
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.web.endpoints import (
    Ask,
    Endpoint,
    Query,
    actor_of,
    ok,
    part,
    queries_of,
    query_int,
    whole,
)
from mfm.web.services import Services

_BINARY, _TEXT = "application/octet-stream", "text/plain"
_SIZE_MAX = 2**53
_NEWEST = "no-cache"
"""Newer checkpoints come every second."""
_COSIGNED = "public, max-age=60"
"""An older one may yet get a witness's line."""


class Hashes(Struct, frozen=True):
    """A proof: SHA-256 hashes, base64, in the order of RFC 9162.

    `start` is the older size, or the record proven to be in the tree; `size` the tree's.
    """

    start: int
    size: int
    hashes: tuple[str, ...]


async def _checkpoint(services: Services, _: Ask, __: Actor | None) -> Response[bytes]:
    return _note(await trail_reads.checkpoint(services.engine, services.writer.mechanism), _NEWEST)


async def _older(services: Services, ask: Ask, _: Actor | None) -> Response[bytes]:
    size = whole(part(ask, "size"))
    if size is None:
        raise Invalid("not-found", "Checkpoints are named by their size, a whole number.")
    mechanism = services.writer.mechanism
    return _note(await trail_reads.checkpoint(services.engine, mechanism, size), _COSIGNED)


def _note(note: str, kept: str) -> Response[bytes]:
    return Response(note.encode(), media_type=_TEXT, headers={"Cache-Control": kept})


async def _tile(services: Services, ask: Ask, _: Actor | None) -> Response[bytes]:
    mechanism = services.writer.mechanism
    found = await trail_reads.tile(services.engine, mechanism, part(ask, "level"), _rest(ask))
    return _file(found, "public")


async def _bundle(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    if fund := reach_of(actor_of(actor), "record.read").fund:
        detail = f"A bundle has the records of all funds; this key is for {fund}."
        raise Invalid("fund-not-allowed", detail)
    mechanism = services.writer.mechanism
    return _file(await trail_reads.bundle(services.engine, mechanism, _rest(ask)), "private")


def _rest(ask: Ask) -> str:
    return part(ask, "path").removeprefix("/")


def _file(content: bytes, whose: str) -> Response[bytes]:
    headers = {"Cache-Control": f"{whose}, max-age=31536000, immutable"}
    return Response(content, media_type=_BINARY, headers=headers)


async def _consistency(services: Services, ask: Ask, _: Actor | None) -> Response[bytes]:
    start, size = _sizes(ask, "from", "to")
    mechanism = services.writer.mechanism
    return _proof(start, *await trail_reads.consistent(services.engine, mechanism, start, size))


async def _inclusion(services: Services, ask: Ask, _: Actor | None) -> Response[bytes]:
    start, size = _sizes(ask, "seq", "size")
    mechanism = services.writer.mechanism
    return _proof(start, *await trail_reads.included(services.engine, mechanism, start, size))


def _sizes(ask: Ask, first: str, second: str) -> tuple[int, int | None]:
    told = queries_of(ask, {first, second})
    if first not in told:
        raise Invalid("query-invalid", f"Tell {first}, a whole number from 1.")
    bounds = (1, _SIZE_MAX)
    last = query_int(told, second, 1, bounds) if second in told else None
    return query_int(told, first, 1, bounds), last


def _proof(start: int, size: int, hashes: list[bytes]) -> Response[bytes]:
    told = Hashes(start, size, tuple(b64encode(each).decode() for each in hashes))
    return ok(told, headers={"Cache-Control": _NEWEST})


_SIZE_TOLD = "the size; that of the newest checkpoint unless told"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/trail/checkpoint",
        action="",
        handle=_checkpoint,
        text="The newest checkpoint, with its witnesses' lines (C2SP tlog-checkpoint).",
        media=(_TEXT,),
    ),
    Endpoint(
        method="GET",
        path="/v1/trail/checkpoints/{size}",
        action="",
        handle=_older,
        text="The checkpoint of so many records.",
        media=(_TEXT,),
    ),
    Endpoint(
        method="GET",
        path="/v1/trail/tile/{level}/{path}",
        action="",
        handle=_tile,
        text="A tile of the tree's hashes (C2SP tlog-tiles), such as tile/0/x001/067.",
        media=(_BINARY,),
    ),
    Endpoint(
        method="GET",
        path="/v1/trail/tile/entries/{path}",
        action="record.read",
        handle=_bundle,
        text="A bundle of records (C2SP tlog-tiles), for who may read all of them.",
        media=(_BINARY,),
    ),
    Endpoint(
        method="GET",
        path="/v1/trail/consistency",
        action="",
        handle=_consistency,
        text="Proof that the tree of `to` records grew from the one of `from`.",
        answer="Hashes",
        also=(Hashes,),
        queries=(Query("from", "the older size", "integer"), Query("to", _SIZE_TOLD, "integer")),
    ),
    Endpoint(
        method="GET",
        path="/v1/trail/inclusion",
        action="",
        handle=_inclusion,
        text="Proof that a record is in the tree.",
        answer="Hashes",
        also=(Hashes,),
        queries=(Query("seq", "the record", "integer"), Query("size", _SIZE_TOLD, "integer")),
    ),
)
