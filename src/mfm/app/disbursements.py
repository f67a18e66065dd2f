"""Disbursements: asked for, reviewed and decided; how they are paid is in `payments`."""

from mfm.app import known
from mfm.app.conditions import must_be_payable
from mfm.app.context import Context
from mfm.app.gates import passed
from mfm.app.motions import with_vote
from mfm.app.perform import Verb
from mfm.app.policies import Gate
from mfm.core import disbursements as rules
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.disbursements import (
    ApproveDisbursement,
    CancelDisbursement,
    Disbursement,
    RejectDisbursement,
    RequestDisbursement,
    ResubmitDisbursement,
    ReturnDisbursement,
    ReviewDisbursement,
)
from mfm.core.funds import Fund
from mfm.core.record import Draft


async def request(context: Context, command: RequestDisbursement) -> Draft:
    """Ask for a tranche of a grant or transfer."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    context.require(commitment.funds, commitment.parties)
    fund = await context.get(Fund, commitment.funds[0])
    made_id = await context.new_id(Disbursement, command.id)
    act = context.act(command.effective_on, fund)
    draft = rules.request(act, command, made_id, commitment, fund)
    if commitment.status != "signed":
        return draft
    # The first tranche asked for brings an agreement into force: its conditions are looked at.
    conditions = await context.unit.find_all(Condition, "commitment", [commitment.id])
    told = await known.of_agreement(context, commitment, conditions, signed=True)
    gate = Gate("activation", fund.id, act.on)
    return await passed(context, gate, f"commitment:{commitment.id}", told, draft)


async def resubmit(context: Context, command: ResubmitDisbursement) -> Draft:
    """Ask again for a tranche that was returned."""
    disbursement, fund = await _found(context, command.disbursement, by_either=True)
    return rules.resubmit(context.act(command.effective_on, fund), disbursement)


async def _found(
    context: Context, disbursement_id: str, *, by_either: bool = False
) -> tuple[Disbursement, Fund]:
    """Return a disbursement and the fund that pays it, for that fund or `by_either` side."""
    disbursement = await context.get(Disbursement, disbursement_id, "/disbursement")
    funds = disbursement.funds if by_either else (disbursement.from_fund,)
    context.require(funds, disbursement.parties)
    return disbursement, await context.get(Fund, disbursement.from_fund)


async def review(context: Context, command: ReviewDisbursement) -> Draft:
    """Review a requested tranche."""
    disbursement, fund = await _found(context, command.disbursement)
    return rules.review(context.act(command.effective_on, fund), disbursement)


async def return_(context: Context, command: ReturnDisbursement) -> Draft:
    """Return a tranche to who asked for it, for more."""
    disbursement, fund = await _found(context, command.disbursement)
    act = context.act(command.effective_on, fund)
    return rules.return_(act, command, disbursement, fund)


async def reject(context: Context, command: RejectDisbursement) -> Draft:
    """Reject a tranche that is not paid yet."""
    disbursement, fund = await _found(context, command.disbursement)
    return await _end(context, command, "rejected", (disbursement, fund))


async def cancel(context: Context, command: CancelDisbursement) -> Draft:
    """Cancel a tranche that is not paid yet."""
    disbursement, fund = await _found(context, command.disbursement, by_either=True)
    return await _end(context, command, "cancelled", (disbursement, fund))


async def _end(
    context: Context,
    command: RejectDisbursement | CancelDisbursement,
    status: str,
    found: tuple[Disbursement, Fund],
) -> Draft:
    disbursement, fund = found
    commitment = await context.get(Commitment, disbursement.commitment)
    act = context.act(command.effective_on, fund)
    return rules.end(act, status, disbursement, commitment, fund)


async def approve(context: Context, command: ApproveDisbursement) -> Draft:
    """Approve a requested tranche."""
    disbursement, fund = await _found(context, command.disbursement)
    await must_be_payable(context, disbursement)
    act = context.act(command.effective_on, fund)
    draft = rules.approve(act, disbursement, fund)
    draft = await with_vote(context, draft, command.motion)
    taken = next(row for row in draft.sets if isinstance(row, Disbursement))
    commitment = await context.get(Commitment, disbursement.commitment)
    told = await known.at_approval(context, taken, commitment, act.on)
    gate = Gate("approval", fund.id, act.on)
    return await passed(context, gate, f"disbursement:{taken.id}", told, draft)


_SUBJECT = (Disbursement, "disbursement")
VERBS = (
    Verb("disbursement.request", RequestDisbursement, request, "/disbursements"),
    *(
        Verb(
            f"disbursement.{step}",
            command,
            run,
            f"/disbursements/{{disbursement}}/{step}",
            _SUBJECT,
        )
        for step, command, run in (
            ("resubmit", ResubmitDisbursement, resubmit),
            ("review", ReviewDisbursement, review),
            ("return", ReturnDisbursement, return_),
            ("reject", RejectDisbursement, reject),
            ("cancel", CancelDisbursement, cancel),
            ("approve", ApproveDisbursement, approve),
        )
    ),
)
