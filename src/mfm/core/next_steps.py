"""Next steps: whose turn it is with a tranche, what is to be done and by when, and its days so far.

All is told in codes (roles, verbs, words of a closed list), so that a page can tell it in any
language and a rule can ask for it.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Literal

from msgspec import Struct

from mfm.core.commitments import Commitment, unsettled_minor
from mfm.core.conditions import Condition
from mfm.core.disbursements import Disbursement
from mfm.core.funds import Fund
from mfm.core.reports import Report
from mfm.core.schedules import Tranche

Why = Literal[
    "not-requested",
    "condition-unmet",
    "awaits-review",
    "awaits-vote",
    "awaits-approval",
    "awaits-payment",
    "bank-returned",
    "awaits-bank",
    "awaits-confirmation",
    "arrived-short",
    "awaits-report",
    "awaits-decision",
    "report-questioned",
    "needs-report",
    "needs-documents",
    "needs-budget",
    "needs-bank-details",
    "needs-signature",
    "needs-other",
]
"""Why a step is next."""

ARRIVED = ("confirmed", "reported")
ENDS = ("reported", "rejected", "cancelled", "reversed")
"""The statuses at which no days are counted any more."""


class NextStep(Struct, frozen=True):
    """What is to be done next.

    Attributes:
        who: the role that may: preparer, approver, payer or board (of the fund), or grantee.
        party: the organisation: the fund's steward, or the grantee.
        action: the verb.
        by: the day by which, or None where none is set.
        why: a word of `Why`.
    """

    who: str
    party: str
    action: str
    by: date | None
    why: str


class TrancheStep(Struct, frozen=True):
    """Where a tranche stands.

    Attributes:
        tranche: its number.
        amount_minor: what it is for.
        due_on: when it is expected, or None.
        disbursement: the one that took it, or "".
        status: that disbursement's, or scheduled.
        next_step: what is to be done next, or None where nothing is.
    """

    tranche: int
    amount_minor: int
    due_on: date | None
    disbursement: str
    status: str
    next_step: NextStep | None


class Around(Struct, frozen=True):
    """What stands around a commitment's tranches.

    Attributes:
        commitment: the grant or transfer.
        giver: the fund that pays.
        receiver: the fund that gets it, None where it is a grant.
        reports: the grant's reports that are not decided.
        unmet: the conditions that tranches still wait for.
        unvoted: the disbursements that need a vote of the fund's board and have none yet.
    """

    commitment: Commitment
    giver: Fund
    receiver: Fund | None = None
    reports: tuple[Report, ...] = ()
    unmet: tuple[Condition, ...] = ()
    unvoted: frozenset[str] = frozenset()


class PastStep(Struct, frozen=True):
    """A step that was taken: the status it led to, when, by which verb, and by whom."""

    status: str
    on: date
    verb: str
    role: str
    party: str
    seq: int


def next_step(disbursement: Disbursement, around: Around) -> NextStep | None:
    """Return what is to be done next with a tranche that was asked for, None where nothing is."""
    rule = _RULES.get(disbursement.status)
    return None if rule is None else rule(disbursement, around)


def _receiver(action: str, by: date | None, why: str, around: Around) -> NextStep:
    """Return a step of who gets the money: the grantee, or the receiving fund's preparer."""
    if around.receiver is None:
        return NextStep("grantee", around.commitment.to_party, action, by, why)
    return NextStep("preparer", around.receiver.steward, action, by, why)


def _tranche(disbursement: Disbursement, around: Around) -> Tranche:
    return around.commitment.tranches[disbursement.tranche - 1]


def _decision(disbursement: Disbursement, around: Around) -> NextStep:
    steward, by = around.giver.steward, _tranche(disbursement, around).due_on
    unmet = [each for each in around.unmet if each.tranche == disbursement.tranche]
    if unmet:
        days = [each.due_on for each in unmet if each.due_on is not None]
        first = min(days, default=None)
        return NextStep("approver", steward, "condition.meet", first, "condition-unmet")
    if around.giver.review and disbursement.status == "requested":
        return NextStep("preparer", steward, "disbursement.review", by, "awaits-review")
    if disbursement.id in around.unvoted:
        return NextStep("board", steward, "vote.cast", by, "awaits-vote")
    return NextStep("approver", steward, "disbursement.approve", by, "awaits-approval")


