"""Co-funding as it was declared: who bears which share of one cost."""

from msgspec import UNSET, Struct, UnsetType

from mfm.app.overlap_check import near_of
from mfm.app.reads import reach_of
from mfm.core.applications import Application
from mfm.core.co_funding import CoFunding, by_name, co_funded, names
from mfm.core.money import Money, money_of
from mfm.core.permissions import Actor
from mfm.store.database import Engine, snapshot
from mfm.store.overlap_near import Near
from mfm.store.reads import Reach

LIMIT = 500
"""So many declarations are told at the most."""


class CoFundingQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which declarations: those of asks to a fund, or of a lead."""

    fund: str = ""
    lead: str = ""


class CoFundingShare(Struct, frozen=True, kw_only=True):
    """A share of the cost; what another fund is asked for is told as a share alone."""

    application: str
    fund: str
    status: str
    amount: Money | None
    per_mille: int | None


class CoFundingRead(Struct, frozen=True, kw_only=True):
    """A cost that several bear, as one application declares it."""

    declared_by: str
    lead: str
    total: Money | None
    shares: tuple[CoFundingShare, ...]
    elsewhere: tuple[str, ...]
    covered_per_mille: int
    over: bool


class CoFundings(Struct, frozen=True):
    """Declarations by application; `more` is true where there are more than are told."""

    items: list[CoFundingRead]
    more: bool | UnsetType = UNSET


async def declared(engine: Engine, actor: Actor, query: CoFundingQuery) -> CoFundings:
    """Return what is declared about who pays for the same, as far as the actor sees applications.

    Anybody may name any application: another's is told of only where it names this one too.

    Raises:
        Invalid: `role-not-allowed`.
    """
    reach = reach_of(actor, "application.read")
    async with snapshot(engine) as connection:
        near = await near_of(connection)
        asked = (query.fund, reach.fund), (query.lead, reach.party)
        ids = await near.declaring(*asked, LIMIT + 1)
        mine = await near.load(Application, "id", ids[:LIMIT])
        known = by_name([*mine, *await _named(near, mine)])
    ordered = sorted(mine, key=lambda each: each.id)
    items = [_read(co_funded(each, _told(each, known, reach)), known, reach) for each in ordered]
    return CoFundings(items, True if len(ids) > LIMIT else UNSET)


async def _named(near: Near, mine: list[Application]) -> list[Application]:
    """Return the applications that some name, by their own id or by the grant they became."""
    names = {name for each in mine for name in each.co_financing}
    by_grant = await near.granted(names)
    return await near.load(Application, "id", {*names, *by_grant})


def _told(
    application: Application, known: dict[str, Application], reach: Reach
) -> dict[str, Application]:
    """Return what may be told of to who reads an application: what it sees, or what names it."""
    return {
        name: each for name, each in known.items() if _sees(reach, each) or names(each, application)
    }


def _sees(reach: Reach, application: Application) -> bool:
    mine = reach.party in ("", *application.parties)
    return mine and reach.fund in ("", application.fund)


def _read(told: CoFunding, known: dict[str, Application], reach: Reach) -> CoFundingRead:
    return CoFundingRead(
        declared_by=told.declared_by,
        lead=told.lead,
        total=money_of(told.total_minor, told.currency) if told.total_minor else None,
        shares=tuple(
            CoFundingShare(
                application=each.application,
                fund=each.fund,
                status=each.status,
                amount=money_of(each.amount_minor, known[each.application].currency)
                if _sees(reach, known[each.application])
                else None,
                per_mille=each.per_mille,
            )
            for each in told.shares
        ),
        elsewhere=told.elsewhere,
        covered_per_mille=told.covered_per_mille,
        over=told.over,
    )
