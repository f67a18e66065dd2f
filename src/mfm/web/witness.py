"""A witness's one address, for logs to post their checkpoints to."""

from collections.abc import Awaitable, Callable

import structlog
from litestar.types import HTTPScope, Receive, Send

from mfm.app.context import utc_now
from mfm.app.witness import Answer
from mfm.core.errors import Invalid

_BODY_MAX = 64 * 1024
_NOT_ALLOWED = 405
Answering = Callable[[bytes, int], Answer]
"""Answers a body that came at so many seconds since 1970."""
App = Callable[[HTTPScope, Receive, Send], Awaitable[None]]
"""An ASGI application that is served without web sockets and lifespan."""
log = structlog.get_logger(__name__)


def create_witness(answering: Answering) -> App:
    """Return the application that answers for a witness, under any prefix."""

    async def app(scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"].rpartition("/")[2] != "add-checkpoint":
            answer = Answer(404, "A witness has one address: add-checkpoint.\n")
        elif scope["method"] != "POST":
            answer = Answer(_NOT_ALLOWED, "POST a checkpoint here.\n")
        else:
            answer = _answer(answering, await _body(receive))
        content = answer.text.encode()
        headers = [
            (b"content-type", answer.media_type.encode()),
            (b"content-length", str(len(content)).encode()),
        ]
        if answer.status == _NOT_ALLOWED:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    return app


def _answer(answering: Answering, body: bytes | None) -> Answer:
    if body is None:
        return Answer(413, "A request has at most 64 KiB.\n")
    try:
        answer = answering(body, int(utc_now().timestamp()))
    except Invalid as fault:
        log.warning("witness-stopped", code=fault.code, detail=fault.detail)
        return Answer(503, "The witness is not set up; its keeper's log says why.\n")
    log.info("witness", status=answer.status)
    return answer


async def _body(receive: Receive) -> bytes | None:
    """Return a request's body, None where it is too large."""
    whole, more = b"", True
    while more:
        message = await receive()
        part = message.get("body", b"")
        whole += part if isinstance(part, bytes) else b""
        if len(whole) > _BODY_MAX:
            return None
        more = bool(message.get("more_body"))
    return whole
