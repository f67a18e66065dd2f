"""Waivers: holds of policies lifted by the roles that their rules name."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import judgements as rules
from mfm.core.funds import Fund
from mfm.core.judgements import RevokeWaiver, SignWaiver, Waiver
from mfm.core.record import Draft


async def sign(context: Context, command: SignWaiver) -> Draft:
    """Lift a hold of rules that name this role, for one step."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    waiver_id = await context.new_id(Waiver, command.id)
    return rules.sign(context.act(None, fund), command, waiver_id)


async def revoke(context: Context, command: RevokeWaiver) -> Draft:
    """Revoke a waiver."""
    waiver = await context.get(Waiver, command.waiver, "/waiver")
    context.require((waiver.fund,))
    return rules.revoke(context.act(None, await context.get(Fund, waiver.fund)), waiver)


VERBS = (
    Verb("waiver.sign", SignWaiver, sign, "/waivers"),
    Verb("waiver.revoke", RevokeWaiver, revoke, "/waivers/{waiver}/revoke", (Waiver, "waiver")),
)
