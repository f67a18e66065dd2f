"""Amendments of commitments: more money, other terms, a halt, an early end; and their markers."""

from mfm.app.commitments import both_funds
from mfm.app.context import Context
from mfm.app.gates import amended
from mfm.app.perform import Verb
from mfm.core import amendments as rules
from mfm.core.allocations import Allocation
from mfm.core.amendments import (
    AmendCommitment,
    ExtendCommitment,
    ResumeCommitment,
    SuspendCommitment,
    TerminateCommitment,
)
from mfm.core.classifications import ClassifyCommitment
from mfm.core.classifications import classify as rule_of_markers
from mfm.core.commitments import Commitment, Halted
from mfm.core.funds import Fund
from mfm.core.record import Draft


async def amend(context: Context, command: AmendCommitment) -> Draft:
    """Agree on more, or on another schedule."""
    commitment = await _own(context, command.commitment)
    funds: tuple[Fund, Fund | None]
    if commitment.kind == "contribution":
        funds = (await context.get(Fund, commitment.to_fund), None)
    else:
        funds = await both_funds(context, commitment)
    draft = rules.amend(context.act(command.effective_on, funds[0]), command, commitment, funds)
    return await amended(context, commitment, draft)


async def extend(context: Context, command: ExtendCommitment) -> Draft:
    """Agree on more time for the same money."""
    commitment = await _own(context, command.commitment)
    fund = await context.get(Fund, commitment.funds[0])
    draft = rules.extend(context.act(command.effective_on, fund), command, commitment)
    return await amended(context, commitment, draft)


async def suspend(context: Context, command: SuspendCommitment) -> Draft:
    """Halt a grant or transfer."""
    return await _halt(context, command, "suspended")


async def resume(context: Context, command: ResumeCommitment) -> Draft:
    """Let a suspended grant or transfer go on."""
    return await _halt(context, command, None)


async def terminate(context: Context, command: TerminateCommitment) -> Draft:
    """End a grant or transfer early."""
    commitment = await _own(context, command.commitment)
    rules.must_be_outgoing(commitment)
    allocation = await context.get(Allocation, commitment.allocation)
    funds = await both_funds(context, commitment)
    act = context.act(command.effective_on, funds[0])
    return rules.terminate(act, commitment, allocation, funds)


async def classify(context: Context, command: ClassifyCommitment) -> Draft:
    """Give a commitment its score in a scheme."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    context.require(commitment.funds)
    fund = await context.get(Fund, commitment.funds[0])
    act = context.act(command.effective_on, fund)
    return rule_of_markers(act, command, commitment, commitment.funds)


async def _halt(
    context: Context, command: SuspendCommitment | ResumeCommitment, halted: Halted | None
) -> Draft:
    commitment = await _own(context, command.commitment)
    fund = await context.get(Fund, commitment.funds[0])
    return rules.halt(context.act(command.effective_on, fund), commitment, halted)


async def _own(context: Context, name: str) -> Commitment:
    """Read a commitment for the fund whose agreement it is.

    Raises:
        Invalid: `not-found`, `role-not-allowed`, `fund-not-allowed`.
    """
    commitment = await context.get(Commitment, name, "/commitment")
    context.require(commitment.funds[:1])
    return commitment


VERBS = tuple(
    Verb(
        f"commitment.{step}",
        command,
        run,
        f"/commitments/{{commitment}}/{step}",
        (Commitment, "commitment"),
    )
    for step, command, run in (
        ("amend", AmendCommitment, amend),
        ("extend", ExtendCommitment, extend),
        ("suspend", SuspendCommitment, suspend),
        ("resume", ResumeCommitment, resume),
        ("terminate", TerminateCommitment, terminate),
        ("classify", ClassifyCommitment, classify),
    )
)
