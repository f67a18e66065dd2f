"""Verification, the gates: no step through one without a decision that lets it through.

What each decision says is evaluated anew elsewhere, from the files and facts that it names.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mfm.core import verify_contests
from mfm.core.judgements import Decision, Waiver
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Told

Rows = Mapping[str, Mapping[str, Noun]]
# verb -> the kind that it is about, and the gate that it goes through.
_GATES = {
    "application.submit": ("application", "application"),
    "allocation.approve": ("allocation", "allocation"),
    "disbursement.approve": ("disbursement", "approval"),
    "disbursement.instruct": ("disbursement", "payment"),
    "disbursement.release": ("disbursement", "payment"),
}
_AMENDMENTS = ("commitment.amend", "commitment.extend", "condition.accept")


def check(rows: Rows, told: Told, changes: Iterable[tuple[Noun | None, Noun]]) -> None:
    """Hold that a step through a gate was let through, once policies were adopted.

    Args:
        rows: kind -> id -> state, as the record leaves them.
        told: the record; not a reversal.
        changes: (state before, state) of each noun that it sets.

    Raises:
        Differs: `gate`, `four-eyes`.
    """
    changes = list(changes)
    verify_contests.check(rows, told, changes)
    states = [state for _, state in changes]
    decisions = [state for state in states if isinstance(state, Decision)]
    wanted = _wanted(told) if rows.get("policy") else None
    if wanted and [(each.gate, each.subject) for each in decisions] != [wanted]:
        detail = f"{told.verb} of {wanted[1]} was not let through at the gate {wanted[0]}."
        raise Differs("gate", told.seq, detail)
    for each in decisions:
        _check(rows, told, each)
    for state in states:
        if isinstance(state, Waiver) and told.verb == "waiver.sign":
            signed = (state.signed_by, state.party, state.role)
            if signed != tuple(told.actor[name] for name in ("key", "party", "role")):
                raise Differs("gate", told.seq, f"Waiver {state.id} is not signed by its signer.")


def check_refused(told: Told) -> None:
    """Hold that what a refusal sets is one decision, new, which lets nothing through.

    Raises:
        Differs: `gate`.
    """
    for _, state in told.sets:
        fine = isinstance(state, Decision) and (
            state.status == "refused"
            and state.prev == 0
            and state.outcome in ("refuse", "incomplete", "needs-approval")
            and not state.waivers
            and state.judged_on == told.effective_on
        )
        if not fine or len(told.sets) > 1:
            raise Differs("gate", told.seq, f"It is refused, and {state.id} is no refusal.")


def _wanted(told: Told) -> tuple[str, str] | None:
    """Return the gate and subject that a record must have gone through, or None."""
    by_kind = dict(reversed(told.sets))
    if told.verb in _GATES:
        kind, gate = _GATES[told.verb]
        return gate, f"{kind}:{by_kind[kind].id}"
    made: Any = by_kind.get("commitment")
    if told.verb == "commitment.sign" and made is not None:
        gate = "activation" if made.kind == "contribution" else "signature"
        return gate, f"commitment:{made.id}"
    if told.verb in _AMENDMENTS:
        condition: Any = by_kind.get("condition")
        name = condition.commitment if condition is not None else made.id
        return "amendment", f"commitment:{name}"
    return None


def _check(rows: Rows, told: Told, state: Decision) -> None:
    passes = state.outcome in ("allow", "allow-with-flags")
    lifted = state.outcome == "needs-approval" and bool(state.waivers)
    if (not passes and not lifted) or (passes and state.waivers):
        raise Differs("gate", told.seq, f"Decision {state.id} is {state.outcome}.")
    if state.judged_on != told.effective_on:
        raise Differs("gate", told.seq, f"Decision {state.id} is for {state.judged_on}.")
    for name in state.waivers:
        waiver: Any = rows["waiver"].get(name)
        if (
            waiver is None
            or waiver.status != "signed"
            or (waiver.gate, waiver.fund, waiver.subject) != (state.gate, state.fund, state.subject)
            or waiver.valid_until < told.effective_on
        ):
            raise Differs("gate", told.seq, f"Decision {state.id} is not lifted by {name}.")
        if waiver.signed_by == told.actor["key"]:
            raise Differs("four-eyes", told.seq, f"Who signed waiver {name} took the step.")
