"""Reports: a grantee's expenditure, submitted and decided on (IATI 4 in the grantee's activity).

submitted -> questioned -> submitted ... -> accepted, with what is not eligible claimed back. An
advance becomes expense by it; of what was expense when it was paid, a report is evidence only.
"""

from collections.abc import Iterable
from datetime import date

from msgspec import structs

from mfm.core.commitments import (
    Commitment,
    moved,
    must_be_grant,
    must_be_open,
    unsettled_minor,
)
from mfm.core.disbursements import PAID, Disbursement, must_be
from mfm.core.errors import Invalid, Refused
from mfm.core.evidence import Documents, Invoices, together
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft, Noun, Posting
from mfm.core.refunds import due
from mfm.core.terms import Act, Command, Id, Text


class Report(Noun, frozen=True, kw_only=True):
    """Expenditure, as a grantee reports it and as the fund accepts it.

    Attributes:
        commitment: the grant.
        fund: the fund that gave it.
        party: the grantee.
        currency: the fund's.
        direct_minor: direct cost accepted.
        support_minor: indirect support cost accepted.
        disbursement: the payment that it accounts for, or "".
        asked_direct_minor: direct cost as submitted, 0 where it was accepted without that.
        asked_support_minor: indirect support cost as submitted.
        rejected_minor: not eligible, and claimed back.
        evidence: whether it moves no advance, for the payment was expense already.
        submitted_by: the key that submitted it last; likewise questioned_by, decided_by.
        submitted_on: the day; likewise questioned_on, decided_on.
        answer_by: when a question is to be answered, or None.
        documents: SHA-256 (hex) of what proves it, in order; an answer's come to those before.
    """

    commitment: str
    fund: str
    party: str
    currency: str
    direct_minor: int
    support_minor: int
    disbursement: str = ""
    asked_direct_minor: int = 0
    asked_support_minor: int = 0
    rejected_minor: int = 0
    evidence: bool = False
    submitted_by: str = ""
    submitted_on: date | None = None
    questioned_by: str = ""
    questioned_on: date | None = None
    decided_by: str = ""
    decided_on: date | None = None
    answer_by: date | None = None
    documents: tuple[str, ...] = ()

    @property
    def told_minor(self) -> int:
        """What it is about: as submitted, or as accepted where nobody submitted it here."""
        asked_minor = self.asked_direct_minor + self.asked_support_minor
        return asked_minor or self.direct_minor + self.support_minor


class SubmitReport(Command, frozen=True, kw_only=True):
    """Submit what was spent: direct cost, and indirect support cost on top."""

    id: Id | None = None
    commitment: Id
    disbursement: Id | None = None
    direct: Money
    support_cost: Money | None = None
    documents: Documents = ()
    invoices: Invoices = ()
    effective_on: date | None = None
    description: Text = ""


class QuestionReport(Command, frozen=True, kw_only=True):
    """Question a submitted report: the grantee is to answer before it is decided."""

    report: Id
    answer_by: date | None = None
    effective_on: date | None = None
    reason: Text = ""


class AnswerReport(Command, frozen=True, kw_only=True):
    """Answer a questioned report; amounts that are not told stay, documents come to those named."""

    report: Id
    direct: Money | None = None
    support_cost: Money | None = None
    documents: Documents = ()
    invoices: Invoices = ()
    effective_on: date | None = None
    description: Text = ""


class DecideReport(Command, frozen=True, kw_only=True):
    """Decide a submitted report: without amounts all is accepted, else what is told and no more.

    What is `rejected` is not eligible, and claimed back as a refund.
    """

    report: Id
    direct: Money | None = None
    support_cost: Money | None = None
    rejected: Money | None = None
    refund: Id | None = None
    effective_on: date | None = None
    reason: Text = ""


class AcceptReport(Command, frozen=True, kw_only=True):
    """Accept expenditure that came by other ways: direct cost, and indirect support cost on top."""

    id: Id | None = None
    commitment: Id
    disbursement: Id | None = None
    direct: Money
    support_cost: Money | None = None
    rejected: Money | None = None
    refund: Id | None = None
    documents: Documents = ()
    invoices: Invoices = ()
    effective_on: date | None = None
    description: Text = ""


def _minor(money: Money | None, fund: Fund, pointer: str) -> int:
    return 0 if money is None else fund.amount(money, pointer)


