"""Previews over HTTP: what an application lacks, what policies would say; nothing is written."""

from litestar import Response
from msgspec import to_builtins

from mfm.app import policy_files, previews
from mfm.app.previews import CheckApplication, Preview, PreviewDecision, SimulateCandidate
from mfm.app.simulations import simulate
from mfm.core.permissions import Actor
from mfm.core.policy_format import load
from mfm.core.simulations import Simulated
from mfm.web.bodies import decode
from mfm.web.endpoints import Ask, Endpoint, actor_of, ok, tell
from mfm.web.languages import language_of
from mfm.web.services import Services
from mfm.web.writes import read_body


async def _check(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    command = decode(await read_body(ask), CheckApplication)
    found = await previews.check_application(
        services.writer, actor_of(actor), command, language_of(ask)
    )
    return ok(to_builtins(found))


async def _preview(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    command = decode(await read_body(ask), PreviewDecision)
    found = await previews.preview(services.writer, actor_of(actor), command, language_of(ask))
    return ok(to_builtins(found))


async def _simulate(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    command = decode(await read_body(ask), SimulateCandidate)
    candidate = load(command.content.encode(), policy_files.catalogue(), "content")
    days = (command.since, command.until)
    found = await simulate(services.engine, actor_of(actor), candidate, days, lambda *_: None)
    tell(ask, found.decisions)
    return ok(to_builtins(found))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/applications:check",
        action="application.check",
        handle=_check,
        text="Tell what an application lacks before it is submitted; nothing is written.",
        request=CheckApplication,
        answer="Preview",
        also=(Preview,),
    ),
    Endpoint(
        method="POST",
        path="/v1/policies:simulate",
        action="decision.simulate",
        handle=_simulate,
        text="Tell what a candidate for a policy would have changed; nothing is written.",
        request=SimulateCandidate,
        answer="Simulated",
        also=(Simulated,),
    ),
    Endpoint(
        method="POST",
        path="/v1/decisions:preview",
        action="decision.preview",
        handle=_preview,
        text="Tell what policies would say of a verb; nothing is written.",
        request=PreviewDecision,
        answer="Preview",
        also=(Preview,),
    ),
)