def _payment(disbursement: Disbursement, around: Around) -> NextStep:
    steward, by = around.giver.steward, _tranche(disbursement, around).due_on
    if disbursement.status == "instructed":
        return NextStep("payer", steward, "disbursement.settle", by, "awaits-bank")
    why = "bank-returned" if disbursement.bounced_by else "awaits-payment"
    return NextStep("payer", steward, "disbursement.release", by, why)


def _returned(disbursement: Disbursement, around: Around) -> NextStep:
    why = f"needs-{disbursement.needs}"
    return _receiver("disbursement.resubmit", disbursement.answer_by, why, around)


def _released(_: Disbursement, around: Around) -> NextStep:
    return _receiver("disbursement.confirm", None, "awaits-confirmation", around)


def _reported(disbursement: Disbursement, around: Around) -> NextStep | None:
    """Return the one thing that may be left at the end: what did not arrive."""
    if not disbursement.short_minor:
        return None
    fund = around.receiver or around.giver
    return NextStep("approver", fund.steward, "disbursement.resolve", None, "arrived-short")


def _confirmed(disbursement: Disbursement, around: Around) -> NextStep | None:
    """Return what is left to do once money has arrived: the difference, then the report."""
    if disbursement.short_minor or around.receiver is not None:
        return _reported(disbursement, around)
    report = next((each for each in around.reports if each.disbursement == disbursement.id), None)
    if report is not None:
        return _report(report, around)
    # Else it is accounted for: by reports that named no payment, or by refunds.
    if disbursement.expensed or unsettled_minor(around.commitment):
        return _receiver("report.submit", disbursement.report_by, "awaits-report", around)
    return None


def _report(report: Report, around: Around) -> NextStep:
    if report.status == "questioned":
        return _receiver("report.answer", report.answer_by, "report-questioned", around)
    steward = around.giver.steward
    return NextStep("approver", steward, "report.decide", None, "awaits-decision")


_RULES: dict[str, Callable[[Disbursement, Around], NextStep | None]] = {
    "requested": _decision,
    "reviewed": _decision,
    "returned": _returned,
    "approved": _payment,
    "instructed": _payment,
    "released": _released,
    "confirmed": _confirmed,
    "reported": _reported,
}


def tranche_steps(around: Around, disbursements: Sequence[Disbursement]) -> tuple[TrancheStep, ...]:
    """Return where each tranche of a grant or transfer stands, and whose turn it is."""
    by_id = {each.id: each for each in disbursements}
    return tuple(
        _tranche_step(tranche, by_id.get(tranche.disbursement), around)
        for tranche in around.commitment.tranches
    )


def _tranche_step(tranche: Tranche, taker: Disbursement | None, around: Around) -> TrancheStep:
    following = None
    if taker is not None:
        following = next_step(taker, around)
    elif tranche.amount_minor and not around.commitment.halted:
        due_on = tranche.due_on
        following = _receiver("disbursement.request", due_on, "not-requested", around)
    return TrancheStep(
        tranche=tranche.number,
        amount_minor=tranche.amount_minor,
        due_on=tranche.due_on,
        disbursement=tranche.disbursement,
        status=taker.status if taker else "scheduled",
        next_step=following,
    )


def days(steps: Sequence[PastStep], today: date) -> dict[str, int | None]:
    """Return how many days a disbursement spent at each step, and how many its money took.

    Args:
        steps: all that were taken, the first one first.
        today: up to when the step it stands at is counted, unless it is its last.

    Returns:
        status -> days there, over all times that it was there; `to_release` and `to_cash`: from
        the first request to the last payment and to the confirmation, None until there is one.
    """
    spent: dict[str, int | None] = {}
    ends = [*(step.on for step in steps[1:]), today]
    for step, end in zip(steps, ends, strict=False):
        spent[step.status] = (spent.get(step.status) or 0) + max((end - step.on).days, 0)
    if steps and steps[-1].status in ENDS:
        del spent[steps[-1].status]
    spent["to_release"] = _until(("released", *ARRIVED), steps)
    spent["to_cash"] = _until(ARRIVED, steps)
    return spent


def _until(statuses: tuple[str, ...], steps: Sequence[PastStep]) -> int | None:
    """Return the days from the first request until it came, for good, to one of these statuses."""
    reached = None
    for step in steps:
        if step.status not in statuses:
            reached = None
        elif reached is None:
            reached = step.on
    return None if reached is None else max((reached - steps[0].on).days, 0)