def _new(report_id: str, status: str, commitment: Commitment, named: Disbursement | None) -> Report:
    """Return a report on a grant with no amounts yet.

    Raises:
        Invalid: `commitment-kind`, `disbursement-other`.
    """
    must_be_grant(commitment)
    if named is not None and named.commitment != commitment.id:
        detail = f"Disbursement {named.id} is of commitment {named.commitment}."
        raise Invalid("disbursement-other", detail, "/disbursement")
    return Report(
        id=report_id,
        status=status,
        commitment=commitment.id,
        fund=commitment.from_fund,
        party=commitment.to_party,
        currency=commitment.currency,
        direct_minor=0,
        support_minor=0,
        disbursement=named.id if named else "",
    )


def _must_be(report: Report, *statuses: str) -> None:
    if report.status not in statuses:
        wanted = " or ".join(statuses)
        detail = f"Report {report.id} is {report.status}; it must be {wanted}."
        raise Refused("report-state", detail, "/report")


def submit(
    act: Act,
    command: SubmitReport,
    report_id: str,
    nouns: tuple[Commitment, Disbursement | None],
    fund: Fund,
) -> Draft:
    """Record what a grantee reports; no money moves until it is decided.

    Raises:
        Invalid: `commitment-kind`, `disbursement-other`.
        Refused: `disbursement-state` when the payment it is about has not been made.
    """
    commitment, named = nouns
    report = _new(report_id, "submitted", commitment, named)
    if named is not None:
        must_be(act, named, *PAID)
    submitted = structs.replace(
        report,
        asked_direct_minor=fund.amount(command.direct, "/direct"),
        asked_support_minor=_minor(command.support_cost, fund, "/support_cost"),
        submitted_by=act.actor.key,
        submitted_on=act.on,
        documents=together((), command.documents),
    )
    return Draft(effective_on=act.on, sets=(submitted,), funds=(fund.id,))


def question(act: Act, command: QuestionReport, report: Report) -> Draft:
    """Record that a report is questioned.

    Raises:
        Refused: `report-state`.
    """
    _must_be(report, "submitted")
    questioned = structs.replace(
        report,
        status="questioned",
        questioned_by=act.actor.key,
        questioned_on=act.on,
        answer_by=command.answer_by,
    )
    return Draft(effective_on=act.on, sets=(questioned,), funds=(report.fund,))


def answer(act: Act, command: AnswerReport, report: Report, fund: Fund) -> Draft:
    """Record the answer to a question, with amounts that may differ from those before.

    Raises:
        Invalid: `documents-many`.
        Refused: `report-state`.
    """
    _must_be(report, "questioned")
    direct_minor, support_minor = report.asked_direct_minor, report.asked_support_minor
    if command.direct is not None:
        direct_minor = fund.amount(command.direct, "/direct")
    if command.support_cost is not None:
        support_minor = fund.amount(command.support_cost, "/support_cost")
    answered = structs.replace(
        report,
        status="submitted",
        asked_direct_minor=direct_minor,
        asked_support_minor=support_minor,
        submitted_by=act.actor.key,
        submitted_on=act.on,
        answer_by=None,
        documents=together(report.documents, command.documents),
    )
    return Draft(effective_on=act.on, sets=(answered,), funds=(report.fund,))


def decide(
    act: Act,
    command: DecideReport,
    nouns: tuple[Report, Commitment, Disbursement | None],
    fund: Fund,
    refund_id: str,
) -> Draft:
    """Record a decision: what is accepted, and what is not eligible and claimed back.

    Raises:
        Refused: `report-state`, `four-eyes`, `report-exceeded` when more is decided on than was
            submitted, `advance-exceeded`, `disbursement-state`.
    """
    report, commitment, named = nouns
    _must_be(report, "submitted", "questioned")
    if act.actor.key == report.submitted_by:
        detail = "Who submitted a report cannot decide it: use another key."
        raise Refused("four-eyes", detail)
    direct_minor, support_minor = report.asked_direct_minor, report.asked_support_minor
    asked_minor = direct_minor + support_minor
    rejected_minor = _minor(command.rejected, fund, "/rejected")
    if (command.direct, command.support_cost, command.rejected) != (None, None, None):
        direct_minor = _minor(command.direct, fund, "/direct")
        support_minor = _minor(command.support_cost, fund, "/support_cost")
    if direct_minor + support_minor + rejected_minor > asked_minor:
        asked = decimal_text(asked_minor, fund.currency)
        detail = f"Report {report.id} is about {asked} {fund.currency}."
        raise Refused("report-exceeded", detail, "/direct")
    decided = structs.replace(
        report,
        direct_minor=direct_minor,
        support_minor=support_minor,
        rejected_minor=rejected_minor,
    )
    return _decided(act, decided, (commitment, named), fund, refund_id)


