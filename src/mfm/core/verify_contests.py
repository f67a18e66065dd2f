"""Verification, contests: made by whom they concern, in time, and answered by who owes it."""

from collections.abc import Iterable, Mapping

from mfm.core.contests import Contest, may_withdraw
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Told

Rows = Mapping[str, Mapping[str, Noun]]
_OPENS = ("contest.open", "condition.contest")
_WITHDRAWS = "contest.withdraw"
_ANSWERS = ("contest.answer", "condition.answer")
_KINDS = ("condition", "decision", "application")


def check(rows: Rows, told: Told, changes: Iterable[tuple[Noun | None, Noun]]) -> None:
    """Hold the contests that a record sets.

    Args:
        rows: kind -> id -> state, as the record leaves them.
        told: the record; not a reversal.
        changes: (state before, state) of each noun that it sets.

    Raises:
        Differs: `contest`, `four-eyes`.
    """
    for _, state in changes:
        if isinstance(state, Contest):
            _check(rows, told, state)
    if told.verb in _ANSWERS:
        upheld = any(isinstance(each, Contest) and each.status == "upheld" for _, each in changes)
        if any(kind == "application" for kind, _ in told.sets) and not upheld:
            raise Differs("contest", told.seq, "An application is reopened and nothing upheld.")


def _check(rows: Rows, told: Told, state: Contest) -> None:
    kind, _, name = state.subject.partition(":")
    if kind not in _KINDS or name not in rows[kind] or state.id != f"{kind}.{name}":
        raise Differs("contest", told.seq, f"{state.id} is about {state.subject}.")
    opens, answers = told.verb in _OPENS, told.verb in _ANSWERS
    who = (state.contested_by, state.written_in) if opens else ()
    who = (state.answered_by, state.answered_in) if answers else who
    if who not in ((), (told.actor["key"], told.seq)):
        raise Differs("contest", told.seq, f"{state.id} was taken up or answered by another.")
    if opens and (state.opened_on != told.effective_on or state.due_on < state.opened_on):
        raise Differs("contest", told.seq, f"{state.id} is of {state.opened_on}.")
    if answers:
        _check_answer(told, state)
    if told.verb == _WITHDRAWS:
        _check_withdrawal(rows, told, state)


def _check_withdrawal(rows: Rows, told: Told, state: Contest) -> None:
    kind, _, name = state.subject.partition(":")
    own = may_withdraw(told.actor["party"], told.actor["role"], state)
    still = getattr(rows[kind][name], "contest", "")
    set_beside = {(each, noun.id) for each, noun in told.sets} - {("contest", state.id)}
    if not own or still or set_beside - {(kind, name)}:
        raise Differs("contest", told.seq, f"{state.id} was withdrawn by {told.actor['key']}.")


def _check_answer(told: Told, state: Contest) -> None:
    actor = told.actor
    if state.answered_by == state.contested_by:
        raise Differs("four-eyes", told.seq, f"Who made {state.id} answered it.")
    own = actor["role"] == "operator"
    owes = state.answered_by == state.owner_key
    owes = owes if state.owner_key else own or actor["role"] == state.owner
    if not owes or (actor["party"] == state.party and not own):
        raise Differs("contest", told.seq, f"{state.id} was answered by {actor['key']}.")
