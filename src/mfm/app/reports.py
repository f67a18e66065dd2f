"""Reports: accepting what a grantee says it spent."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import reports as rules
from mfm.core.commitments import Commitment
from mfm.core.funds import Fund
from mfm.core.record import Draft
from mfm.core.reports import AcceptReport, Report


async def accept(context: Context, command: AcceptReport) -> Draft:
    """Accept expenditure under a grant."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    rules.must_be_grant(commitment)
    context.require((commitment.from_fund,))
    fund = await context.get(Fund, commitment.from_fund)
    report_id = await context.new_id(Report, command.id)
    act = context.act(command.effective_on, fund)
    return rules.accept(act, command, report_id, commitment, fund)


VERBS = (Verb("report.accept", AcceptReport, accept, "/reports"),)
