"""Pledges: announced, and lapsing."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import pledges as rules
from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.core.pledges import AnnouncePledge, LapsePledge, Pledge
from mfm.core.record import Draft


async def announce(context: Context, command: AnnouncePledge) -> Draft:
    """Announce a pledge of a party to a fund."""
    context.require((command.fund,), (command.donor,))
    fund = await context.kept(command.fund)
    await context.get(Party, command.donor, "/donor")
    pledge_id = await context.new_id(Pledge, command.id)
    return rules.announce(context.act(command.effective_on, fund), command, pledge_id, fund)


async def lapse(context: Context, command: LapsePledge) -> Draft:
    """Let a pledge lapse, in whole or in part."""
    pledge = await context.get(Pledge, command.pledge, "/pledge")
    context.require((pledge.fund,))
    fund = await context.get(Fund, pledge.fund)
    return rules.lapse(context.act(command.effective_on, fund), command, pledge, fund)


VERBS = (
    Verb("pledge.announce", AnnouncePledge, announce, "/pledges"),
    Verb("pledge.lapse", LapsePledge, lapse, "/pledges/{pledge}/lapse", (Pledge, "pledge")),
)
