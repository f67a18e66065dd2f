"""The application: every endpoint, guarded, behind the observer."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import structlog
from litestar import HttpMethod, Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from mfm.core.errors import Problem
from mfm.core.permissions import scope_of
from mfm.store.database import is_unreachable
from mfm.web import (
    call_views,
    exports,
    files,
    health,
    lineage,
    lists,
    overlaps,
    previews,
    receipts,
    reference,
    refusals,
    statements,
    status,
    trail,
    writes,
)
from mfm.web.endpoints import JSON, Ask, Endpoint, Spooled, address, header, told_of
from mfm.web.observer import Observer
from mfm.web.services import Services

log = structlog.get_logger(__name__)
_OF_ONE = re.compile(r"/v1/(?P<noun>[^/{}]+)/\{\w+\}/?(?P<rest>[^/{}]*)")
"""Addresses of one noun, and of what is done with it."""

_SERVED = (
    *writes.ENDPOINTS,
    *previews.ENDPOINTS,
    *lists.ENDPOINTS,
    *overlaps.ENDPOINTS,
    *call_views.ENDPOINTS,
    *statements.ENDPOINTS,
    *lineage.ENDPOINTS,
    *status.ENDPOINTS,
    *exports.ENDPOINTS,
    *files.ENDPOINTS,
    *receipts.ENDPOINTS,
    *trail.ENDPOINTS,
    *health.ENDPOINTS,
)
ENDPOINTS: tuple[Endpoint, ...] = (*_SERVED, *reference.endpoints(_SERVED))
"""Everything that is served."""


async def _respond(services: Services, endpoint: Endpoint, ask: Ask) -> Response[bytes]:
    """Answer one request: who asks, and in which role, is known before anything else happens."""
    actor = None
    if endpoint.action:
        actor = await services.actor(header(ask, b"authorization") or "")
        scope_of(actor, endpoint.action)
    response = await endpoint.handle(services, ask, actor)
    if actor is not None and endpoint.method == "GET" and endpoint.action != "read.read":
        services.note_read(actor, endpoint.action, address(ask), told_of(ask))
    return response


@cache
def _content_type(media_type: str) -> bytes:
    """Return the header as Litestar writes it."""
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    return (media_type + charset).encode()


@cache
def _header_name(name: str) -> bytes:
    """Return a header's name as it is sent; there are few."""
    return name.lower().encode()


async def _send(response: Response[bytes], send: Send) -> None:
    """Send an answer, of any length."""
    content = response.content or b""
    size, pieces = len(content), iter(tuple[bytes, ...]())
    if isinstance(response, Spooled):
        size, pieces = response.size, response.pieces()
    headers = [
        (b"content-type", _content_type(response.media_type or JSON)),
        (b"content-length", str(size).encode()),
        *((_header_name(name), value.encode()) for name, value in response.headers.items()),
    ]
    status = response.status_code or 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": content, "more_body": False})


