"""Parties: registering organisations."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import parties as rules
from mfm.core.errors import Invalid
from mfm.core.parties import Party, RegisterParty, SetRisk
from mfm.core.record import Draft


async def register(context: Context, command: RegisterParty) -> Draft:
    """Register an organisation; its IATI identifier, if it has one, must be new."""
    context.require()
    if command.identifier and (
        known := await context.unit.find_by(Party, "identifier", command.identifier)
    ):
        detail = f"{command.identifier} is party {known.id} already."
        raise Invalid("party-exists", detail, "/identifier")
    party_id = await context.new_id(Party, command.id)
    return rules.register(context.act(None), command, party_id, context.new_mask())


async def set_risk(context: Context, command: SetRisk) -> Draft:
    """Set whether publicity would endanger a party."""
    context.require()
    party = await context.get(Party, command.party, "/party")
    return rules.set_risk(context.act(None), command, party, context.new_mask())


VERBS = (
    Verb("party.register", RegisterParty, register, "/parties"),
    Verb("party.set-risk", SetRisk, set_risk, "/parties/{party}/set-risk", (Party, "party")),
)
