"""What is known at each gate: the nouns at hand, and one read of what stands around them."""

from collections.abc import Iterable
from datetime import date

from mfm.app.context import Context
from mfm.core import earmarks
from mfm.core.accounts import Account
from mfm.core.allocations import Allocation, ApproveAllocation
from mfm.core.applications import Application
from mfm.core.calls import Call
from mfm.core.circumstances import Around, Circumstances
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.earmarks import Earmark
from mfm.core.funds import Fund
from mfm.core.money import MAX_MINOR
from mfm.core.overlap_effects import concerning
from mfm.core.parties import Party
from mfm.store import facts

_OF_DONORS = {
    "10": "bilateral",
    "11": "public-budget",
    "15": "public-budget",
    "40": "multilateral",
    "60": "foundation",
    "70": "private-sector",
    "21": "civil-society",
    "22": "civil-society",
    "23": "civil-society",
    "24": "civil-society",
}
"""IATI organisation type of a donor -> whose money it gives, where nobody said."""


async def at_application(
    context: Context, application: Application, call: Call, on: date
) -> Circumstances:
    """Return what is known of an application as if it were submitted."""
    fund = await context.get(Fund, call.fund)
    lead = await context.get(Party, application.lead)
    around = await facts.around(context.unit, (lead.id,), fund.id, on, call.id)
    known = Circumstances(fund, around.standards)
    known.organisation(lead, around, on)
    more = around.leads + (application.status not in ("submitted", "approved", "awarded"))
    known.put("the journal", {"organisation.lead_applications": more})
    known.window(call)
    known.application(application, call)
    return known


async def of_agreement(
    context: Context, made: Commitment, conditions: Iterable[Condition], *, signed: bool
) -> Circumstances:
    """Return what is known of an agreement's conditions, when it is activated or amended.

    Args:
        context: who takes the step.
        made: the agreement.
        conditions: its conditions, as the step leaves them.
        signed: whether it is signed already: from then on each is to be assessed by others.
    """
    fund = await context.get(Fund, made.funds[0])
    known = Circumstances(fund)
    known.party = made.to_party or made.from_party
    if made.from_fund and made.to_fund:
        known.party = (await context.get(Fund, made.to_fund)).steward
    standing = [each for each in conditions if each.status not in ("lifted", "reversed")]
    source = made.source_kind or "pooled-fund"
    if made.kind == "contribution" and not made.source_kind:
        donor = await context.get(Party, made.from_party)
        source = _OF_DONORS.get(donor.kind, "")
    known.put(
        f"commitment {made.id}",
        {
            "agreement.amount": made.amount_minor,
            "agreement.source_kind": source or None,
            "agreement.condition_categories": sorted({each.category for each in standing}),
            "agreement.conditions_unassessed": sum(
                signed and not each.assessment for each in standing
            ),
            "agreement.conditions_forbidden": sum(
                each.assessment == "forbidden" for each in standing
            ),
            "agreement.conditions_unaccepted": sum(each.status == "proposed" for each in standing),
        },
    )
    return known


async def at_allocation(
    context: Context, made: Allocation, command: ApproveAllocation, on: date
) -> Circumstances:
    """Return what is known of a fund's portfolio with an allocation in it."""
    fund = await context.get(Fund, made.fund)
    call = await context.get(Call, made.call) if made.call else None
    held = await facts.portfolio(context.unit, made)
    known = Circumstances(fund, held.standards)
    known.window(call)
    author = command.marker_author or context.actor.party
    known.marker(made.markers, (author,), justified=bool(command.marker_justification))
    known.put(
        f"the allocations of {fund.id} on {on}",
        {
            "portfolio.amount": held.amount_minor,
            "portfolio.women_rights_amount": held.women_rights_minor,
            "portfolio.small_groups_amount": held.small_groups_minor,
            "portfolio.prevention_amount": held.prevention_minor,
            "portfolio.local_amount": held.local_minor,
        },
    )
    bounds = await _bounds(context, made)
    phases = {phase for bound in bounds for phase in bound.phase}
    own = made.earmark.phase
    known.put(
        "the earmarks of the contributions",
        {
            "earmark.mismatched": _mismatched(made, bounds),
            "earmark.phase": phases.pop() if len(phases) == 1 else "any",
            "allocation.phase": own[0] if len(own) == 1 else "any",
        },
    )
    return known


