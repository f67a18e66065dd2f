"""Conditions: proposed, accepted, met or waived, assessed, contested."""

from msgspec import structs

from mfm.app import contests
from mfm.app.context import Context
from mfm.app.gates import amended
from mfm.app.perform import Verb
from mfm.core import conditions as rules
from mfm.core.commitments import Commitment, must_go_on
from mfm.core.conditions import (
    AcceptCondition,
    AddCondition,
    AnswerCondition,
    AssessCondition,
    Condition,
    ContestCondition,
    MeetCondition,
    WaiveCondition,
)
from mfm.core.contests import Contest
from mfm.core.contests import answered as answer_of
from mfm.core.disbursements import Disbursement
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.record import Draft
from mfm.core.schedules import ConditionTerm
from mfm.core.terms import Act


async def add(context: Context, command: AddCondition) -> Draft:
    """Propose a condition of an agreement that is signed."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    context.require(commitment.funds, commitment.parties)
    made_id = await context.new_id(Condition, command.id)
    fund = await context.get(Fund, commitment.funds[0])
    return rules.add(context.act(command.effective_on, fund), command, made_id, commitment)


async def at_signature(context: Context, draft: Draft, terms: tuple[ConditionTerm, ...]) -> Draft:
    """Return the draft of a signature with the conditions that the agreement has.

    Raises:
        Invalid: `id-taken`.
    """
    if not terms:
        return draft
    seen: set[str] = set()
    for at, term in enumerate(terms):
        await context.new_id(Condition, term.id, f"/conditions/{at}/id")
        if term.id in seen:
            detail = f"There are two conditions {term.id}."
            raise Invalid("id-taken", detail, f"/conditions/{at}/id")
        seen.add(term.id)
    act = Act(context.actor, draft.effective_on)
    commitment, *others = draft.sets
    assert isinstance(commitment, Commitment)  # a signature sets it first
    signed, made = rules.at_signature(act, commitment, terms)
    return structs.replace(draft, sets=(signed, *others, *made))


async def accept(context: Context, command: AcceptCondition) -> Draft:
    """Accept a condition that was added after signature: this amends the agreement."""
    condition, commitment, act = await _as_receiver(context, command)
    return await amended(context, commitment, rules.accept(act, condition, commitment))


async def contest(context: Context, command: ContestCondition) -> Draft:
    """Contest a condition."""
    condition, commitment, act = await _as_receiver(context, command)
    draft = rules.contest(act, condition)
    party = commitment.to_party or (await context.get(Fund, commitment.to_fund)).steward
    owner = "donor" if commitment.kind == "contribution" else ""
    about = (f"condition:{condition.id}", commitment.funds[0], party)
    made = await contests.opened(context, act, about, owner)
    return structs.replace(draft, sets=(*draft.sets, made))


async def meet(context: Context, command: MeetCondition) -> Draft:
    """Find a condition met."""
    condition, commitment, act = await _as_provider(context, command)
    return rules.meet(act, condition, await _requester(context, condition, commitment))


async def waive(context: Context, command: WaiveCondition) -> Draft:
    """Waive a condition."""
    condition, commitment, act = await _as_provider(context, command)
    return rules.waive(act, condition, await _requester(context, condition, commitment))


async def assess(context: Context, command: AssessCondition) -> Draft:
    """Assess whether a condition is permitted."""
    condition = await context.get(Condition, command.condition, "/condition")
    context.require(condition.funds)
    fund = await context.get(Fund, condition.funds[0])
    return rules.assess(context.act(command.effective_on, fund), command, condition)


async def answer(context: Context, command: AnswerCondition) -> Draft:
    """Answer a contest."""
    condition, _, act = await _as_provider(context, command)
    draft = rules.answer(act, command, condition)
    contest = await context.unit.find(Contest, f"condition.{condition.id}")
    if contest is None or contest.status == "reversed":  # it is older than contests
        return draft
    answered = answer_of(act, command.outcome, contest, context.unit.next_seq)
    return structs.replace(draft, sets=(*draft.sets, answered))


async def must_be_payable(context: Context, disbursement: Disbursement) -> None:
    """Hold that a tranche's agreement goes on, and that its conditions are met or waived.

    Raises:
        Refused: `commitment-halted`, `condition-unmet`.
    """
    commitment = await context.get(Commitment, disbursement.commitment)
    must_go_on(commitment)
    names = commitment.tranches[disbursement.tranche - 1].conditions
    rules.must_be_settled([await context.get(Condition, name) for name in names])


async def _as_receiver(
    context: Context, command: AcceptCondition | ContestCondition
) -> tuple[Condition, Commitment, Act]:
    condition, commitment, fund = await contests.receiving(context, command.condition, "/condition")
    return condition, commitment, context.act(command.effective_on, fund)


async def _as_provider(
    context: Context, command: MeetCondition | WaiveCondition | AnswerCondition
) -> tuple[Condition, Commitment, Act]:
    """Read a condition for the fund that gives, or of a contribution for its fund.

    Raises:
        Invalid: `not-found`, `role-not-allowed`, `fund-not-allowed`.
    """
    condition = await context.get(Condition, command.condition, "/condition")
    commitment = await context.get(Commitment, condition.commitment)
    giver = commitment.funds[0]
    context.require((giver,), (commitment.from_party,))
    fund = await context.get(Fund, giver)
    return condition, commitment, context.act(command.effective_on, fund)


async def _requester(context: Context, condition: Condition, commitment: Commitment) -> str:
    """Return the key that asked for a condition's tranche, or ""."""
    if not condition.tranche or condition.tranche > len(commitment.tranches):
        return ""
    name = commitment.tranches[condition.tranche - 1].disbursement
    return (await context.get(Disbursement, name)).requested_by if name else ""


_SUBJECT = (Condition, "condition")
VERBS = (
    Verb("condition.add", AddCondition, add, "/conditions"),
    *(
        Verb(f"condition.{step}", command, run, f"/conditions/{{condition}}/{step}", _SUBJECT)
        for step, command, run in (
            ("accept", AcceptCondition, accept),
            ("meet", MeetCondition, meet),
            ("waive", WaiveCondition, waive),
            ("assess", AssessCondition, assess),
            ("contest", ContestCondition, contest),
            ("answer", AnswerCondition, answer),
        )
    ),
)
