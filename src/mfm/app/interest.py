"""Interest that a fund's bank accounts earn."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import interest as rules
from mfm.core.interest import EarnInterest, Interest
from mfm.core.record import Draft


async def earn(context: Context, command: EarnInterest) -> Draft:
    """Record interest that a fund's bank paid."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    interest_id = await context.new_id(Interest, command.id)
    return rules.earn(context.act(command.effective_on, fund), command, interest_id, fund)


VERBS = (Verb("interest.earn", EarnInterest, earn, "/interest"),)
