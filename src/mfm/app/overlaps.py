"""The scan for overlap: every detector over what the mechanism holds now.

It only reads. What it finds is told to those who see the whole mechanism, and changes nothing.
"""

import asyncio
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import TypeVar

from mfm.app.matching import org_matcher, project_matcher
from mfm.core.applications import Application
from mfm.core.calls import Call
from mfm.core.commitments import Commitment
from mfm.core.funds import Fund
from mfm.core.org_likeness import OrgView
from mfm.core.overlap_calls import Window, overlapping_calls
from mfm.core.overlap_chains import Agreement, Asked, Inflow, counted_twice, intermediaries
from mfm.core.overlap_parties import Registered, same_organisations
from mfm.core.overlaps import Overlap
from mfm.core.parties import Party
from mfm.core.permissions import Actor, require
from mfm.core.project_matching import ProjectView
from mfm.core.record import Noun
from mfm.store import reads
from mfm.store.database import Engine, snapshot
from mfm.store.reads import Page, Reach

PAGE_ROWS = 1_000
APPLICATIONS_OF_ONE_MAX = 200
"""So many of one lead's applications are compared with each other, the latest of them."""
_GONE = frozenset({"reversed", "cancelled", "withdrawn"})
Tick = Callable[[str, int], None]
"""Told what is being compared, and how many are done."""
N = TypeVar("N", bound=Noun)


class Held:
    """What the mechanism holds, as the detectors read it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.parties: dict[str, Party] = {}
        self.funds: dict[str, Fund] = {}
        self.calls: dict[str, Call] = {}
        self.applications: list[Application] = []
        self.commitments: list[Commitment] = []


async def scan(engine: Engine, actor: Actor, tick: Tick) -> list[Overlap]:
    """Return what all detectors notice, detector by detector.

    Raises:
        Invalid: `role-not-allowed`.
    """
    require(actor, "overlap.read")
    held = await _held(engine)
    # Comparing is long work without a pause: whoever shows progress goes on meanwhile.
    return await asyncio.to_thread(_scanned, held, tick)


async def _held(engine: Engine) -> Held:
    held = Held()
    async with snapshot(engine) as connection:

        async def all_of(noun: type[N]) -> list[N]:
            found: list[N] = []
            after = (0, "")
            while page := await reads.page_of(connection, noun, Page(PAGE_ROWS, after), Reach()):
                found += [
                    each for each in page if isinstance(each, noun) and each.status not in _GONE
                ]
                after = page[-1].seq, page[-1].id
            return found

        held.parties = {each.id: each for each in await all_of(Party)}
        held.funds = {each.id: each for each in await all_of(Fund) if not each.reported}
        held.calls = {each.id: each for each in await all_of(Call)}
        held.applications = await all_of(Application)
        held.commitments = await all_of(Commitment)
    return held


def _scanned(held: Held, tick: Tick) -> list[Overlap]:
    found = same_organisations(
        _registered(held), org_matcher(), lambda done: tick("organisations", done)
    )
    found += overlapping_calls(_window(each, held) for each in held.calls.values())
    tick("calls", len(held.calls))
    found += intermediaries(_asked(held), _agreements(held))
    found += counted_twice(_inflows(held))
    tick("agreements", len(held.commitments))
    found += _same_projects(held, tick)
    return found


def _registered(held: Held) -> Iterator[Registered]:
    for party in held.parties.values():
        numbers = (party.identifier,) if party.identifier else ()
        view = OrgView(party.name, party.country or None, registrations=numbers)
        yield Registered(party.id, view)


def _window(call: Call, held: Held) -> Window:
    fund = held.funds.get(call.fund)
    return Window(
        id=call.id,
        fund=call.fund,
        tier=fund.tier if fund else "",
        opens_on=call.opens_on,
        closes_on=call.closes_on,
        places=call.places,
        themes=call.themes,
        types=call.types,
        levels=call.levels,
    )


def _asked(held: Held) -> Iterator[Asked]:
    for application in held.applications:
        if (call := held.calls.get(application.call)) and application.submitted_on:
            yield Asked(application.lead, call.fund, call.opens_on, call.closes_on)


def _agreements(held: Held) -> Iterator[Agreement]:
    """Yield who gives to whom: a fund's steward, and a lead that names partners."""
    for commitment in held.commitments:
        giver, receiver = held.funds.get(commitment.from_fund), held.funds.get(commitment.to_fund)
        there = receiver.steward if receiver else commitment.to_party
        if giver and giver.steward and there and giver.steward != there:
            yield Agreement(giver.steward, there)
    for application in held.applications:
        for partner in application.partners:
            yield Agreement(application.lead, partner.party)


def _inflows(held: Held) -> Iterator[Inflow]:
    """Yield contributions that have a day: an agreement's first, else its first instalment's."""
    for each in held.commitments:
        due = (part.due_on for part in each.tranches if part.due_on)
        on = each.starts_on or min(due, default=None)
        if each.kind == "contribution" and on and each.to_fund in held.funds:
            yield Inflow(
                each.id, each.from_party, each.to_fund, each.currency, each.amount_minor, on
            )


def _same_projects(held: Held, tick: Tick) -> Iterator[Overlap]:
    """Yield applications of one lead that seem one project, unless they say that they share it."""
    matcher = project_matcher()
    by_lead: dict[str, list[Application]] = {}
    for each in held.applications:
        by_lead.setdefault(each.lead, []).append(each)
    for done, (lead, works) in enumerate(sorted(by_lead.items()), start=1):
        for one, other in combinations(works[-APPLICATIONS_OF_ONE_MAX:], 2):
            found = matcher.match(
                *(_project(each, held.parties.get(lead)) for each in (one, other))
            )
            if found.band != "none" and not _declared(one, other):
                left, right = sorted((one.id, other.id))
                yield Overlap(
                    detector="same-project",
                    left=left,
                    right=right,
                    score=found.score,
                    band=found.band,
                    reasons=found.reasons,
                    suggestions=("declare-shares",),
                )
        tick("applications", done)


def _project(application: Application, lead: Party | None) -> ProjectView:
    return ProjectView(
        org=lead.name if lead else application.lead,
        title=application.title,
        start=application.starts_on,
        end=application.ends_on,
        budget=application.amount_minor,
        cluster=", ".join(application.themes) or None,
    )


def _declared(one: Application, other: Application) -> bool:
    """Tell whether one says that the other, or what it became, pays for the same."""
    return not {other.id, other.commitment}.isdisjoint(one.co_financing) or not {
        one.id,
        one.commitment,
    }.isdisjoint(other.co_financing)
