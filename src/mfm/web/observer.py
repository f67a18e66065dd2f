"""The observer: outermost, it sees every answer. Request ids, access log, metrics."""

import secrets
import time
from functools import cache
from itertools import count
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

log = structlog.get_logger(__name__)

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "mfm_http_requests_total", "Answers given", ("method", "path", "status"), registry=REGISTRY
)
SECONDS = Histogram(
    "mfm_http_request_seconds", "Time to the answer's first byte", ("path",), registry=REGISTRY
)
READS_LOST = Gauge(
    "mfm_read_log_lost", "Reads that the log of reads could not keep", registry=REGISTRY
)
READS_WAITING = Gauge(
    "mfm_read_log_waiting", "Reads that wait to be written to their log", registry=REGISTRY
)
_PROCESS, _COUNT = secrets.token_hex(4), count(1)
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})


# Finding a metric by its labels costs more than counting; there are few.
_counted = cache(REQUESTS.labels)
_timed = cache(SECONDS.labels)


class Observer:
    """An ASGI application around another one.

    Litestar's own metrics count what other middleware refuses as 200 and do not see unknown
    routes at all; from out here every answer has its true status, and its path's template.
    """

    def __init__(self, app: Any) -> None:  # noqa: ANN401  # any ASGI application
        """Wrap an application."""
        self._app = app
        self._log = log.bind()  # once: finding a logger costs more than not logging

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has it
        """Pass one connection on, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, method = time.perf_counter(), 500, scope["method"]
        if method == "HEAD":  # is GET without the body; the caller's own scope stays as it is
            scope = {**scope, "method": "GET"}
        request_id = scope["request_id"] = f"{_PROCESS}-{next(_COUNT):x}"

        async def noted(message: Any) -> None:  # noqa: ANN401  # an ASGI message
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            elif method == "HEAD":
                message["body"] = b""
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            took = time.perf_counter() - began
            path = scope.get("path_template") or "<unmatched>"
            method = method if method in _METHODS else "<other>"
            _counted(method, path, status).inc()
            _timed(path).observe(took)
            self._log.info(
                "answered",
                request_id=request_id,
                method=method,
                path=path,
                status=status,
                milliseconds=round(took * 1000, 1),
            )
