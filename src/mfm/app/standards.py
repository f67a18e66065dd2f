"""Standards: what a fund's board has set."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import standards as rules
from mfm.core.record import Draft
from mfm.core.standards import SetStandards, Standards


async def set_standards(context: Context, command: SetStandards) -> Draft:
    """Set a fund's floors and limits."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    standing = await context.unit.find(Standards, fund.id)
    act = context.act(None, fund)
    return rules.set_standards(act, command, standing or rules.none_of(fund))


VERBS = (Verb("fund.set-standards", SetStandards, set_standards, "/funds/{fund}/standards"),)
