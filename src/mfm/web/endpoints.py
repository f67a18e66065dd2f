"""Endpoints: what an address does, who may ask, and what its documentation says."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response
from msgspec import Struct, json

from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.web.services import Services

JSON = "application/json"
BODY_MAX_BYTES = 8 * 2**20
Ask = Request[Any, Any, Any]


class Query(Struct, frozen=True):
    """A query parameter: its name, what it is, and its JSON type."""

    name: str
    text: str
    type: str = "string"


class Endpoint(Struct, frozen=True, kw_only=True):
    """One method of one address.

    Attributes:
        method: GET or POST.
        path: with `{name}` for parts that vary.
        action: the action of the table of permissions; "" where the address is public.
        handle: answers a request; the actor is None where the address is public.
        text: one sentence for the reference.
        request: what a body decodes into, or None.
        answer: the name of the answer's schema.
        also: Structs that describe the answer, where no noun does.
        queries: its query parameters.
    """

    method: str
    path: str
    action: str
    handle: Callable[[Services, Ask, Actor | None], Awaitable[Response[bytes]]]
    text: str
    request: type[Struct] | None = None
    answer: str = "Object"
    also: tuple[type[Struct], ...] = ()
    queries: tuple[Query, ...] = ()


def ok(
    value: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """Return a JSON answer; nothing that needs a key is kept by caches."""
    told = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.encode(value), status_code=status, media_type=JSON, headers=told)


def part(ask: Ask, name: str) -> str:
    """Return a part of the path."""
    return str(ask.path_params[name])


def header(ask: Ask, name: bytes) -> str | None:
    """Return a header by its lower-case name: straight from the scope, for Litestar decodes them all."""
    for key, value in ask.scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


async def body_of(ask: Ask) -> bytes:
    """Return the body, read no further than BODY_MAX_BYTES.

    Raises:
        Invalid: `body-too-large`.
    """
    detail = f"A body has at most {BODY_MAX_BYTES} bytes."
    told = header(ask, b"content-length") or "0"
    if told.isdigit() and int(told) > BODY_MAX_BYTES:
        raise Invalid("body-too-large", detail)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await ask.receive()
        if message["type"] == "http.disconnect":
            raise Invalid("request-refused", "The connection ended before the body did.")
        part = message.get("body")
        parts.append(part if isinstance(part, bytes) else b"")
        size += len(parts[-1])
        if size > BODY_MAX_BYTES:
            raise Invalid("body-too-large", detail)
        if not message.get("more_body"):
            return b"".join(parts)


def query_int(ask: Ask, name: str, default: int, bounds: tuple[int, int]) -> int:
    """Return an integer query parameter.

    Raises:
        Invalid: `query-invalid` when it is none, or out of bounds.
    """
    text = ask.query_params.get(name)
    if text is None:
        return default
    low, high = bounds
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise Invalid("query-invalid", f"{name} is a whole number from {low} to {high}.")
    return int(text)


def actor_of(actor: Actor | None) -> Actor:
    """Return the actor of a guarded endpoint."""
    assert actor is not None  # the application hands a public endpoint no actor, and no other
    return actor