class _Direct:
    """An ASGI application before Litestar: it answers the addresses that are in its table.

    Litestar's own way to a handler and back costs more than all the rest of a small request
    (measured: 24 microseconds where the address is fixed, 72 where a part of it varies). What is
    not found here as it is written there goes that way: unknown addresses, other methods, slashes
    too many.
    """

    def __init__(self, app: ASGIApp, services: Services, endpoints: Sequence[Endpoint]) -> None:
        """Go before an application that has all the endpoints too."""
        self._app = app
        self._services = services
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        self._of_one: dict[tuple[str, str], dict[str, Endpoint]] = {}
        for each in endpoints:
            if found := _OF_ONE.fullmatch(each.path):
                self._of_one.setdefault((found["noun"], found["rest"]), {})[each.method] = each
            elif "{" not in each.path:
                self._fixed.setdefault(each.path, {})[each.method] = each

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        found = self._find(scope) if scope["type"] == "http" else None  # type: ignore[arg-type,comparison-overlap]  # an Enum that equals its text
        if found is None:
            await self._app(scope, receive, send)
            return
        ask: Ask = Request(scope, receive=receive, send=send)
        try:
            response = await _respond(self._services, found, ask)
        except Problem as problem:
            response = refusals.handle_problem(ask, problem)
        except HTTPException as error:
            response = refusals.handle_http(ask, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller is answered
            response = _broken(ask, error)
        await _send(response, send)

    def _find(self, scope: HTTPScope) -> Endpoint | None:
        """Return whose address this is; what varies of it is put where Litestar puts it."""
        path, method = scope["path"], scope["method"]
        told: dict[str, str] = {}
        methods = self._fixed.get(path)
        if methods is None:
            _, _, noun, one, rest = [*path.split("/", 4), "", "", "", ""][:5]
            methods = self._of_one.get((noun, rest)) if one and path.startswith("/v1/") else None
            if methods and method in methods:
                told = {methods[method].path.split("/")[3][1:-1]: one}
        found = methods.get(method) if methods else None
        if found is not None:
            scope["path_template"], scope["path_params"] = found.path, told
        return found


def _fixed(services: Services, path: str, methods: dict[str, Endpoint]) -> ASGIRouteHandler:
    """Return the handler of an address without varying parts: plain ASGI."""
    allowed = ", ".join(sorted(methods))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = methods.get(scope["method"])  # type: ignore[typeddict-item]  # HTTP has one
        if endpoint is None:
            raise MethodNotAllowedException(headers={"Allow": allowed})
        ask: Ask = Request(scope, receive=receive, send=send)
        await _send(await _respond(services, endpoint, ask), send)

    return asgi(path, copy_scope=False)(answer)


def _varying(services: Services, endpoint: Endpoint) -> HTTPRouteHandler:
    """Return the handler of one method of an address with varying parts."""

    async def answer(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await _respond(services, endpoint, request)

    path, method = endpoint.path.replace("}", ":str}"), HttpMethod(endpoint.method)
    path = path.replace("{path:str}", "{path:path}")  # the rest of the address, slashes and all
    return HTTPRouteHandler(path, http_method=method, status_code=200)(answer)


def _handlers(
    services: Services, endpoints: Sequence[Endpoint]
) -> list[ASGIRouteHandler | HTTPRouteHandler]:
    fixed: dict[str, dict[str, Endpoint]] = {}
    varying: list[HTTPRouteHandler] = []
    for endpoint in endpoints:
        if "{" in endpoint.path:
            varying.append(_varying(services, endpoint))
        else:
            fixed.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [*(_fixed(services, path, methods) for path, methods in fixed.items()), *varying]


def _which(request: Ask) -> dict[str, object]:
    """Return what leads from a log line to the request that a caller complains about."""
    known = ("request_id", "path_template")
    return {name: request.scope.get(name) for name in known}


def _broken(request: Ask, error: Exception) -> Response[bytes]:
    """Answer what nobody foresaw: the log has the traceback, the caller a plain sentence."""
    if is_unreachable(error):
        return _unreachable(request, error)
    log.error("unforeseen", **_which(request), exc_info=error)
    detail = "The request met a fault of ours. Nothing was half-written."
    return refusals.response(Problem("internal", detail), request.scope["path"])


def _unreachable(request: Ask, error: Exception) -> Response[bytes]:
    log.warning("database-unreachable", **_which(request), because=type(error).__name__)
    detail = "The database does not answer. Repeat the request with the same key."
    return refusals.response(Problem("unavailable", detail), request.scope["path"])


def create_app(services: Services, endpoints: Sequence[Endpoint] = ENDPOINTS) -> Observer:
    """Return the ASGI application over running services."""
    app = Litestar(
        route_handlers=_handlers(services, endpoints),
        exception_handlers={
            Problem: refusals.handle_problem,
            HTTPException: refusals.handle_http,
            Exception: _broken,
        },
        openapi_config=None,  # our own: it comes from the same Structs that decode
        logging_config=None,  # the observer logs
    )
    return Observer(_Direct(app, services, endpoints))
