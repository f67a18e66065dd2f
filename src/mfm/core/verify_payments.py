"""Verification, the payments: who signed each step and when, with other eyes at every one."""

from collections.abc import Mapping
from typing import Any

from mfm.core import verify_evidence
from mfm.core.disbursements import Disbursement
from mfm.core.record import Noun
from mfm.core.reports import Report
from mfm.core.verify_form import Differs, Told
from mfm.core.write_offs import WriteOff

Rows = Mapping[str, Mapping[str, Noun]]
"""kind -> id -> the noun as it stands."""

# verb -> the step that its record signs and dates, as <step>_by and <step>_on.
_SIGNS = {
    "disbursement.request": "requested",
    "disbursement.resubmit": "resubmitted",
    "disbursement.review": "reviewed",
    "disbursement.return": "returned",
    "disbursement.reject": "ended",
    "disbursement.cancel": "ended",
    "disbursement.approve": "approved",
    "disbursement.instruct": "instructed",
    "disbursement.settle": "released",
    "disbursement.release": "released",
    "disbursement.bounce": "bounced",
    "disbursement.confirm": "confirmed",
    "report.submit": "submitted",
    "report.answer": "submitted",
    "report.question": "questioned",
    "report.decide": "decided",
    "report.accept": "decided",
    "write-off.propose": "proposed",
    "write-off.approve": "decided",
    "write-off.reject": "decided",
}
_STEPS = ("reviewed", "approved", "instructed", "released", "confirmed", "reported", "ended")
# status -> the steps that must be signed in it, and those that may be; the others must not.
_SIGNED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "requested": ((), ()),
    "returned": ((), ()),
    "reviewed": (("reviewed",), ()),
    "approved": (("approved",), ("reviewed",)),
    "instructed": (("approved", "instructed"), ("reviewed",)),
    "released": (("approved", "released"), ("reviewed", "instructed")),
    "confirmed": (("approved", "released", "confirmed"), ("reviewed", "instructed")),
    "reported": (("approved", "released", "confirmed", "reported"), ("reviewed", "instructed")),
    "rejected": (("ended",), ("reviewed", "approved")),
    "cancelled": (("ended",), ("reviewed", "approved")),
}


def check(rows: Rows, state: Noun, told: Told) -> None:
    """Hold what a record says of a payment, a report or a write-off.

    Args:
        rows: every noun, the record's states among them.
        state: the state that it sets.
        told: the record.

    Raises:
        Differs: `state-machine`, `state-amounts`, `state-documents`, `four-eyes`.
    """
    if isinstance(state, Disbursement):
        step = "reported" if told.verb.startswith("report.") else _SIGNS.get(told.verb, "")
        _check_signature(state, step, told)
        if step and told.effective_on < state.last_on:
            detail = f"Disbursement {state.id} was at a step on {state.last_on}, after this one."
            raise Differs("state-machine", told.seq, detail)
        _check_steps(state, told)
        _check_amounts(state, told)
    elif isinstance(state, Report):
        if told.verb != "report.accept" or state.decided_by:  # the first ones did not sign
            _check_signature(state, _SIGNS[told.verb], told)
        _check_report(rows, state, told)
        verify_evidence.check(state, state.documents, told.seq)
    elif isinstance(state, WriteOff):
        _check_signature(state, _SIGNS[told.verb], told)
        _check_write_off(rows, state, told)


def _check_signature(state: Noun, step: str, told: Told) -> None:
    """Hold that the step just taken is signed and dated by the record."""
    if not step:
        return
    by, on = f"{step}_by", f"{step}_on"
    if getattr(state, by) != told.actor["key"] or getattr(state, on) != told.effective_on:
        detail = f"{state.id}'s {by} is not who made the record, or {on} not its day."
        raise Differs("state-machine", told.seq, detail)


def _check_steps(state: Disbursement, told: Told) -> None:
    """Hold that just the steps are signed that lead to where it stands, each by other eyes."""
    needed, allowed = _SIGNED[state.status]
    for step in _STEPS:
        by, on = getattr(state, f"{step}_by"), getattr(state, f"{step}_on")
        wanted = bool(by) if step in allowed else step in needed
        if bool(by) != wanted or (on is not None) != wanted:
            detail = f"Disbursement {state.id} is {state.status}, and {step} by {by!r} on {on}."
            raise Differs("state-machine", told.seq, detail)
    if bool(state.needs) != (state.status == "returned"):
        detail = f"Disbursement {state.id} is {state.status} and needs {state.needs!r}."
        raise Differs("state-machine", told.seq, detail)
    groups = (
        {state.requested_by, state.resubmitted_by},
        {state.reviewed_by},
        {state.approved_by},
        {state.instructed_by, state.released_by},
    )
    people = [who for group in groups for who in group - {""}]
    if len(set(people)) != len(people):
        raise Differs("four-eyes", told.seq, f"One person took two steps of {state.id}.")


def _check_amounts(state: Disbursement, told: Told) -> None:
    """Hold that what did not arrive is a part of what was sent, and the basis one of a grant."""
    short_minor, charged_minor = state.short_minor, state.charged_minor
    arrived = state.status in ("confirmed", "reported")
    sound = (
        min(short_minor, charged_minor, state.original_minor) >= 0
        and short_minor + charged_minor < state.amount_minor
        and (arrived or short_minor == charged_minor == state.original_minor == 0)
        and bool(state.original_minor) == bool(state.original_currency)
        and state.original_currency != state.currency
        and state.basis in (("advance",) if state.to_fund else _BASES)
    )
    if not sound:
        detail = f"Disbursement {state.id}'s amounts or its basis contradict each other."
        raise Differs("state-amounts", told.seq, detail)


_BASES = ("advance", "expense", "reimbursement")


def _check_report(rows: Rows, state: Report, told: Told) -> None:
    """Hold that a report accepts no more than it asked for, decided by other eyes."""
    decided = (state.direct_minor, state.support_minor, state.rejected_minor)
    asked = (state.asked_direct_minor, state.asked_support_minor)
    sound = min(*decided, *asked) >= 0 and (
        sum(decided) <= sum(asked) if state.submitted_by else sum(asked) == 0
    )
    if state.status != "accepted":
        sound = sound and not any(decided) and not state.evidence and bool(state.submitted_by)
    named: Any = rows["disbursement"].get(state.disbursement)
    if named is not None:
        sound = sound and named.commitment == state.commitment
        sound = sound and (
            state.status != "accepted" or state.evidence == (named.basis != "advance")
        )
    if not sound:
        detail = f"Report {state.id}'s amounts, or what it is about, contradict each other."
        raise Differs("state-amounts", told.seq, detail)
    if state.submitted_by and state.submitted_by == state.decided_by:
        raise Differs("four-eyes", told.seq, f"One person submitted and decided {state.id}.")


def _check_write_off(rows: Rows, state: WriteOff, told: Told) -> None:
    """Hold that a write-off is of its refund's amount, and approved by other eyes."""
    refund: Any = rows["refund"].get(state.refund)
    if state.amount_minor <= 0 or (
        refund is not None
        and (refund.commitment, refund.amount_minor) != (state.commitment, state.amount_minor)
    ):
        detail = f"Write-off {state.id} is of {state.amount_minor}, not of what it names."
        raise Differs("state-amounts", told.seq, detail)
    if state.status == "approved" and state.proposed_by == state.decided_by:
        raise Differs("four-eyes", told.seq, f"One person proposed and approved {state.id}.")
