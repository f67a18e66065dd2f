"""Disbursements: request, approve, release, confirm."""

from mfm.app.commitments import both_funds
from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import disbursements as rules
from mfm.core.commitments import Commitment
from mfm.core.disbursements import (
    ApproveDisbursement,
    ConfirmDisbursement,
    Disbursement,
    ReleaseDisbursement,
    RequestDisbursement,
)
from mfm.core.funds import Fund
from mfm.core.record import Draft


async def request(context: Context, command: RequestDisbursement) -> Draft:
    """Ask for a tranche of a grant or transfer."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    context.require(commitment.funds, commitment.parties)
    fund = await context.get(Fund, commitment.funds[0])
    made_id = await context.new_id(Disbursement, command.id)
    return rules.request(context.act(command.effective_on, fund), command, made_id, commitment)


async def approve(context: Context, command: ApproveDisbursement) -> Draft:
    """Approve a requested tranche."""
    disbursement = await context.get(Disbursement, command.disbursement, "/disbursement")
    context.require((disbursement.from_fund,))
    fund = await context.get(Fund, disbursement.from_fund)
    return rules.approve(context.act(command.effective_on, fund), disbursement, fund)


async def release(context: Context, command: ReleaseDisbursement) -> Draft:
    """Pay an approved tranche."""
    disbursement = await context.get(Disbursement, command.disbursement, "/disbursement")
    context.require((disbursement.from_fund,))
    commitment = await context.get(Commitment, disbursement.commitment)
    funds = await both_funds(context, commitment)
    act = context.act(command.effective_on, funds[0])
    return rules.release(act, command, disbursement, commitment, funds)


async def confirm(context: Context, command: ConfirmDisbursement) -> Draft:
    """Confirm that a released tranche arrived."""
    disbursement = await context.get(Disbursement, command.disbursement, "/disbursement")
    receivers = tuple(filter(None, (disbursement.to_fund,)))
    context.require(receivers, (disbursement.to_party,))
    fund = await context.get(Fund, disbursement.to_fund or disbursement.from_fund)
    act = context.act(command.effective_on, fund)
    receiver = fund if disbursement.to_fund else None
    return rules.confirm(act, command, disbursement, receiver)


_SUBJECT = (Disbursement, "disbursement")
VERBS = (
    Verb("disbursement.request", RequestDisbursement, request, "/disbursements"),
    Verb(
        "disbursement.approve",
        ApproveDisbursement,
        approve,
        "/disbursements/{disbursement}/approve",
        _SUBJECT,
    ),
    Verb(
        "disbursement.release",
        ReleaseDisbursement,
        release,
        "/disbursements/{disbursement}/release",
        _SUBJECT,
    ),
    Verb(
        "disbursement.confirm",
        ConfirmDisbursement,
        confirm,
        "/disbursements/{disbursement}/confirm",
        _SUBJECT,
    ),
)
