"""Allocations: a board's decisions to set money aside, and to free it again."""

from mfm.app import earmarks
from mfm.app.context import Context
from mfm.app.days import there
from mfm.app.gates import passed, window_of
from mfm.app.known import at_allocation
from mfm.app.motions import with_vote
from mfm.app.perform import Verb
from mfm.app.policies import Gate
from mfm.core import allocations as rules
from mfm.core import classifications
from mfm.core.allocations import Allocation, ApproveAllocation, ReturnAllocation
from mfm.core.calls import Call, must_be_of
from mfm.core.classifications import ClassifyAllocation
from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.core.record import Draft


async def approve(context: Context, command: ApproveAllocation) -> Draft:
    """Set an envelope aside out of a fund's unallocated authority."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    if command.call is not None:
        must_be_of(await context.get(Call, command.call, "/call"), fund)
    if command.marker_author is not None:
        await context.get(Party, command.marker_author, "/marker_author")
    allocation_id = await context.new_id(Allocation, command.id)
    act = context.act(command.effective_on, fund)
    asked = (command.amount, command.shares)
    available_minor = await earmarks.sources(context, fund, command.earmark, asked)
    if not command.shares:
        available_minor = await there(context, fund, act.on, command.amount, available_minor)
    draft = rules.approve(act, command, allocation_id, fund, available_minor)
    draft = await with_vote(context, draft, command.motion)
    made = draft.sets[0]
    assert isinstance(made, Allocation)  # an approval sets it first
    known = await at_allocation(context, made, command, act.on)
    gate = Gate("allocation", fund.id, act.on, await window_of(context, made.call))
    return await passed(context, gate, f"allocation:{made.id}", known, draft)


async def return_(context: Context, command: ReturnAllocation) -> Draft:
    """Free what an envelope still holds, or a part of it."""
    allocation = await context.get(Allocation, command.allocation, "/allocation")
    context.require((allocation.fund,))
    fund = await context.get(Fund, allocation.fund)
    return rules.return_(context.act(command.effective_on, fund), command, allocation, fund)


async def classify(context: Context, command: ClassifyAllocation) -> Draft:
    """Give an allocation its score in a scheme."""
    allocation = await context.get(Allocation, command.allocation, "/allocation")
    context.require((allocation.fund,))
    fund = await context.get(Fund, allocation.fund)
    act = context.act(command.effective_on, fund)
    return classifications.classify(act, command, allocation, (fund.id,))


VERBS = (
    Verb("allocation.approve", ApproveAllocation, approve, "/allocations"),
    Verb(
        "allocation.return",
        ReturnAllocation,
        return_,
        "/allocations/{allocation}/return",
        (Allocation, "allocation"),
    ),
    Verb(
        "allocation.classify",
        ClassifyAllocation,
        classify,
        "/allocations/{allocation}/classify",
        (Allocation, "allocation"),
    ),
)
