"""Health and metrics: for those who run the service."""

from litestar import Response
from prometheus_client import generate_latest

from mfm.app.health import ready
from mfm.core.permissions import Actor
from mfm.web.endpoints import Ask, Endpoint, ok
from mfm.web.observer import READS_LOST, READS_WAITING, REGISTRY
from mfm.web.services import Services


async def _live(_: Services, __: Ask, ___: Actor | None) -> Response[bytes]:
    return ok({"status": "live"})


async def _ready(services: Services, _: Ask, __: Actor | None) -> Response[bytes]:
    told = await ready(services.engine, services.writer)
    return ok(told, status=200 if told["status"] == "ready" else 503)


async def _metrics(services: Services, _: Ask, __: Actor | None) -> Response[bytes]:
    if services.read_log is not None:
        READS_LOST.set(services.read_log.lost)
        READS_WAITING.set(services.read_log.waiting)
    return Response(generate_latest(REGISTRY), media_type="text/plain; version=0.0.4")


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET", path="/health/live", action="", handle=_live, text="The process answers."
    ),
    Endpoint(
        method="GET",
        path="/health/ready",
        action="",
        handle=_ready,
        text="The database answers, at this release's schema, and the writer runs.",
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        action="",
        handle=_metrics,
        media=("text/plain",),
        text="Metrics for Prometheus.",
    ),
)
