"""The scan for overlap: every detector over what the mechanism holds now.

It only reads. What it finds is told to those who see the whole mechanism, and changes nothing;
`overlap_opening` opens cases of it.
"""

import asyncio
from collections.abc import Callable
from datetime import date

from mfm.app.context import utc_now
from mfm.app.matching import org_matcher, project_matcher
from mfm.app.overlap_held import Held, held
from mfm.core.overlap_asks import repeated, split
from mfm.core.overlap_calls import overlapping_calls
from mfm.core.overlap_chains import counted_twice, intermediaries
from mfm.core.overlap_control import shared_control
from mfm.core.overlap_costs import charged_twice
from mfm.core.overlap_exposure import over_stretched
from mfm.core.overlap_keys import application_keys, close_pairs, keyed, party_keys
from mfm.core.overlap_parties import same_organisations
from mfm.core.overlap_projects import Project, alike
from mfm.core.overlaps import Overlap
from mfm.core.permissions import Actor, require
from mfm.store.database import Engine, snapshot

Tick = Callable[[str, int], None]
"""Told what is being compared, and how many are done."""


async def scan(engine: Engine, actor: Actor, tick: Tick) -> list[Overlap]:
    """Return what all detectors notice, detector by detector.

    Raises:
        Invalid: `role-not-allowed`.
    """
    require(actor, "overlap.read")
    async with snapshot(engine) as connection:
        found = await held(connection)
    # Comparing is long work without a pause: whoever shows progress goes on meanwhile.
    return await asyncio.to_thread(_scanned, found, utc_now().date(), tick)


def _scanned(held: Held, on: date, tick: Tick) -> list[Overlap]:
    parties = list(held.registered())
    matcher = org_matcher()
    keys = [keyed("party", each.id, party_keys(matcher.read(each.view))).keys for each in parties]
    found = same_organisations(
        parties, close_pairs(keys), matcher, lambda done: tick("organisations", done)
    )
    found += shared_control(held.traits(), held.hosted())
    found += overlapping_calls(held.windows())
    tick("calls", len(held.calls))
    found += of_money(held, on)
    tick("agreements", len(held.commitments))
    found += repeated(held.asks())
    found += split(held.asks())
    found += _projects(held)
    tick("applications", len(held.applications))
    return found


def of_money(held: Held, on: date) -> list[Overlap]:
    """Return what is noticed of agreements and expenditure."""
    return [
        *intermediaries(held.asked(), held.agreements()),
        *counted_twice(held.inflows()),
        *charged_twice("same-cost", held.reported(), held.shared_grants()),
        *charged_twice("same-charge", held.charged()),
        *over_stretched(held.awards(), held.budgets(), held.exchange, on),
    ]


def _projects(held: Held) -> list[Overlap]:
    matcher = project_matcher()
    words = matcher.orgs.lexicon
    keys = [
        keyed("application", "", application_keys(each, words)).keys for each in held.applications
    ]
    ids = [each.id for each in held.applications]
    pairs = ((ids[one], ids[other]) for one, other in close_pairs(keys))
    projects = {
        each.id: Project(each, matcher.read(held.project(each))) for each in held.applications
    }
    return alike(projects, pairs, matcher)
