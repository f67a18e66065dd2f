"""Costs that a fund pays itself."""

from mfm.app import earmarks
from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import costs as rules
from mfm.core.costs import Cost, PayCost
from mfm.core.record import Draft


async def pay(context: Context, command: PayCost) -> Draft:
    """Pay the secretariat's direct cost, or a bank charge."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    cost_id = await context.new_id(Cost, command.id)
    act = context.act(command.effective_on, fund)
    asked = (command.amount, command.shares)
    available_minor = await earmarks.sources(context, fund, command.earmark, asked)
    return rules.pay(act, command, cost_id, fund, available_minor)


VERBS = (Verb("cost.pay", PayCost, pay, "/costs"),)
