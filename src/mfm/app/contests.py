"""Contests of decisions and conditions: made by whom they concern, owned, and answered."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import contests as rules
from mfm.core.applications import Application
from mfm.core.boards import Board
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition, uncontested
from mfm.core.contests import (
    AnswerContest,
    AssignContest,
    Contest,
    Matter,
    OpenContest,
    WithdrawContest,
)
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.judgements import Decision
from mfm.core.keys import ApiKey
from mfm.core.permissions import OPERATOR
from mfm.core.record import Draft, Noun
from mfm.core.standards import Standards
from mfm.core.terms import Act


async def open_(context: Context, command: OpenContest) -> Draft:
    """Contest a decision, or that an application was declined."""
    kind, _, name = command.subject.partition(":")
    if kind == "application":
        application = await context.get(Application, name, "/subject")
        fund_id, party = application.fund, application.lead
        context.require((fund_id,), (party,))
        rules.must_be_declined(application)
    else:
        decision = await context.get(Decision, name, "/subject")
        fund_id, party = decision.fund, decision.party
        context.require((fund_id,), (party,))
        if not party:
            detail = f"Decision {name} concerns nobody beyond fund {fund_id}."
            raise Refused("contest-subject", detail, "/subject")
    act = context.act(None, await context.get(Fund, fund_id))
    made = await opened(context, act, (command.subject, fund_id, party))
    return Draft(effective_on=act.on, sets=(made,), funds=(fund_id,))


async def opened(
    context: Context, act: Act, about: tuple[str, str, str], owner: str = ""
) -> Contest:
    """Return the contest of a matter, with who owes the answer and by when.

    Args:
        context: who contests.
        act: who, and the day.
        about: subject, fund and party.
        owner: the role that owes the answer, where it is not the fund's own.

    Raises:
        Refused: `contest-state`.
    """
    subject, fund_id, party = about
    board = await context.unit.find(Board, fund_id)
    standards = await context.unit.find(Standards, fund_id)
    by_board = board is not None and board.status == "set"
    matter = Matter(
        subject,
        fund_id,
        party,
        owner or ("board" if by_board else "approver"),
        standards.contest_days if standards is not None else rules.DAYS,
    )
    standing = await context.unit.find(Contest, rules.id_of(subject))
    return rules.opened(act, matter, standing, context.unit.next_seq)


async def assign(context: Context, command: AssignContest) -> Draft:
    """Name the person who owes the answer."""
    contest = await context.get(Contest, command.contest, "/contest")
    context.require((contest.fund,))
    key = await context.get(ApiKey, command.owner, "/owner")
    return rules.assign(context.act(None, await context.get(Fund, contest.fund)), contest, key)


async def withdraw(context: Context, command: WithdrawContest) -> Draft:
    """Withdraw a contest that is not answered."""
    contest = await context.get(Contest, command.contest, "/contest")
    kind, _, name = contest.subject.partition(":")
    fund = await context.get(Fund, contest.fund)
    if kind != "condition":
        context.require((), (contest.party,))
        act = context.act(None, fund)
        gone = rules.withdrawn(act, contest)
        return Draft(effective_on=act.on, sets=(gone,), funds=(contest.fund,))
    condition, _, fund = await receiving(context, name, "/contest")
    act = context.act(None, fund)
    gone = rules.withdrawn(act, contest)
    sets = (gone, uncontested(condition))
    return Draft(effective_on=act.on, sets=sets, funds=condition.funds)


async def receiving(
    context: Context, name: str, pointer: str
) -> tuple[Condition, Commitment, Fund]:
    """Read a condition for who gets the money: the grantee itself, or the fund that receives.

    Raises:
        Invalid: `not-found`, `role-not-allowed`, `fund-not-allowed`, `party-not-allowed`,
            `receiver-only`.
    """
    condition = await context.get(Condition, name, pointer)
    commitment = await context.get(Commitment, condition.commitment)
    context.require((commitment.to_fund,), (commitment.to_party,))
    if commitment.to_party and context.actor.role not in ("grantee", OPERATOR):
        detail = f"Only {commitment.to_party} itself may do this, with a key of its own."
        raise Invalid("receiver-only", detail, pointer)
    fund = await context.get(Fund, commitment.to_fund or commitment.from_fund)
    return condition, commitment, fund


async def answer(context: Context, command: AnswerContest) -> Draft:
    """Answer a contest of a decision or an application."""
    contest = await context.get(Contest, command.contest, "/contest")
    context.require((contest.fund,))
    act = context.act(None, await context.get(Fund, contest.fund))
    kind, _, name = contest.subject.partition(":")
    if kind == "condition":
        detail = f"A contest of a condition is answered with condition.answer: {name}."
        raise Refused("contest-subject", detail, "/contest")
    sets: tuple[Noun, ...] = (rules.answered(act, command.outcome, contest, context.unit.next_seq),)
    if kind == "application" and command.outcome == "upheld":
        application = await context.get(Application, name)
        sets = (*sets, rules.reopened(act, application))
    return Draft(effective_on=act.on, sets=sets, funds=(contest.fund,))


_SUBJECT = (Contest, "contest")
VERBS = (
    Verb("contest.open", OpenContest, open_, "/contests"),
    Verb("contest.assign", AssignContest, assign, "/contests/{contest}/assign", _SUBJECT),
    Verb("contest.withdraw", WithdrawContest, withdraw, "/contests/{contest}/withdraw", _SUBJECT),
    Verb("contest.answer", AnswerContest, answer, "/contests/{contest}/answer", _SUBJECT),
)
