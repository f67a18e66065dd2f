"""Allocations: a board's decisions to set money aside, and to free it again."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import allocations as rules
from mfm.core.allocations import Allocation, ApproveAllocation, ReturnAllocation
from mfm.core.funds import Fund
from mfm.core.record import Draft


async def approve(context: Context, command: ApproveAllocation) -> Draft:
    """Set an envelope aside out of a fund's unallocated authority."""
    context.require((command.fund,))
    fund = await context.get(Fund, command.fund, "/fund")
    allocation_id = await context.new_id(Allocation, command.id)
    act = context.act(command.effective_on, fund)
    available_minor = await context.unit.unallocated(fund)
    return rules.approve(act, command, allocation_id, fund, available_minor)


async def return_(context: Context, command: ReturnAllocation) -> Draft:
    """Free what an envelope still holds, or a part of it."""
    allocation = await context.get(Allocation, command.allocation, "/allocation")
    context.require((allocation.fund,))
    fund = await context.get(Fund, allocation.fund)
    return rules.return_(context.act(command.effective_on, fund), command, allocation, fund)


VERBS = (
    Verb("allocation.approve", ApproveAllocation, approve, "/allocations"),
    Verb(
        "allocation.return",
        ReturnAllocation,
        return_,
        "/allocations/{allocation}/return",
        (Allocation, "allocation"),
    ),
)