async def at_signature(
    context: Context, made: Commitment, application: Application | None, on: date
) -> Circumstances:
    """Return what is known of a grant or transfer that is to be signed."""
    partners = application.parties[1:] if application else ()
    known, party, around = await _receiving(context, made, on, partners)
    fund = known.fund
    allocation = await context.get(Allocation, made.allocation)
    call_id = application.call if application else allocation.call
    known.window(await context.get(Call, call_id) if call_id else None)
    markers = application.markers if application else allocation.markers
    authors = (*application.parties, application.submitted_by) if application else ()
    known.marker(markers, authors, justified=True)
    confirmed = await facts.confirmed(context.unit, party.id, made.application)
    known.overlaps(concerning(confirmed, application.call if application else ""))
    known.put(
        f"commitment {made.id}",
        {
            "agreement.amount": made.amount_minor,
            "agreement.with_intermediary": _is_intermediary(made, party, around),
            "agreement.gewe_share": 0,
            "fees.indirect": 0,
            "authority.needed": made.amount_minor,
            "authority.available": await _balance(context, fund.account("9310", allocation.id)),
        },
    )
    sources = [share.contribution for share in allocation.shares]
    received = [
        each
        for each in await context.unit.find_all(Deposit, "commitment", sources)
        if each.status != "reversed"
    ]
    known.put(
        f"the deposits that allocation {allocation.id} draws on",
        {
            "fees.deposit": sum(each.amount_minor for each in received),
            "fees.administrative": sum(each.fee_minor for each in received),
        },
    )
    if application is not None:
        known.budget(application, around)
    return known


def _is_intermediary(made: Commitment, party: Party, around: Around) -> bool:
    """Tell whether a grantee passes money on: no local organisation, or an intermediary."""
    levels = {each.value for each in around.of(party.id, "level")}
    types = {each.value for each in around.of(party.id, "type")}
    passes_on = levels & {"international", "regional"} or types & {"intermediary"}
    return made.kind == "grant" and bool(passes_on)


async def at_approval(
    context: Context, taken: Disbursement, commitment: Commitment, on: date
) -> Circumstances:
    """Return what is known of a tranche that is to be approved."""
    known, _, around = await _receiving(context, taken, on)
    fund = known.fund
    names = commitment.tranches[taken.tranche - 1].conditions
    conditions = [await context.get(Condition, name) for name in names]
    application = commitment.application
    call = None
    if application:
        call = await context.get(Call, (await context.get(Application, application)).call)
    known.window(call)
    known.put(
        f"disbursement {taken.id}",
        {
            "tranche.amount": taken.amount_minor,
            "tranche.open_conditions": sum(
                each.status == "open" and each.assessment != "forbidden" for each in conditions
            ),
            "tranche.waived_by_requester": sum(
                each.status == "waived" and each.settled_by == taken.requested_by
                for each in conditions
            ),
            "tranche.earlier_disbursed": commitment.paid_minor,
            "tranche.earlier_accepted": commitment.accepted_minor,
            "approval.people_distinct": context.actor.key
            not in (taken.requested_by, taken.resubmitted_by, taken.reviewed_by),
            "approval.board_vote_carried": bool(taken.motion),
            "authority.needed": taken.amount_minor,
            "authority.available": await _balance(context, fund.account("9320", commitment.id)),
        },
    )
    limit_minor = around.board.limit_minor if around.board else MAX_MINOR
    known.put(f"board {fund.id}", {"fund.board_limit": limit_minor})
    return known


async def at_payment(
    context: Context, taken: Disbursement, commitment: Commitment, on: date
) -> Circumstances:
    """Return what is known of a tranche that is to be paid."""
    known, party, around = await _receiving(context, taken, on)
    fund = known.fund
    known.account(party, around, on)
    allocation = await context.get(Allocation, commitment.allocation)
    open_until = fund.open_until or on
    known.put(
        f"disbursement {taken.id}",
        {
            "payment.on": on,
            "payment.period_open": fund.open_from <= on <= open_until,
            "agreement.starts_on": commitment.starts_on or on,
            "agreement.ends_on": commitment.ends_on or on,
            "earmark.mismatched": _mismatched(allocation, await _bounds(context, allocation)),
        },
    )
    return known


async def _bounds(context: Context, made: Allocation) -> list[Earmark]:
    """Return what the contributions that an allocation draws on are for."""
    await context.unit.load(Commitment, [share.contribution for share in made.shares])
    return [
        source.earmark
        for share in made.shares
        if (source := await context.unit.find(Commitment, share.contribution)) is not None
    ]


def _mismatched(made: Allocation, bounds: Iterable[Earmark]) -> list[str]:
    """Return the dimensions in which an allocation is outside what its money is for."""
    return sorted({earmarks.outside(made.earmark, bound) for bound in bounds} - {""})


async def _receiving(
    context: Context, made: Commitment | Disbursement, on: date, others: tuple[str, ...] = ()
) -> tuple[Circumstances, Party, Around]:
    """Return what is known of who gets money, who that is, and what stands around it and others."""
    fund = await context.get(Fund, made.from_fund)
    party = await _receiver(context, made.to_fund, made.to_party)
    around = await facts.around(context.unit, (party.id, *others), fund.id, on)
    known = Circumstances(fund, around.standards)
    known.organisation(party, around, on)
    return known, party, around


async def _receiver(context: Context, fund_id: str, party_id: str) -> Party:
    """Return who gets money: a grantee, or the steward of the fund that it goes to."""
    if fund_id:
        party_id = (await context.get(Fund, fund_id)).steward
    return await context.get(Party, party_id)


async def _balance(context: Context, account: Account) -> int:
    """Return what an account of authority holds, in minor units."""
    await context.unit.load_accounts([account])
    held = context.unit.memory.ledger.balances.get(account)
    return held.balance_minor if held is not None else 0
