"""Who competes in a call, for its own fund, for overseers, and for everybody else."""

from msgspec import Struct

from mfm.app.context import today_in, utc_now
from mfm.app.overlap_check import near_of
from mfm.app.overlap_held import GONE
from mfm.core import competition as rules
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.calls import Call
from mfm.core.commitments import Commitment
from mfm.core.competition import Ask, Cell
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.money import Money, money_of
from mfm.core.parties import Party
from mfm.core.permissions import OPERATOR, Actor, require
from mfm.store.database import Engine, snapshot
from mfm.store.overlap_near import Near

_INSIDE = frozenset(
    {"preparer", "approver", "payer", "board", "auditor", "administrator", OPERATOR}
)
"""Roles that see small figures: a fund's own secretariat and board, and who sees everything."""


class CompetitionLevel(Struct, frozen=True, kw_only=True):
    """The asks of one level, or of all; a figure that is suppressed, or of nothing, is null."""

    level: str
    asks: int | None
    asked: Money | None
    awards: int | None
    awarded: Money | None
    success_per_mille: int | None
    median_asked: Money | None
    median_awarded: Money | None
    median_days: int | None
    overhead_per_mille: int | None
    suppressed: bool


class CompetitionRead(Struct, frozen=True, kw_only=True):
    """Who competes in a call, by how far they work; and what the figures say, as sentences."""

    call: str
    fund: str
    levels: tuple[CompetitionLevel, ...]
    all: CompetitionLevel
    notes: tuple[str, ...]


async def competition(engine: Engine, actor: Actor, call_id: str) -> CompetitionRead:
    """Return who competes in a call; to others than its fund and overseers what tells of nobody.

    Raises:
        Invalid: `not-found`, `role-not-allowed`.
    """
    require(actor, "competition.read")
    async with snapshot(engine) as connection:
        near = await near_of(connection)
        call = await called(near, call_id)
        (fund,) = await near.load(Fund, "id", [call.fund])
        asks = await _asks(near, call_id)
    inside = actor.role in _INSIDE and actor.fund in ("", call.fund)
    levels, everything, notes = (
        rules.cells(asks) if inside else rules.cells_outside(asks, over=_is_over(call, fund))
    )
    return CompetitionRead(
        call=call.id,
        fund=call.fund,
        levels=tuple(_level(cell, call.currency) for cell in levels),
        all=_level(everything, call.currency),
        notes=notes,
    )


def _is_over(call: Call, fund: Fund) -> bool:
    """Tell whether nothing can be submitted to a call any more, where its fund is."""
    return call.status in ("closed", "cancelled") or (
        call.closes_on < today_in(fund.time_zone, utc_now())
    )


async def called(near: Near, call_id: str) -> Call:
    """Return a call that stands.

    Raises:
        Invalid: `not-found`.
    """
    found = await near.load(Call, "id", [call_id])
    if not found or found[0].status == "reversed":
        raise Invalid("not-found", f"There is no call {call_id}.")
    return found[0]


def _level(cell: Cell, currency: str) -> CompetitionLevel:
    def money(amount_minor: int | None) -> Money | None:
        return None if amount_minor is None else money_of(amount_minor, currency)

    return CompetitionLevel(
        level=cell.level,
        asks=cell.asks,
        asked=money(cell.asked_minor),
        awards=cell.awards,
        awarded=money(cell.awarded_minor),
        success_per_mille=cell.success_per_mille,
        median_asked=money(cell.median_asked_minor),
        median_awarded=money(cell.median_awarded_minor),
        median_days=cell.median_days,
        overhead_per_mille=cell.overhead_per_mille,
        suppressed=cell.suppressed,
    )


async def _asks(near: Near, call_id: str) -> list[Ask]:
    """Return a call's applications that were submitted, withdrawn or not."""
    found = await near.load(Application, "call", [call_id])
    asked = [each for each in found if each.submitted_by and each.status != "reversed"]
    leads = {each.lead for each in asked}
    parties = {each.id: each for each in await near.load(Party, "id", leads)}
    attested = {
        each.party: each.value
        for each in await near.load(Attestation, "party", leads)
        if each.kind == "level" and each.status == "in-force"
    }
    grants = await near.load(Commitment, "id", {each.commitment for each in asked})
    awarded = {each.id: each.amount_minor for each in grants if each.status not in GONE}
    return [
        Ask(
            level=rules.level_of(attested.get(each.lead, ""), parties[each.lead].kind),
            asked_minor=each.amount_minor,
            indirect_minor=sum(
                line.amount_minor for line in each.budget if line.category == "indirect"
            ),
            decided=each.decided_on is not None,
            approved=each.status in ("approved", "awarded"),
            awarded_minor=awarded.get(each.commitment, 0),
            days=_days(each),
            withdrawn=each.status == "withdrawn",
        )
        for each in asked
    ]


def _days(application: Application) -> int | None:
    if application.decided_on is None or application.submitted_on is None:
        return None
    return (application.decided_on - application.submitted_on).days