def accept(
    act: Act,
    command: AcceptReport,
    ids: tuple[str, str],
    nouns: tuple[Commitment, Disbursement | None],
    fund: Fund,
) -> Draft:
    """Record accepted expenditure that nobody submitted here: 5100 and 5500 / 1300.

    Args:
        act: who, and the day.
        command: what is asked.
        ids: those of the report, and of the claim if it makes one.
        nouns: the grant, and the payment that is accounted for.
        fund: the fund that gave it.

    Raises:
        Invalid: `commitment-kind`, `disbursement-other`.
        Refused: `advance-exceeded` when more is reported than was paid and is open;
            `disbursement-state`.
    """
    report = structs.replace(
        _new(ids[0], "accepted", *nouns),
        direct_minor=fund.amount(command.direct, "/direct"),
        support_minor=_minor(command.support_cost, fund, "/support_cost"),
        rejected_minor=_minor(command.rejected, fund, "/rejected"),
        documents=together((), command.documents),
    )
    return _decided(act, report, nouns, fund, ids[1])


def _decided(
    act: Act,
    report: Report,
    nouns: tuple[Commitment, Disbursement | None],
    fund: Fund,
    refund_id: str,
) -> Draft:
    """Book a report's accepted and rejected amounts; the payment it names is reported then."""
    commitment, named = nouns
    evidence = _is_evidence(commitment, named, fund)
    decided = structs.replace(
        report,
        status="accepted",
        evidence=evidence,
        decided_by=act.actor.key,
        decided_on=act.on,
        answer_by=None,
    )
    postings: list[Posting] = []
    sets: list[Noun] = [decided]
    if not evidence:
        commitment = _expended(report, commitment)
        spent = (("5100", report.direct_minor), ("5500", report.support_minor))
        advance = ("1300", commitment.id)
        postings = [fund.move((code, commitment.id), advance, part) for code, part in spent if part]
    if report.rejected_minor:
        given = "5100" if evidence else "1300"
        claim = due(refund_id, commitment, fund, report.rejected_minor, given)
        commitment = claim.commitment
        sets.append(claim.refund)
        postings.append(claim.posting)
    if commitment is not nouns[0]:
        sets.append(commitment)
    if named is not None:
        must_be(act, named, "confirmed", "reported")
        reported = structs.replace(named, status="reported", reported_by=act.actor.key)
        sets.append(structs.replace(reported, reported_on=act.on))
    return Draft(effective_on=act.on, sets=tuple(sets), postings=tuple(postings), funds=(fund.id,))


def _expended(report: Report, commitment: Commitment) -> Commitment:
    """Return a grant whose advance has become expense by a report."""
    total_minor = report.direct_minor + report.support_minor
    must_be_open(commitment, total_minor, "/direct")
    return moved(commitment, accepted=total_minor)


def within_paid(
    draft: Draft, about: tuple[Commitment, Disbursement | None], told: Iterable[Report]
) -> Draft:
    """Return a decision whose evidence accounts for no more than was paid.

    Args:
        draft: the decision; its report comes first.
        about: the grant, and the payment that is accounted for.
        told: the grant's reports.

    Raises:
        Refused: `advance-exceeded`.
    """
    report, (commitment, named) = draft.sets[0], about
    if not isinstance(report, Report) or not report.evidence:
        return draft
    rest_minor = commitment.paid_minor if named is None else named.amount_minor
    for row in (report, *(row for row in told if row.id != report.id)):
        mine = named is None or row.disbursement == named.id
        if mine and row.evidence and row.status == "accepted":
            rest_minor -= row.direct_minor + row.support_minor + row.rejected_minor
    if rest_minor < 0:
        over = decimal_text(-rest_minor, report.currency)
        detail = f"With this, {over} {report.currency} more than was paid is accounted for."
        raise Refused("advance-exceeded", detail, "/direct")
    return draft


def _is_evidence(commitment: Commitment, named: Disbursement | None, fund: Fund) -> bool:
    """Tell whether a report is about money that was expense when it was paid."""
    if named is not None:
        return named.expensed
    return fund.advance_model == "expense_on_payment" and not unsettled_minor(commitment)
