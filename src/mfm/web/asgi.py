"""The application: every endpoint, guarded, behind the observer."""

from collections.abc import Sequence
from typing import Any

import structlog
from litestar import HttpMethod, Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from mfm.core.errors import Problem
from mfm.web import health, lists, problems, reference, statements, writes
from mfm.web.endpoints import Ask, Endpoint
from mfm.web.observer import Observer
from mfm.web.services import Services

BODY_MAX_BYTES = 8 * 2**20
log = structlog.get_logger(__name__)

_SERVED = (*writes.ENDPOINTS, *lists.ENDPOINTS, *statements.ENDPOINTS, *health.ENDPOINTS)
ENDPOINTS: tuple[Endpoint, ...] = (*_SERVED, *reference.endpoints(_SERVED))
"""Everything that is served."""


def _handler(services: Services, endpoint: Endpoint) -> HTTPRouteHandler:
    async def answer(request: Request[Any, Any, Any]) -> Response[bytes]:
        actor = None
        if endpoint.action:
            actor = await services.actor(request.headers.get("authorization", ""))
        return await endpoint.handle(services, request, actor)

    path = endpoint.path.replace("}", ":str}")
    method = HttpMethod(endpoint.method)
    return HTTPRouteHandler(path, http_method=method, status_code=200)(answer)


def _broken(request: Ask, error: Exception) -> Response[bytes]:
    """Answer what nobody foresaw: the log has the traceback, the caller a plain sentence."""
    log.error("unforeseen", path=request.scope.get("path_template"), exc_info=error)
    detail = "The request met a fault of ours. Nothing was half-written."
    return problems.response(Problem("internal", detail), request.url.path)


def create_app(services: Services, endpoints: Sequence[Endpoint] = ENDPOINTS) -> Observer:
    """Return the ASGI application over running services."""
    app = Litestar(
        route_handlers=[_handler(services, endpoint) for endpoint in endpoints],
        exception_handlers={
            Problem: problems.handle_problem,
            HTTPException: problems.handle_http,
            Exception: _broken,
        },
        openapi_config=None,  # our own: it comes from the same Structs that decode
        logging_config=None,  # the observer logs
        request_max_body_size=BODY_MAX_BYTES,
    )
    return Observer(app)
