"""Verification, calls and applications: who took which step, in time, and what was handed in."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from mfm.core.allocations import Allocation
from mfm.core.applications import Application
from mfm.core.calls import Call
from mfm.core.comments import Comment
from mfm.core.commitments import Commitment
from mfm.core.markers import SCHEMES
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Told

Rows = Mapping[str, Mapping[str, Noun]]
Changes = Iterable[tuple[Noun | None, Noun]]
# The verbs that write a noun's words; what they stand beside is then this record.
_WRITES = ("call.draft", "call.revise", "application.draft", "application.revise", "comment.make")


def check(rows: Rows, told: Told, changes: Changes) -> None:
    """Hold what a record says of calls, comments and applications, once all that it sets stands.

    Args:
        rows: kind -> id -> state, as the record leaves them.
        told: the record; not a reversal.
        changes: (state before, state) of each noun that it sets.

    Raises:
        Differs: `call-terms`, `call-closed`, `four-eyes`, `application-whole`, `state-machine`,
            `state-reference`.
    """
    for before, state in changes:
        rule = _RULES.get(type(state))
        if rule is not None:
            rule(rows, told, state, before)


def _written(told: Told, state: Any, before: Any) -> None:  # noqa: ANN401  # a noun with written_in
    wanted = told.seq if told.verb in _WRITES else before.written_in
    if state.written_in != wanted:
        detail = f"The words of {state.id} stand beside {state.written_in}, not {wanted}."
        raise Differs("state-machine", told.seq, detail)


def _signed(told: Told, key: str, state: Noun) -> None:
    if key != told.actor["key"]:
        detail = f"{told.verb} of {state.id} is signed by {key}, who did not make the record."
        raise Differs("state-machine", told.seq, detail)


def _call(_: Rows, told: Told, state: Call, before: Noun | None) -> None:
    _written(told, state, before)
    amounts = (state.minimum_minor, state.ceiling_minor, state.budget_minor)
    rising = [each for each in amounts if each]
    if state.closes_on < state.opens_on or rising != sorted(rising) or min(amounts) < 0:
        raise Differs("call-terms", told.seq, f"The terms of call {state.id} contradict.")
    if told.verb in ("call.draft", "call.revise"):
        _signed(told, state.drafted_by, state)
    if told.verb == "call.publish":
        _signed(told, state.published_by, state)
        if state.published_by == state.drafted_by:
            raise Differs("four-eyes", told.seq, f"Who wrote call {state.id} published it.")
        until = state.comments_until
        if state.closes_on < told.effective_on or (until and told.effective_on <= until):
            raise Differs(
                "call-terms", told.seq, f"Call {state.id} is published too early or late."
            )


def _comment(rows: Rows, told: Told, state: Comment, before: Noun | None) -> None:
    _written(told, state, before)
    call: Any = rows["call"].get(state.call)
    until = (call.comments_until if call else None) or date.min
    if told.verb == "comment.make" and (
        call is None
        or call.status != "consultation"
        or call.fund != state.fund
        or told.effective_on > until
    ):
        detail = f"Comment {state.id} was made while call {state.call} took none."
        raise Differs("call-closed", told.seq, detail)
    if told.verb == "comment.answer" and state.answered_in != told.seq:
        raise Differs("state-machine", told.seq, f"Comment {state.id} is answered elsewhere.")


def _application(rows: Rows, told: Told, state: Application, before: Any) -> None:  # noqa: ANN401  # an Application or None
    _written(told, state, before)
    call: Any = rows["call"].get(state.call)
    if call is None or (call.fund, call.currency) != (state.fund, state.currency):
        raise Differs("state-reference", told.seq, f"{state.id} is not of its call's fund.")
    _check_shape(rows, told, state)
    if told.verb in _STEPS:
        _STEPS[told.verb](rows, told, state, before)
    if state.submitted_by:
        _check_whole(told, state)


def _in_time(rows: Rows, told: Told, state: Application, _: Noun | None) -> None:
    call: Any = rows["call"][state.call]
    day = told.effective_on
    early = told.verb == "application.submit" and day < call.opens_on
    if call.status != "published" or early or day > call.closes_on:
        detail = f"{told.verb} of {state.id} on {day}; its call is {call.status}."
        raise Differs("call-closed", told.seq, detail)


def _submitted(rows: Rows, told: Told, state: Application, before: Noun | None) -> None:
    _in_time(rows, told, state, before)
    _signed(told, state.submitted_by, state)
    if state.submitted_on != told.effective_on:
        raise Differs("state-machine", told.seq, f"{state.id} was submitted on another day.")


def _decided(_: Rows, told: Told, state: Application, __: Noun | None) -> None:
    _signed(told, state.decided_by, state)
    if (state.decided_in, state.decided_on) != (told.seq, told.effective_on):
        raise Differs("state-machine", told.seq, f"{state.id} was decided on elsewhere.")
    if state.decided_by == state.submitted_by or told.actor["party"] in state.parties:
        raise Differs("four-eyes", told.seq, f"{state.id} was decided on by its own.")


def _awarded(rows: Rows, told: Told, state: Application, _: Noun | None) -> None:
    made: Any = rows["commitment"].get(state.commitment)
    wanted = (state.id, "grant", state.fund, state.lead)
    if (
        made is None
        or (made.application, made.kind, made.from_fund, made.to_party) != wanted
        or made.amount_minor > state.amount_minor
    ):
        raise Differs("state-reference", told.seq, f"{state.id} is not what was granted.")


def _check_shape(rows: Rows, told: Told, state: Application) -> None:
    """Hold that all who are named are there, once each, and that what is scored has a score."""
    parties = state.parties
    sound = (
        len({*parties}) == len(parties)
        and rows["party"].keys() >= {*parties}
        and {*parties} >= {line.party for line in state.budget}
        and all(line.amount_minor > 0 for line in state.budget)
        and all(each.score in SCHEMES.get(each.scheme, ()) for each in state.markers)
        and state.amount_minor > 0
        and (not state.total_minor or state.total_minor >= state.amount_minor)
    )
    if not sound:
        raise Differs(
            "state-reference", told.seq, f"Application {state.id} does not hold together."
        )


def _consented(_: Rows, told: Told, state: Application, before: Any) -> None:  # noqa: ANN401  # an Application
    """Hold that one partner spoke, for itself."""
    earlier = {each.party: each for each in before.partners}
    spoken = [each for each in state.partners if earlier.get(each.party) != each]
    own = told.command.get("partner")
    role, party = told.actor["role"], told.actor["party"]
    if (
        [each.party for each in before.partners] != [each.party for each in state.partners]
        or any((each.party, each.key) != (own, told.actor["key"]) for each in spoken)
        or (role != "operator" and party != own)
    ):
        raise Differs("four-eyes", told.seq, f"Not one partner of {state.id} spoke for itself.")


def _check_whole(told: Told, state: Application) -> None:
    budget_minor = sum(line.amount_minor for line in state.budget)
    if (
        budget_minor != state.amount_minor
        or state.starts_on is None
        or state.ends_on is None
        or state.ends_on < state.starts_on
        or {each.consent for each in state.partners} - {"given"}
    ):
        raise Differs("application-whole", told.seq, f"{state.id} was handed in unfinished.")


def _allocation(rows: Rows, told: Told, state: Allocation, _: Noun | None) -> None:
    call: Any = rows["call"].get(state.call)
    if state.call and call.fund != state.fund:
        raise Differs("state-reference", told.seq, f"{state.id} is for another fund's call.")


def _commitment(_: Rows, told: Told, state: Commitment, before: Noun | None) -> None:
    """Hold that a grant that names an application was signed with it."""
    named = {each.id for kind, each in told.sets if kind == "application"}
    if state.application and before is None and state.application not in named:
        raise Differs(
            "state-reference", told.seq, f"{state.id} does not award {state.application}."
        )


_STEPS: dict[str, Callable[[Rows, Told, Application, Any], None]] = {
    "application.draft": _in_time,
    "application.consent": _consented,
    "application.submit": _submitted,
    "application.decide": _decided,
    "commitment.sign": _awarded,
}
_RULES: dict[type[Noun], Callable[[Rows, Told, Any, Noun | None], None]] = {
    Allocation: _allocation,
    Commitment: _commitment,
    Call: _call,
    Comment: _comment,
    Application: _application,
}
