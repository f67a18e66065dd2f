"""Endpoints: what an address does, who may ask, and what its documentation says."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import date
from io import SEEK_END
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from litestar import Request, Response
from msgspec import Struct, ValidationError, convert, json

from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.web.services import Services

JSON = "application/json"
BODY_MAX_BYTES = 8 * 2**20
_DIGITS_MAX = 18
_PIECE_BYTES = 64 * 1024
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
        takes: the types of a body that is a file, none where it is JSON.
        answer: the name of the answer's schema.
        media: the types it answers in; JSON unless Accept asks for another of them.
        also: Structs that describe the answer, where no noun does.
        queries: its query parameters.
    """

    method: str
    path: str
    action: str
    handle: Callable[[Services, Ask, Actor | None], Awaitable[Response[bytes]]]
    text: str
    request: type[Struct] | None = None
    takes: tuple[str, ...] = ()
    answer: str = "Object"
    media: tuple[str, ...] = (JSON,)
    also: tuple[type[Struct], ...] = ()
    queries: tuple[Query, ...] = ()


class Spooled(Response[bytes]):
    """An answer of any length, made aside, so that it is sent whole or told as a problem.

    Attributes:
        size: how many bytes it has.
    """

    def __init__(self, file: BinaryIO, media_type: str, name: str) -> None:
        """Answer with a file, which is closed once it is sent.

        Args:
            file: open, standing anywhere.
            media_type: of its content.
            name: what a browser would call it.
        """
        told = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        super().__init__(b"", media_type=media_type, headers=told)
        self.file = file
        self.size = file.seek(0, SEEK_END)

    def pieces(self) -> Iterator[bytes]:
        """Give its bytes, some at a time."""
        with self.file:
            self.file.seek(0)
            while piece := self.file.read(_PIECE_BYTES):
                yield piece


def ok(
    value: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """Return a JSON answer; nothing that needs a key is kept by caches."""
    told = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.encode(value), status_code=status, media_type=JSON, headers=told)


def part(ask: Ask, name: str) -> str:
    """Return a part of the path.

    Raises:
        Invalid: `not-found` for a null character, which no id has.
    """
    told = str(ask.path_params[name])
    if "\0" in told:
        raise Invalid("not-found", "There is no such thing.")
    return told


def header(ask: Ask, name: bytes) -> str | None:
    """Return a header by its lower-case name, from the scope itself: Litestar decodes them all."""
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


def queries_of(ask: Ask, known: Iterable[str]) -> dict[str, str]:
    """Return the query parameters, each told once at the most.

    Raises:
        Invalid: `query-invalid` for one that is not known, told twice, or has a null character.
    """
    told: dict[str, str] = {}
    for name, value in ask.query_params.multi_items():
        if name not in known:
            detail = f"{name[:40]!r} is not a parameter here."
            raise Invalid("query-invalid", detail)
        if name in told or "\0" in value:
            raise Invalid("query-invalid", f"{name} is told once, and in letters.")
        told[name] = value
    return told


def whole(text: str) -> int | None:
    """Return the number that plain digits say, or None; never one that the database cannot hold."""
    plain = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
    return int(text) if plain else None


def tell(ask: Ask, items: int) -> None:
    """Leave how many things an answer tells, for the log of reads; 1 unless left here."""
    ask.scope["mfm.items"] = items  # type: ignore[typeddict-unknown-key]  # ours, beside ASGI's


def told_of(ask: Ask) -> int:
    """Return how many things the answer to a request tells."""
    items: int = ask.scope.get("mfm.items", 1)  # type: ignore[assignment]  # as above
    return items


def address(ask: Ask) -> str:
    """Return what was asked for: the path, with its query."""
    query = ask.scope["query_string"].decode("latin-1")
    return f"{ask.scope['path']}?{query}" if query else ask.scope["path"]


def next_link(ask: Ask, queries: dict[str, Any]) -> str:
    """Return the Link header to the next page: this address, with these query parameters."""
    return f'<{quote(ask.scope["path"])}?{urlencode(queries)}>; rel="next"'


def query_int(told: dict[str, str], name: str, default: int, bounds: tuple[int, int]) -> int:
    """Return an integer query parameter.

    Raises:
        Invalid: `query-invalid` when it is none, or out of bounds.
    """
    text = told.get(name)
    if text is None:
        return default
    low, high = bounds
    number = whole(text)
    if number is None or not low <= number <= high:
        raise Invalid("query-invalid", f"{name} is a whole number from {low} to {high}.")
    return number


def query_day(told: dict[str, str], name: str) -> date:
    """Return a day that a query parameter tells.

    Raises:
        Invalid: `query-invalid` when it is none.
    """
    try:
        return convert(told[name], date)
    except ValidationError:
        raise Invalid("query-invalid", f"{name} is a day, such as 2027-01-31.") from None


def actor_of(actor: Actor | None) -> Actor:
    """Return the actor of a guarded endpoint."""
    assert actor is not None  # the application hands a public endpoint none
    return actor
