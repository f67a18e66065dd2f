"""Contributions in kind."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import in_kind as rules
from mfm.core.in_kind import InKind, RecordInKind
from mfm.core.parties import Party
from mfm.core.record import Draft


async def record(context: Context, command: RecordInKind) -> Draft:
    """Record expertise that a party gave and a fund used."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    await context.get(Party, command.donor, "/donor")
    in_kind_id = await context.new_id(InKind, command.id)
    return rules.record(context.act(command.effective_on, fund), command, in_kind_id, fund)


VERBS = (Verb("in-kind.record", RecordInKind, record, "/in-kind"),)
