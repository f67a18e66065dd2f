"""Conditions: what a provider attaches to money, in one register, and whether they bind.

One that is precedent to a tranche is met or waived before that tranche is approved. One that is
added after signature binds nobody until the receiver accepts it; one that was assessed as
forbidden, or contested with success, binds nobody either.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, structs

from mfm.core.commitments import Commitment, check_terms
from mfm.core.errors import Refused
from mfm.core.record import Draft, Noun
from mfm.core.schedules import MAX_TRANCHES, Category, ConditionTerm, ConditionType, bound
from mfm.core.terms import Act, Command, Id, Name, Text, Why

Assessment = Literal["permitted", "forbidden"]
Answer = Literal["upheld", "dismissed"]


class Condition(Noun, frozen=True, kw_only=True):
    """A condition: proposed until it is accepted, then open until met, waived or lifted.

    Attributes:
        commitment: the agreement it is attached to.
        from_fund: the fund that gives under it, or "".
        to_fund: the fund that gets under it, or "".
        tranche: the tranche it is precedent to, 0 for a condition of the whole agreement.
        type: policy, performance or fiduciary (IATI condition types 1, 2, 3).
        category: what it asks for.
        title: in a few words, public.
        due_on: when it should be met, or None.
        added_by: the key that added it; likewise accepted_by, settled_by (met or waived),
            assessed_by, contested_by, answered_by.
        settled_on: the day it was met or waived, or None.
        assessment: permitted, forbidden, or "" while nobody has looked.
        contest: open, upheld or dismissed, or "" where nobody contests it.
    """

    commitment: str
    from_fund: str = ""
    to_fund: str = ""
    tranche: int = 0
    type: str
    category: str
    title: str
    due_on: date | None = None
    added_by: str
    accepted_by: str = ""
    settled_by: str = ""
    settled_on: date | None = None
    assessment: str = ""
    assessed_by: str = ""
    contest: str = ""
    contested_by: str = ""
    answered_by: str = ""

    @property
    def funds(self) -> tuple[str, ...]:
        """The funds on the agreement's two sides."""
        return tuple(fund for fund in (self.from_fund, self.to_fund) if fund)


class AddCondition(Command, frozen=True, kw_only=True):
    """Propose a condition after signature, of the whole agreement or before a tranche."""

    id: Id | None = None
    commitment: Id
    title: Name
    type: ConditionType
    category: Category = "other"
    tranche: Annotated[int, Meta(ge=1, le=MAX_TRANCHES)] | None = None
    due_on: date | None = None
    effective_on: date | None = None
    text: Text = ""


class AcceptCondition(Command, frozen=True, kw_only=True):
    """Accept, as the receiver, a condition that was added after signature."""

    condition: Id
    effective_on: date | None = None


class MeetCondition(Command, frozen=True, kw_only=True):
    """Find a condition met."""

    condition: Id
    effective_on: date | None = None
    evidence: Text = ""


class WaiveCondition(Command, frozen=True, kw_only=True):
    """Waive a condition."""

    condition: Id
    effective_on: date | None = None
    reason: Why


class AssessCondition(Command, frozen=True, kw_only=True):
    """Assess whether a condition is permitted: what undermines local ownership is not."""

    condition: Id
    assessment: Assessment
    effective_on: date | None = None
    reason: Why


class ContestCondition(Command, frozen=True, kw_only=True):
    """Contest a condition, as the receiver."""

    condition: Id
    effective_on: date | None = None
    reason: Why


class AnswerCondition(Command, frozen=True, kw_only=True):
    """Answer a contest: upheld, and the condition is lifted, or dismissed."""

    condition: Id
    outcome: Answer
    effective_on: date | None = None
    reason: Why


# Attaching ----------------------------------------------------------------------------------------


def at_signature(
    act: Act, commitment: Commitment, terms: tuple[ConditionTerm, ...]
) -> tuple[Commitment, tuple[Condition, ...]]:
    """Return a commitment with the conditions that it was signed with; both sides agreed on them.

    Raises:
        Invalid: `tranche-unknown`, `schedule-too-large`.
        Refused: `condition-private`.
    """
    made = []
    for term in terms:
        condition = _attached(act, commitment, term, term.id)
        commitment = _bound(commitment, condition)
        made.append(structs.replace(condition, status="open"))
    return commitment, tuple(made)


def add(act: Act, command: AddCondition, condition_id: str, commitment: Commitment) -> Draft:
    """Record a condition proposed after signature; it has no force before it is accepted.

    Raises:
        Invalid: `tranche-unknown`, `schedule-too-large`.
        Refused: `condition-private`, `tranche-taken`.
    """
    made = _attached(act, commitment, command, condition_id)
    _bound(commitment, made)
    return Draft(effective_on=act.on, sets=(made,), funds=commitment.funds)


def accept(act: Act, condition: Condition, commitment: Commitment) -> Draft:
    """Record that the receiver accepts a condition: from now on it is open.

    Raises:
        Invalid: `schedule-too-large`.
        Refused: `condition-state`, `four-eyes`, `tranche-taken`.
    """
    _must_be(condition, "proposed")
    _must_be_another(act, condition.added_by, "who proposed it")
    accepted = structs.replace(condition, status="open", accepted_by=act.actor.key)
    sets: tuple[Noun, ...] = (accepted,)
    if condition.tranche:
        sets = (accepted, _bound(commitment, condition))
    return Draft(effective_on=act.on, sets=sets, funds=condition.funds)


