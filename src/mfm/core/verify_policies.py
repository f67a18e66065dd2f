"""Verification, policies: who took which step, and that no two versions are in force on one day."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import cast

from mfm.core.policies import RELEASE, Policy
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Told

_IN_FORCE = ("active", "superseded")
_DAY = timedelta(days=1)


def check(
    rows: Mapping[str, Mapping[str, Noun]],
    told: Told,
    changes: Iterable[tuple[Noun | None, Noun]],
) -> None:
    """Hold what a record says of policies, once all that it sets stands.

    Args:
        rows: kind -> id -> state, as the record leaves them.
        told: the record; not a reversal.
        changes: (state before, state) of each noun that it sets.

    Raises:
        Differs: `policy-form`, `four-eyes`, `policy-overlap`, `state-machine`.
    """
    for before, state in changes:
        if isinstance(state, Policy):
            _check_form(told, state)
            _check_people(told, state)
            _check_step(told, before, state)
            if state.status in _IN_FORCE:
                others = cast("Iterable[Policy]", rows["policy"].values())
                _check_overlap(told, state, others)


def periods(states: Mapping[str, Noun], mechanism_id: int) -> dict[str, tuple[str, ...]]:
    """Return each policy's row of when it is in force, ranges as PostgreSQL writes them."""
    found: dict[str, tuple[str, ...]] = {}
    for state in cast("Iterable[Policy]", states.values()):
        if state.status in _IN_FORCE:
            after = state.effective_until + _DAY if state.effective_until else ""
            period = f"[{state.effective_from},{after})"
            mechanism = f"[{mechanism_id},{mechanism_id + 1})"
            number = int(sha256(state.name.encode()).hexdigest()[:15], 16)
            found[state.id] = (state.name, period, mechanism, f"[{number},{number + 1})")
    return found


def _check_form(told: Told, state: Policy) -> None:
    backwards = state.effective_until is not None and state.effective_until < state.effective_from
    if state.id != f"{state.name}.v{state.version}" or state.version < 1 or backwards:
        raise Differs("policy-form", told.seq, f"{state.id} contradicts itself.")


def _check_people(told: Told, state: Policy) -> None:
    """Hold that nobody approved or activated what they had edited, and that cases passed."""
    steps = ("draft", "tested", "simulated", "approved", "active")
    at = 4 if state.status == "superseded" else steps.index(state.status)
    if not state.edited_by or (at >= 1 and not state.cases and state.edited_by != RELEASE):
        raise Differs("policy-form", told.seq, f"{state.id} is {state.status} without its cases.")
    if at > 1 and not state.simulation and state.edited_by != RELEASE:
        raise Differs("policy-form", told.seq, f"{state.id} is {state.status}, not simulated.")
    signed = {3: state.approved_by, 4: state.activated_by}
    for step, key in signed.items():
        own = key == state.edited_by and key != RELEASE
        if own or (at >= step) != bool(key) or (step == at and key == RELEASE):
            detail = f"{state.id} is {state.status}, edited by {state.edited_by}, signed {signed}."
            raise Differs("four-eyes", told.seq, detail)
    if bool(state.activated_by) != (state.activated_on is not None):
        raise Differs("policy-form", told.seq, f"{state.id} does not say when it was activated.")


def _check_step(told: Told, before: Noun | None, state: Policy) -> None:
    """Hold that the record's own actor took the step, and that a version ends only for the next."""
    signs = {"policy.draft": "edited_by", "policy.approve": "approved_by"}
    signs |= dict.fromkeys(("policy.activate", "policy.adopt"), "activated_by")
    field = signs.get(told.verb)
    ended = state.status == "superseded"
    if field and not ended and getattr(state, field) != told.actor["key"]:
        detail = f"{told.verb} of {state.id} is signed by another than who made the record."
        raise Differs("state-machine", told.seq, detail)
    was = before.status if before is not None else ""
    if (was == "active") != ended or (told.verb == "policy.adopt" and state.edited_by != RELEASE):
        detail = f"{told.verb} brings {state.id} from {was or 'nothing'} to {state.status}."
        raise Differs("state-machine", told.seq, detail)


def _check_overlap(told: Told, state: Policy, others: Iterable[Policy]) -> None:
    for each in others:
        if each.name != state.name or each.id == state.id or each.status not in _IN_FORCE:
            continue
        first, last = sorted((each, state), key=lambda policy: policy.effective_from)
        if first.effective_until is None or first.effective_until >= last.effective_from:
            detail = f"{first.id} and {last.id} are in force on one day."
            raise Differs("policy-overlap", told.seq, detail)
