"""Write-offs: proposed, and approved or rejected by somebody else."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import write_offs as rules
from mfm.core.commitments import Commitment
from mfm.core.funds import Fund
from mfm.core.record import Draft
from mfm.core.refunds import Refund
from mfm.core.write_offs import ApproveWriteOff, ProposeWriteOff, RejectWriteOff, WriteOff


async def propose(context: Context, command: ProposeWriteOff) -> Draft:
    """Propose to give up an advance, a refund that will not come, or what a donor owes."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    fund_id = commitment.to_fund if commitment.kind == "contribution" else commitment.from_fund
    context.require((fund_id,))
    refund = None
    if command.refund is not None:
        refund = await context.get(Refund, command.refund, "/refund")
    fund = await context.get(Fund, fund_id)
    made_id = await context.new_id(WriteOff, command.id)
    act = context.act(command.effective_on, fund)
    return rules.propose(act, command, made_id, (commitment, refund), fund)


async def approve(context: Context, command: ApproveWriteOff) -> Draft:
    """Approve a proposed write-off: the money is given up."""
    write_off = await context.get(WriteOff, command.write_off, "/write_off")
    context.require((write_off.fund,))
    commitment = await context.get(Commitment, write_off.commitment)
    refund = await context.get(Refund, write_off.refund) if write_off.refund else None
    fund = await context.get(Fund, write_off.fund)
    act = context.act(command.effective_on, fund)
    return rules.approve(act, write_off, (commitment, refund), fund)


async def reject(context: Context, command: RejectWriteOff) -> Draft:
    """Reject a proposed write-off."""
    write_off = await context.get(WriteOff, command.write_off, "/write_off")
    context.require((write_off.fund,))
    fund = await context.get(Fund, write_off.fund)
    return rules.reject(context.act(command.effective_on, fund), write_off)


_SUBJECT = (WriteOff, "write_off")
VERBS = (
    Verb("write-off.propose", ProposeWriteOff, propose, "/write-offs"),
    Verb(
        "write-off.approve", ApproveWriteOff, approve, "/write-offs/{write_off}/approve", _SUBJECT
    ),
    Verb("write-off.reject", RejectWriteOff, reject, "/write-offs/{write_off}/reject", _SUBJECT),
)
