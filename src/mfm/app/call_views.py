"""Calls seen together: what a draft would overlap, and the calendar over all tiers."""

import asyncio
from datetime import date, timedelta
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from mfm.app.competition import called
from mfm.app.context import utc_now
from mfm.app.overlap_check import around, near_of
from mfm.app.overlap_held import Held
from mfm.core.calls import Call, DraftCall
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.nouns import KINDS
from mfm.core.overlap_calls import Window, clear_from, competes, overlapping_calls
from mfm.core.overlaps import Overlap
from mfm.core.permissions import Actor, require
from mfm.core.record import parse, restore
from mfm.store.database import FAILED, Engine, snapshot

CALLS_MAX = 500
"""So many calls has a calendar at the most: narrow its days or places for others."""
WRITES = frozenset({"call.draft", "call.revise", "call.publish"})
"""What writes a call's terms, or makes them stand."""
_DRAFT = ""
"""The id of a call that is not written yet."""


class Rival(Struct, frozen=True, kw_only=True):
    """A call that asks the same applicants in the same days.

    Attributes:
        call: its id.
        fund: whose.
        tier: the fund's.
        title: public.
        status: draft, consultation, published or closed.
        opens_on, closes_on: its days, the last included.
        reasons: what the two have in common, as sentences.
        suggestions: shift, merge, reserve-local-window: what would help.
        shift_to: the first day on which the call asked about, as long as it is, meets no other;
            None where there is none.
    """

    call: str
    fund: str
    tier: str
    title: str
    status: str
    opens_on: date
    closes_on: date
    reasons: tuple[str, ...]
    suggestions: tuple[str, ...]
    shift_to: date | None


class CalendarQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls a calendar has.

    Attributes:
        since: the first day; 90 days ago unless told.
        until: the last day; a year from now unless told.
        tier: only of funds of this tier.
        place: only for this place (ISO 3166), or for any.
        theme: only for this theme, or for any.
    """

    since: date | None = None
    until: date | None = None
    tier: Annotated[str, Meta(max_length=20)] = ""
    place: Annotated[str, Meta(max_length=20)] = ""
    theme: Annotated[str, Meta(max_length=80)] = ""


class CalendarCall(Struct, frozen=True, kw_only=True):
    """A call in the calendar, with the calls of its days that it overlaps, of any tier."""

    call: str
    fund: str
    tier: str
    title: str
    status: str
    opens_on: date
    closes_on: date
    places: tuple[str, ...]
    themes: tuple[str, ...]
    types: tuple[str, ...]
    levels: tuple[str, ...]
    overlaps: tuple[str, ...]


class Calendar(Struct, frozen=True, kw_only=True):
    """Calls over all tiers, in the order in which they open.

    Attributes:
        since, until: its days.
        calls: those open on one of them.
        more: true where there are more than are told.
    """

    since: date
    until: date
    calls: tuple[CalendarCall, ...]
    more: bool | UnsetType = UNSET


async def rivals(engine: Engine, actor: Actor, call_id: str) -> list[Rival]:
    """Return the calls that one overlaps, drafts among them; soonest first.

    Raises:
        Invalid: `not-found`, `role-not-allowed`.
    """
    require(actor, "call.read")
    return await rivals_of(engine, call_id)


async def rivals_of(engine: Engine, call_id: str) -> list[Rival]:
    """Return the calls that one overlaps; whether it may be read was asked.

    Raises:
        Invalid: `not-found`.
    """
    async with snapshot(engine) as connection:
        near = await near_of(connection)
        call = await called(near, call_id)
        held = await around(near, call, date.max)  # the later ones tell what is free
    return _rivals(held, held.window(call))


async def rivals_of_draft(engine: Engine, actor: Actor, command: DraftCall) -> list[Rival]:
    """Return the calls that one would overlap, were it drafted so; nothing is written.

    Raises:
        Invalid: `role-not-allowed`, `fund-not-allowed`, `not-found`, `call-dates`.
    """
    require(actor, "call.draft", (command.fund,))
    if command.closes_on < command.opens_on:
        detail = f"{command.closes_on} is before {command.opens_on}."
        raise Invalid("call-dates", detail, "/closes_on")
    call = Call(
        id=_DRAFT,
        status="draft",
        fund=command.fund,
        title=command.title,
        currency="",
        places=command.places,
        themes=command.themes,
        types=command.types,
        levels=command.levels,
        opens_on=command.opens_on,
        closes_on=command.closes_on,
        drafted_by=actor.key,
    )
    held = await _held(engine, call)
    if command.fund not in held.funds:
        raise Invalid("not-found", f"There is no fund {command.fund}.", "/fund")
    return _rivals(held, held.window(call))


async def rivals_beside(engine: Engine, content: bytes) -> list[Rival] | None:
    """Return what the call overlaps that a record of one of `WRITES` set.

    The call is read off the record: a replica that is behind has not got it yet. What is done is
    done, so readers that fail leave this out (None) and no more.
    """
    call = restore(parse(content)[1].sets[KINDS[Call]][0], Call)
    assert isinstance(call, Call)  # asked for
    try:
        held = await _held(engine, call)
    except FAILED:
        return None
    return _rivals(held, held.window(call))


async def _held(engine: Engine, call: Call) -> Held:
    async with snapshot(engine) as connection:
        return await around(await near_of(connection), call, date.max)


def _rivals(held: Held, mine: Window) -> list[Rival]:
    windows = list(held.windows())
    shift_to = clear_from(mine, windows)
    found = [
        _rival(held.calls[other.id], held, each, shift_to)
        for other in windows
        if other.id != mine.id
        for each in overlapping_calls((mine, other))
    ]
    return sorted(found, key=lambda rival: (rival.opens_on, rival.call))


def _rival(call: Call, held: Held, told: Overlap, shift_to: date | None) -> Rival:
    window = held.window(call)
    return Rival(
        call=call.id,
        fund=call.fund,
        tier=window.tier,
        title=call.title,
        status=call.status,
        opens_on=call.opens_on,
        closes_on=call.closes_on,
        reasons=told.reasons,
        suggestions=told.suggestions,
        shift_to=shift_to,
    )


async def calendar(engine: Engine, actor: Actor, query: CalendarQuery) -> Calendar:
    """Return calls over all tiers.

    Raises:
        Invalid: `role-not-allowed`, `query-invalid`.
    """
    require(actor, "call.read")
    today = utc_now().date()
    since = query.since or today - timedelta(days=90)
    until = query.until or today + timedelta(days=365)
    if until < since:
        raise Invalid("query-invalid", f"{until} is before {since}.")
    async with snapshot(engine) as connection:
        near = await near_of(connection)
        held = Held()
        held.calls = {each.id: each for each in await near.open_calls(since, until)}
        funds = await near.load(Fund, "id", {each.fund for each in held.calls.values()})
        held.funds = {each.id: each for each in funds}
    asked = Window(
        id=_DRAFT,
        fund="",
        opens_on=since,
        closes_on=until,
        places=(query.place,) if query.place else (),
    )
    wanted = [
        window
        for window in held.windows()
        if (not query.tier or window.tier == query.tier)
        and (not query.theme or not window.themes or query.theme in window.themes)
        and competes(asked, window)
    ]
    return await asyncio.to_thread(_calendar, held, wanted, (since, until))


def _calendar(held: Held, wanted: list[Window], days: tuple[date, date]) -> Calendar:
    ordered = sorted(wanted, key=lambda window: (window.opens_on, window.id))
    beside: dict[str, list[str]] = {}
    shown = {each.id for each in ordered[:CALLS_MAX]}
    for each in overlapping_calls(held.windows(), of=shown):
        beside.setdefault(each.left, []).append(each.right)
        beside.setdefault(each.right, []).append(each.left)
    told = tuple(
        CalendarCall(
            call=each.id,
            fund=each.fund,
            tier=each.tier,
            title=held.calls[each.id].title,
            status=held.calls[each.id].status,
            opens_on=each.opens_on,
            closes_on=each.closes_on,
            places=each.places,
            themes=each.themes,
            types=each.types,
            levels=each.levels,
            overlaps=tuple(sorted(beside.get(each.id, ()))),
        )
        for each in ordered[:CALLS_MAX]
    )
    more = True if len(ordered) > CALLS_MAX else UNSET
    return Calendar(since=days[0], until=days[1], calls=told, more=more)
