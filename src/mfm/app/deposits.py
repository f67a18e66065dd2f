"""Deposits: money received under a contribution, and the agent's fee on it."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.app.rates import with_rate
from mfm.app.received import hold_new
from mfm.core import deposits as rules
from mfm.core.commitments import Commitment
from mfm.core.deposits import ChargeFee, Deposit, ReceiveDeposit
from mfm.core.funds import Fund
from mfm.core.record import Draft


async def receive(context: Context, command: ReceiveDeposit) -> Draft:
    """Record money received."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    context.require((commitment.to_fund,))
    fund = await context.get(Fund, commitment.to_fund or commitment.from_fund)
    deposit_id = await context.new_id(Deposit, command.id)
    await hold_new(context, command.counterpart)
    act = context.act(command.effective_on, fund)
    command = await with_rate(context, command, (command.amount.currency, fund.currency))
    return rules.receive(act, command, deposit_id, commitment, fund)


async def charge_fee(context: Context, command: ChargeFee) -> Draft:
    """Charge the administrative agent's fee on a deposit."""
    deposit = await context.get(Deposit, command.deposit, "/deposit")
    context.require((deposit.fund,))
    fund = await context.get(Fund, deposit.fund)
    return rules.charge_fee(context.act(command.effective_on, fund), deposit, fund)


VERBS = (
    Verb("deposit.receive", ReceiveDeposit, receive, "/deposits"),
    Verb(
        "deposit.charge-fee", ChargeFee, charge_fee, "/deposits/{deposit}/fee", (Deposit, "deposit")
    ),
)
