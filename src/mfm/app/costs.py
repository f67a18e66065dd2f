"""Costs that a fund pays itself."""

from mfm.app import earmarks
from mfm.app.context import Context
from mfm.app.days import there
from mfm.app.perform import Verb
from mfm.core import costs as rules
from mfm.core.boards import Board, must_be_within
from mfm.core.costs import Cost, PayCost
from mfm.core.record import Draft

_INSTEAD = "have it allocate the amount, and pay it under an agreement"


async def pay(context: Context, command: PayCost) -> Draft:
    """Pay the secretariat's direct cost, or a bank charge."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    cost_id = await context.new_id(Cost, command.id)
    act = context.act(command.effective_on, fund)
    asked = (command.amount, command.shares)
    available_minor = await earmarks.sources(context, fund, command.earmark, asked)
    if not command.shares:
        available_minor = await there(context, fund, act.on, command.amount, available_minor)
    draft = rules.pay(act, command, cost_id, fund, available_minor)
    if command.kind == "direct":  # what a bank charges is nobody's decision
        board = await context.unit.find(Board, fund.id)
        must_be_within(board, fund.amount(command.amount, "/amount"), _INSTEAD)
    return draft


VERBS = (Verb("cost.pay", PayCost, pay, "/costs"),)
