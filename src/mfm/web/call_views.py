"""Calls seen together over HTTP: what one overlaps, the calendar, competition and co-funding."""

from typing import TypeVar

from litestar import Response
from msgspec import Struct, ValidationError, convert

from mfm.app import call_views, co_funding
from mfm.app.call_views import Calendar, CalendarQuery, Rival
from mfm.app.co_funding import CoFundingQuery, CoFundings
from mfm.app.competition import CompetitionRead, competition
from mfm.core.calls import DraftCall
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.web.bodies import decode, fault
from mfm.web.endpoints import Ask, Endpoint, Query, actor_of, ok, part, queries_of, tell
from mfm.web.services import Services
from mfm.web.writes import read_body

_CALENDAR = (
    Query("since", "the first day (90 days ago)"),
    Query("until", "the last day (a year from now)"),
    Query("tier", "only calls of funds of this tier"),
    Query("place", "only calls for this place, or for any"),
    Query("theme", "only calls for this theme, or for any"),
)
_CO_FUNDING = (
    Query("fund", "only what this fund is asked for"),
    Query("lead", "only what this organisation asks for"),
)
Q = TypeVar("Q", bound=Struct)


class CallOverlaps(Struct, frozen=True):
    """The calls that one overlaps."""

    overlaps: list[Rival]


def _asked(ask: Ask, shape: type[Q], queries: tuple[Query, ...]) -> Q:
    try:
        return convert(queries_of(ask, [each.name for each in queries]), shape, strict=False)
    except ValidationError as error:
        raise Invalid("query-invalid", fault(error, shape).detail) from None


async def _overlaps(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    found = await call_views.rivals(services.engine, actor_of(actor), part(ask, "id"))
    tell(ask, len(found))
    return ok(CallOverlaps(found))


async def _check(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    command = decode(await read_body(ask), DraftCall)
    found = await call_views.rivals_of_draft(services.engine, actor_of(actor), command)
    return ok(CallOverlaps(found))


async def _calendar(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    query = _asked(ask, CalendarQuery, _CALENDAR)
    found = await call_views.calendar(services.engine, actor_of(actor), query)
    tell(ask, len(found.calls))
    return ok(found)


async def _competition(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    return ok(await competition(services.engine, actor_of(actor), part(ask, "id")))


async def _co_funding(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    query = _asked(ask, CoFundingQuery, _CO_FUNDING)
    found = await co_funding.declared(services.engine, actor_of(actor), query)
    tell(ask, len(found.items))
    return ok(found)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/calls/{id}/overlaps",
        action="call.read",
        handle=_overlaps,
        text="List the calls that ask the same applicants in the same days, with what would help.",
        answer="CallOverlaps",
        also=(CallOverlaps,),
    ),
    Endpoint(
        method="POST",
        path="/v1/calls:check",
        action="call.draft",
        handle=_check,
        text="Tell which calls one would overlap, were it drafted so; nothing is written.",
        request=DraftCall,
        answer="CallOverlaps",
        also=(CallOverlaps,),
    ),
    Endpoint(
        method="GET",
        path="/v1/calls/{id}/competition",
        action="competition.read",
        handle=_competition,
        text="Tell who competes in a call, by how far they work; outsiders see no small figures.",
        answer="CompetitionRead",
        also=(CompetitionRead,),
    ),
    Endpoint(
        method="GET",
        path="/v1/call-calendar",
        action="call.read",
        handle=_calendar,
        text="List calls over all tiers by their days, each with those that it overlaps.",
        answer="Calendar",
        also=(Calendar,),
        queries=_CALENDAR,
    ),
    Endpoint(
        method="GET",
        path="/v1/co-funding",
        action="application.read",
        handle=_co_funding,
        text="List who bears which share of one cost, as applications declare it.",
        answer="CoFundings",
        also=(CoFundings,),
        queries=_CO_FUNDING,
    ),
)