def _attached(
    act: Act, commitment: Commitment, term: ConditionTerm | AddCondition, condition_id: str
) -> Condition:
    if commitment.source_kind == "private-sector" and term.type != "fiduciary":
        detail = f"Private money is given without {term.type} conditions; fiduciary ones may be."
        raise Refused("condition-private", detail, "/type")
    return Condition(
        id=condition_id,
        status="proposed",
        commitment=commitment.id,
        from_fund=commitment.from_fund,
        to_fund=commitment.to_fund,
        tranche=term.tranche or 0,
        type=term.type,
        category=term.category,
        title=term.title,
        due_on=term.due_on,
        added_by=act.actor.key,
    )


def _bound(commitment: Commitment, condition: Condition) -> Commitment:
    """Return a commitment with a condition at its tranche, if it is precedent to one."""
    if not condition.tranche:
        return commitment
    tranches = bound(commitment.tranches, condition.tranche, condition.id)
    changed = structs.replace(commitment, tranches=tranches)
    check_terms(changed)
    return changed


# Meeting, waiving, judging ------------------------------------------------------------------------


def meet(act: Act, condition: Condition, requester: str) -> Draft:
    """Record that a condition is met.

    Args:
        act: who finds so, and the day.
        condition: which.
        requester: the key that asked for its tranche, or "".

    Raises:
        Refused: `condition-state`, `four-eyes`.
    """
    return _settled(act, condition, requester, "met")


def waive(act: Act, condition: Condition, requester: str) -> Draft:
    """Record that a condition is waived; arguments and refusals as for `meet`."""
    return _settled(act, condition, requester, "waived")


def _settled(act: Act, condition: Condition, requester: str, status: str) -> Draft:
    _must_be(condition, "open")
    _must_be_another(act, requester, "who asked for its tranche")
    changed = structs.replace(condition, status=status, settled_by=act.actor.key, settled_on=act.on)
    return Draft(effective_on=act.on, sets=(changed,), funds=condition.funds)


def assess(act: Act, command: AssessCondition, condition: Condition) -> Draft:
    """Record whether a condition is permitted; a forbidden one has no force.

    Raises:
        Refused: `four-eyes` for who added it.
    """
    _must_be_another(act, condition.added_by, "who added it")
    changed = structs.replace(condition, assessment=command.assessment, assessed_by=act.actor.key)
    return Draft(effective_on=act.on, sets=(changed,), funds=condition.funds)


def contest(act: Act, condition: Condition) -> Draft:
    """Record that the receiver contests a condition; it binds until that is answered.

    Raises:
        Refused: `condition-state`, `condition-contested`.
    """
    _must_be(condition, "proposed", "open")
    if condition.contest:
        detail = f"Condition {condition.id} was contested before: {condition.contest}."
        raise Refused("condition-contested", detail, "/condition")
    changed = structs.replace(condition, contest="open", contested_by=act.actor.key)
    return Draft(effective_on=act.on, sets=(changed,), funds=condition.funds)


def uncontested(condition: Condition) -> Condition:
    """Return a condition whose contest is withdrawn; it may be contested again."""
    return structs.replace(condition, contest="", contested_by="")


def answer(act: Act, command: AnswerCondition, condition: Condition) -> Draft:
    """Record the outcome of a contest; upheld, the condition is lifted.

    Raises:
        Refused: `condition-state`, `condition-contested`, `four-eyes`.
    """
    _must_be(condition, "proposed", "open")
    if condition.contest != "open":
        detail = f"Nobody contests condition {condition.id}."
        raise Refused("condition-contested", detail, "/condition")
    _must_be_another(act, condition.added_by, "who added it")
    _must_be_another(act, condition.contested_by, "who contests it")
    changed = structs.replace(
        condition,
        status="lifted" if command.outcome == "upheld" else condition.status,
        contest=command.outcome,
        answered_by=act.actor.key,
    )
    return Draft(effective_on=act.on, sets=(changed,), funds=condition.funds)


def must_be_settled(conditions: Iterable[Condition]) -> None:
    """Hold that none of a tranche's conditions is open.

    Raises:
        Refused: `condition-unmet`, naming the first.
    """
    for condition in conditions:
        if binds(condition):
            detail = f"Condition {condition.id} ({condition.title}) is neither met nor waived."
            raise Refused("condition-unmet", detail, "/disbursement")


def binds(condition: Condition) -> bool:
    """Tell whether a condition is in force and neither met nor waived."""
    return condition.status == "open" and condition.assessment != "forbidden"


def _must_be(condition: Condition, *states: str) -> None:
    if condition.status not in states:
        wanted = " or ".join(states)
        detail = f"Condition {condition.id} is {condition.status}; it must be {wanted}."
        raise Refused("condition-state", detail, "/condition")


def _must_be_another(act: Act, key: str, who: str) -> None:
    if act.actor.key == key:
        raise Refused("four-eyes", f"This step is not for {who}: use another key.")
