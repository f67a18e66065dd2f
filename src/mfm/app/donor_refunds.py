"""Refunds to donors: decided, and paid by somebody else."""

from mfm.app.context import Context
from mfm.app.contributions import contribution_of
from mfm.app.perform import Verb
from mfm.core import donor_refunds as rules
from mfm.core.donor_refunds import DecideDonorRefund, DonorRefund, PayDonorRefund
from mfm.core.funds import Fund
from mfm.core.record import Draft


async def decide(context: Context, command: DecideDonorRefund) -> Draft:
    """Decide that a donor gets back what it gave, or a part of it."""
    commitment, fund = await contribution_of(context, command.commitment)
    refund_id = await context.new_id(DonorRefund, command.id)
    act = context.act(command.effective_on, fund)
    return rules.decide(act, command, refund_id, commitment, fund)


async def pay(context: Context, command: PayDonorRefund) -> Draft:
    """Pay a decided refund to a donor."""
    refund = await context.get(DonorRefund, command.refund, "/refund")
    context.require((refund.fund,))
    fund = await context.get(Fund, refund.fund)
    return rules.pay(context.act(command.effective_on, fund), command, refund, fund)


VERBS = (
    Verb("donor-refund.decide", DecideDonorRefund, decide, "/donor-refunds"),
    Verb(
        "donor-refund.pay",
        PayDonorRefund,
        pay,
        "/donor-refunds/{refund}/pay",
        (DonorRefund, "refund"),
    ),
)
