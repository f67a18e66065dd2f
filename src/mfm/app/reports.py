"""Reports: what a grantee says it spent, submitted, questioned, answered and decided."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import reports as rules
from mfm.core.commitments import Commitment, must_be_grant
from mfm.core.disbursements import Disbursement
from mfm.core.funds import Fund
from mfm.core.overlap_cases import OverlapCase
from mfm.core.overlap_charges import must_be_answered
from mfm.core.overlap_decisions import other_of
from mfm.core.record import Draft
from mfm.core.refunds import Refund
from mfm.core.reports import (
    AcceptReport,
    AnswerReport,
    DecideReport,
    QuestionReport,
    Report,
    SubmitReport,
)

About = tuple[Commitment, Disbursement | None]
"""The grant that a report is on, and the payment that it names."""


async def _about(context: Context, command: SubmitReport | AcceptReport) -> tuple[About, Fund]:
    """Return what a new report is about, for the grantee or the fund that gave."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    must_be_grant(commitment)
    context.require((commitment.from_fund,), commitment.parties)
    named = None
    if command.disbursement is not None:
        named = await context.get(Disbursement, command.disbursement, "/disbursement")
    return (commitment, named), await context.get(Fund, commitment.from_fund)


async def submit(context: Context, command: SubmitReport) -> Draft:
    """Submit what was spent under a grant."""
    about, fund = await _about(context, command)
    report_id = await context.new_id(Report, command.id)
    return rules.submit(context.act(command.effective_on, fund), command, report_id, about, fund)


async def _found(context: Context, report_id: str) -> tuple[Report, Fund]:
    """Return a report and the fund it is to, for that fund or the grantee."""
    report = await context.get(Report, report_id, "/report")
    context.require((report.fund,), (report.party,))
    return report, await context.get(Fund, report.fund)


async def _told(context: Context, commitment: Commitment) -> list[Report]:
    """Return a grant's reports."""
    return await context.unit.find_all(Report, "commitment", [commitment.id])


async def question(context: Context, command: QuestionReport) -> Draft:
    """Question a submitted report."""
    report, fund = await _found(context, command.report)
    return rules.question(context.act(command.effective_on, fund), command, report)


async def answer(context: Context, command: AnswerReport) -> Draft:
    """Answer a questioned report."""
    report, fund = await _found(context, command.report)
    return rules.answer(context.act(command.effective_on, fund), command, report, fund)


async def decide(context: Context, command: DecideReport) -> Draft:
    """Decide a submitted report: accept it, or a part, and claim back what is not eligible."""
    report, fund = await _found(context, command.report)
    commitment = await context.get(Commitment, report.commitment)
    named = await context.get(Disbursement, report.disbursement) if report.disbursement else None
    refund_id = await context.new_id(Refund, command.refund, "/refund")
    act = context.act(command.effective_on, fund)
    draft = rules.decide(act, command, (report, commitment, named), fund, refund_id)
    draft = must_be_answered(draft, report, await _twins(context, report))
    return rules.within_paid(draft, (commitment, named), await _told(context, commitment))


async def _twins(context: Context, report: Report) -> list[tuple[OverlapCase, Report]]:
    """Return confirmed cases that a report's cost was charged twice, each with the other report."""
    found = [
        case
        for field in ("first", "second")
        for case in await context.unit.find_all(OverlapCase, field, [report.id])
        if case.effect == "question"
    ]
    others = [(case, await context.unit.find(Report, other_of(case, report.id))) for case in found]
    return [(case, other) for case, other in others if other is not None]  # None: taken back


async def accept(context: Context, command: AcceptReport) -> Draft:
    """Accept expenditure under a grant that was reported by other ways."""
    about, fund = await _about(context, command)
    report_id = await context.new_id(Report, command.id)
    refund_id = await context.new_id(Refund, command.refund, "/refund")
    act = context.act(command.effective_on, fund)
    draft = rules.accept(act, command, (report_id, refund_id), about, fund)
    return rules.within_paid(draft, about, await _told(context, about[0]))


_SUBJECT = (Report, "report")
VERBS = (
    Verb("report.submit", SubmitReport, submit, "/commitments/{commitment}/reports"),
    Verb("report.question", QuestionReport, question, "/reports/{report}/question", _SUBJECT),
    Verb("report.answer", AnswerReport, answer, "/reports/{report}/answer", _SUBJECT),
    Verb("report.decide", DecideReport, decide, "/reports/{report}/decide", _SUBJECT),
    Verb("report.accept", AcceptReport, accept, "/reports"),
)
