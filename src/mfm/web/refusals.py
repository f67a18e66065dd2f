"""Problems as HTTP answers: what the rules, the handlers and Litestar itself refuse."""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import json

from mfm.core.errors import Problem
from mfm.web.problems import KINDS, MEDIA_TYPE, document


def response(problem: Problem, instance: str = "", record: int = 0) -> Response[bytes]:
    """Return a problem as an HTTP response."""
    told = document(problem, instance, record)
    headers = {"Cache-Control": "no-store"}
    later = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    if told.status in later or problem.code == "not-sealed":
        headers["Retry-After"] = "1"
    if told.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if record:
        links = (("", "describedby"), ("/receipt", "receipt"))
        told_links = (f'</v1/records/{record}{rest}>; rel="{relation}"' for rest, relation in links)
        headers["Link"] = ", ".join(told_links)
    content = json.encode(told)
    return Response(content, status_code=told.status, media_type=MEDIA_TYPE, headers=headers)


_BY_STATUS = {
    404: "route-unknown",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "media-type-unsupported",
}


def handle_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what Litestar itself refuses (unknown route, wrong method, too large a body)."""
    code = _BY_STATUS.get(error.status_code, "request-refused")
    kind = KINDS[code]
    detail = f"{request.method} {request.scope['path']}: {kind.title.lower()}."
    answer = response(Problem(code, detail), request.scope["path"])
    for name, value in (error.headers or {}).items():
        read = name.lower() == "allow" and "GET" in value and "HEAD" not in value
        answer.headers[name] = f"{value}, HEAD" if read else value
    return answer


def handle_problem(request: Request[Any, Any, Any], error: Problem) -> Response[bytes]:
    """Answer a problem that a handler raised."""
    return response(error, request.scope["path"])
