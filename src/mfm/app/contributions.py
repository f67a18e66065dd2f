"""Contributions: conditions met, income recognised, and early ends."""

from collections.abc import Callable
from typing import TypeVar

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import contributions as rules
from mfm.core.commitments import Commitment
from mfm.core.contributions import (
    MeetConditions,
    RecogniseCommitment,
    ReduceCommitment,
)
from mfm.core.funds import Fund
from mfm.core.record import Draft
from mfm.core.terms import Act


async def contribution_of(context: Context, commitment_id: str) -> tuple[Commitment, Fund]:
    """Return a contribution that the actor may act on, and its fund.

    Raises:
        Invalid: `not-found`, `commitment-kind`, and as `Context.require`.
    """
    commitment = await context.get(Commitment, commitment_id, "/commitment")
    context.require((commitment.to_fund or commitment.from_fund,))
    rules.must_be_contribution(commitment)
    return commitment, await context.get(Fund, commitment.to_fund)


C = TypeVar("C", MeetConditions, RecogniseCommitment, ReduceCommitment)


async def _decide(
    context: Context, command: C, rule: Callable[[Act, C, Commitment, Fund], Draft]
) -> Draft:
    commitment, fund = await contribution_of(context, command.commitment)
    return rule(context.act(command.effective_on, fund), command, commitment, fund)


async def meet_conditions(context: Context, command: MeetConditions) -> Draft:
    """Make a conditional contribution, or a part of it, firm."""
    return await _decide(context, command, rules.meet_conditions)


async def recognise(context: Context, command: RecogniseCommitment) -> Draft:
    """Make deferred money income, as obligations are met."""
    return await _decide(context, command, rules.recognise)


async def reduce(context: Context, command: ReduceCommitment) -> Draft:
    """Reduce a contribution by what has not been received."""
    return await _decide(context, command, rules.reduce)


_PATH, _SUBJECT = "/commitments/{commitment}/", (Commitment, "commitment")
VERBS = (
    Verb(
        "commitment.meet-conditions",
        MeetConditions,
        meet_conditions,
        _PATH + "meet-conditions",
        _SUBJECT,
    ),
    Verb("commitment.recognise", RecogniseCommitment, recognise, _PATH + "recognise", _SUBJECT),
    Verb("commitment.reduce", ReduceCommitment, reduce, _PATH + "reduce", _SUBJECT),
)
