"""The scan for overlap: every detector over what the mechanism holds now.

It only reads. What it finds is told to those who see the whole mechanism, and changes nothing;
`overlap_opening` opens cases of it.
"""

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import get_args

from mfm.app.context import utc_now
from mfm.app.matching import org_matcher, project_matcher
from mfm.app.overlap_held import Held, held
from mfm.app.overlap_texts import with_words
from mfm.core.overlap_asks import repeated, split
from mfm.core.overlap_calls import overlapping_calls
from mfm.core.overlap_chains import counted_twice, intermediaries
from mfm.core.overlap_control import shared_control
from mfm.core.overlap_costs import charged_twice
from mfm.core.overlap_exposure import over_stretched
from mfm.core.overlap_parties import same_organisations, twins
from mfm.core.overlap_projects import Beside, alike
from mfm.core.overlaps import Overlap
from mfm.core.permissions import Actor, require
from mfm.store import overlap_pairs as pairing
from mfm.store.database import Engine, snapshot

ENGINES = get_args(pairing.Engine)
"""What can look for pairs, the one that is always there first."""
Tick = Callable[[str, int], None]
"""Told what is being compared, and how many are done."""


async def scan(
    engine: Engine, actor: Actor, tick: Tick, by: pairing.Engine = "postgresql"
) -> list[Overlap]:
    """Return what all detectors notice, detector by detector.

    Args:
        engine: the readers'.
        actor: who asks.
        tick: told how far it is.
        by: what looks for the pairs that are worth comparing.

    Raises:
        Invalid: `role-not-allowed`, `engine-missing`.
    """
    require(actor, "overlap.read")
    with _uncollected():
        async with snapshot(engine) as connection:
            found = await held(connection)
            pairs = await pairing.pairs(connection, by)
        # Comparing is long work without a pause: whoever shows progress goes on meanwhile.
        noticed = await asyncio.to_thread(_scanned, found, pairs, utc_now().date(), tick)
    async with snapshot(engine) as connection:
        return await with_words(connection, found, noticed)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles away: all that is read stays, and it would walk it each time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _scanned(held: Held, pairs: pairing.Pairs, on: date, tick: Tick) -> list[Overlap]:
    register = list(held.registered())
    places = {each.id: place for place, each in enumerate(register)}
    near = (
        (min(sides), max(sides))
        for pair in pairs["party"]
        if len(sides := [places[name] for name in pair if name in places]) == len(pair)
    )
    found = same_organisations(
        register, near, org_matcher(), lambda done: tick("organisations", done)
    )
    found += shared_control(held.traits(), held.hosted())
    found += overlapping_calls(held.windows())
    tick("calls", len(held.calls))
    found += of_money(held, on)
    tick("agreements", len(held.commitments))
    found += repeated(held.asks())
    found += split(held.asks())
    found += _projects(held, pairs["application"], Beside(held.declared(), twins(found)))
    tick("applications", len(held.applications))
    return found


def of_money(held: Held, on: date) -> list[Overlap]:
    """Return what is noticed of agreements and expenditure."""
    return [
        *intermediaries(held.asked(), held.agreements()),
        *counted_twice(held.inflows(), held.exchange),
        *charged_twice("same-cost", held.reported(), held.shared_grants()),
        *charged_twice("same-charge", held.charged()),
        *over_stretched(held.awards(), held.budgets(), held.exchange, on),
    ]


def _projects(held: Held, pairs: Iterable[tuple[str, str]], beside: Beside) -> list[Overlap]:
    matcher = project_matcher()
    projects = held.projects(held.applications, matcher)
    known = (pair for pair in pairs if projects.keys() >= {*pair})
    return alike(projects, known, matcher, beside)
