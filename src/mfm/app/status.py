"""What a status link shows: one grant, its payments, and whose turn it is."""

from datetime import date

from msgspec import Struct

from mfm.app import overlap_reads
from mfm.app.context import today_in, utc_now
from mfm.app.overlap_reads import SeenOverlap
from mfm.app.progress import around_of, must, under
from mfm.app.reasons import Holding, holding
from mfm.core.conditions import Condition
from mfm.core.contests import Contest, id_of
from mfm.core.disbursements import Disbursement
from mfm.core.keys import digest_of
from mfm.core.links import StatusLink
from mfm.core.next_steps import Around, TrancheStep, tranche_steps
from mfm.core.nouns import KINDS
from mfm.core.parties import Party
from mfm.store import reads
from mfm.store.database import Engine, Snapshot, snapshot
from mfm.store.reads import Reach

OVERLAPS_MAX = 4
"""A page stays small however many cases there are: so many."""


class Shown(Struct, frozen=True):
    """A grant as its link shows it.

    Attributes:
        around: the grant, its fund, and what its payments wait for.
        party: the grantee.
        steps: where each payment stands.
        takers: id -> the disbursement of each payment that was asked for.
        today: the day where the fund is.
        holding: what policies hold up, and why, in the reader's language.
        conditions: all of the grant's.
        contests: id of a contested condition -> its contest.
        overlaps: cases of overlap that concern the grantee here, in the reader's language.
    """

    around: Around
    party: Party
    steps: tuple[TrancheStep, ...]
    takers: dict[str, Disbursement]
    today: date
    holding: tuple[Holding, ...]
    conditions: tuple[Condition, ...]
    contests: dict[str, Contest]
    overlaps: tuple[SeenOverlap, ...]


async def shown(engine: Engine, token: str, language: str) -> Shown | None:
    """Return what a token's link shows, or None, with the same work, for none or a revoked one."""
    async with snapshot(engine) as connection:
        link = await reads.by_digest(connection, StatusLink, digest_of(token))
        if not isinstance(link, StatusLink) or link.status != "active":
            return None
        around = await around_of(connection, link.commitment)
        party = await must(connection, Party, link.to_party)
        takers = await under(connection, Disbursement, link.commitment)
        standing = {f"disbursement:{each.id}": each.seq for each in takers}
        standing[f"commitment:{link.commitment}"] = around.commitment.seq
        held = await holding(connection, standing, language)
        conditions = await under(connection, Condition, link.commitment)
        contests = await _contests(connection, conditions)
        asked = (link.to_party, link.from_fund, language, OVERLAPS_MAX)
        overlaps = await overlap_reads.of_grant(connection, *asked)
    today = today_in(around.giver.time_zone, utc_now())
    return Shown(
        around,
        party,
        tranche_steps(around, takers),
        {each.id: each for each in takers},
        today,
        held,
        tuple(conditions),
        contests,
        tuple(overlaps),
    )


async def _contests(connection: Snapshot, conditions: list[Condition]) -> dict[str, Contest]:
    """Return the contests of conditions, by the condition's id."""
    found: dict[str, Contest] = {}
    for condition in conditions:
        if condition.contest:
            name = id_of(f"{KINDS[Condition]}:{condition.id}")
            made = await reads.one(connection, Contest, name, Reach())
            if isinstance(made, Contest) and made.status != "reversed":
                found[condition.id] = made
    return found
