"""Refunds: claimed from a grantee, and received."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.app.received import hold_new
from mfm.core import refunds as rules
from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment, must_be_grant
from mfm.core.funds import Fund
from mfm.core.record import Draft
from mfm.core.refunds import ClaimRefund, ReceiveRefund, Refund


async def claim(context: Context, command: ClaimRefund) -> Draft:
    """Claim money back under a grant."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    must_be_grant(commitment)
    context.require((commitment.from_fund,))
    fund = await context.get(Fund, commitment.from_fund)
    refund_id = await context.new_id(Refund, command.id)
    act = context.act(command.effective_on, fund)
    return rules.claim(act, command, refund_id, commitment, fund)


async def receive(context: Context, command: ReceiveRefund) -> Draft:
    """Record that a claimed refund arrived."""
    refund = await context.get(Refund, command.refund, "/refund")
    context.require((refund.fund,))
    await hold_new(context, command.counterpart)
    commitment = await context.get(Commitment, refund.commitment)
    allocation = await context.get(Allocation, commitment.allocation)
    fund = await context.get(Fund, refund.fund)
    act = context.act(command.effective_on, fund)
    return rules.receive(act, command, (refund, commitment, allocation), fund)


VERBS = (
    Verb("refund.claim", ClaimRefund, claim, "/refunds"),
    Verb("refund.receive", ReceiveRefund, receive, "/refunds/{refund}/receive", (Refund, "refund")),
)
