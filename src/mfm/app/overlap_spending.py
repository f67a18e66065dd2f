"""The check of one amount: a report, a fund's own cost, a contribution, beside what is alike."""

from collections.abc import Awaitable, Callable, Iterable

from mfm.app.overlap_held import ASKING, GONE, Held, latest, resolve
from mfm.core.applications import Application
from mfm.core.commitments import Commitment
from mfm.core.costs import Cost
from mfm.core.funds import Fund
from mfm.core.overlap_chains import alike_between, counted_twice
from mfm.core.overlap_costs import charged_twice
from mfm.core.overlaps import Overlap
from mfm.core.parties import Party
from mfm.core.reports import Report
from mfm.store import marks
from mfm.store import overlaps as store
from mfm.store.database import Snapshot
from mfm.store.overlap_near import Near


async def names_of(near: Near, party_id: str) -> set[str]:
    """Return the ids that stand for one organisation: its own, and those merged into it."""
    found = await near.load(Party, "id", [party_id])
    survivor = found[0].merged_into if found and found[0].merged_into else party_id
    return {survivor, *await near.aliases(survivor)}


async def _report(connection: Snapshot, near: Near, report_id: str) -> list[Overlap]:
    found = await near.load(Report, "id", [report_id])
    if not found or found[0].status in GONE:
        return []
    report, held = found[0], Held()
    held.marks["report"] = await marks.shared(connection, "report", [report.id])
    names = await names_of(near, report.party)
    alike = await near.spent(names, report.currency, report.told_minor)
    proved = await near.load(Report, "id", held.marks["report"])
    reports = {each.id: each for each in (report, *alike, *proved) if each.status not in GONE}
    held.reports = list(reports.values())
    held.days[Report] = await store.days_of(connection, Report, reports)
    parties = await near.load(Party, "id", {*names, *(each.party for each in held.reports)})
    held.parties = {each.id: each for each in parties}
    asking = await near.load(Application, "lead", {*names, *(each.party for each in proved)})
    held.applications = [each for each in asking if each.status in ASKING]
    resolve(held)
    shared = held.shared_grants()
    return about(charged_twice("same-cost", held.reported(), shared), report.id)


async def _cost(connection: Snapshot, near: Near, cost_id: str) -> list[Overlap]:
    found = await near.load(Cost, "id", [cost_id])
    if not found or found[0].status in GONE:
        return []
    cost, held = found[0], Held()
    held.marks["cost"] = await marks.shared(connection, "cost", [cost.id])
    alike = await near.paid(cost.currency, cost.amount_minor)
    proved = await near.load(Cost, "id", held.marks["cost"])
    costs = {each.id: each for each in (cost, *alike, *proved) if each.status not in GONE}
    held.costs = list(costs.values())
    held.days[Cost] = await store.days_of(connection, Cost, costs)
    funds = await near.load(Fund, "id", {each.fund for each in held.costs})
    await _kept(near, held, funds)
    return about(charged_twice("same-charge", held.charged()), cost.id)


async def _contribution(connection: Snapshot, near: Near, signed_id: str) -> list[Overlap]:  # noqa: ARG001  # as the others
    found = await near.load(Commitment, "id", [signed_id])
    if not found or found[0].kind != "contribution" or found[0].status in GONE:
        return []
    signed, held = found[0], Held()
    donor = await names_of(near, signed.from_party)
    between = alike_between(signed.amount_minor)
    alike = await near.given(donor, signed.currency, between)
    told = {each.id: each for each in (signed, *alike)}
    held.commitments = [each for each in told.values() if each.status not in GONE]
    funds = await near.load(Fund, "id", {each.to_fund for each in held.commitments})
    await _kept(near, held, funds)
    held.rates = latest(await near.rates({each.currency for each in held.commitments}))
    return about(counted_twice(held.inflows(), held.exchange), signed.id)


async def _kept(near: Near, held: Held, funds: Iterable[Fund]) -> None:
    """Hold funds of one's own, by who keeps them now."""
    held.funds = {each.id: each for each in funds if not each.reported}
    involved = {each.steward for each in held.funds.values()}
    involved |= {each.from_party for each in held.commitments}
    held.parties = {each.id: each for each in await near.load(Party, "id", involved)}
    resolve(held)


def about(found: Iterable[Overlap], name: str) -> list[Overlap]:
    """Return of what was found that which names one thing."""
    return [each for each in found if name in (each.left, each.right)]


Check = Callable[[Snapshot, Near, str], Awaitable[list[Overlap]]]
MONEY: dict[str, Check] = {"report": _report, "cost": _cost, "commitment": _contribution}
"""Kind of noun -> what checks one of it."""
