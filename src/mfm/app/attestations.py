"""Attestations: facts about parties, verified by others."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import attestations as rules
from mfm.core.attestations import Attestation, AttestParty, WithdrawAttestation
from mfm.core.errors import Invalid
from mfm.core.parties import Party
from mfm.core.record import Draft


async def attest(context: Context, command: AttestParty) -> Draft:
    """Attest a fact about a party."""
    context.require()
    party = await context.get(Party, command.party, "/party")
    if command.kind == "host" and await context.unit.find(Party, command.value) is None:
        raise Invalid("not-found", f"There is no party {command.value}.", "/value")
    before = await context.unit.find(Attestation, rules.id_of(command))
    return rules.attest(context.act(None), command, before, party.country)


async def withdraw(context: Context, command: WithdrawAttestation) -> Draft:
    """Withdraw an attestation."""
    context.require()
    attestation = await context.get(Attestation, command.attestation, "/attestation")
    return rules.withdraw(context.act(None), attestation)


VERBS = (
    Verb("party.attest", AttestParty, attest, "/parties/{party}/attestations"),
    Verb(
        "attestation.withdraw",
        WithdrawAttestation,
        withdraw,
        "/attestations/{attestation}/withdraw",
        (Attestation, "attestation"),
    ),
)
