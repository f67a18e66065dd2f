"""Parties: any organisation or public body (IATI organisation)."""

from typing import Annotated

from msgspec import Meta

from mfm.core.record import Draft, Noun
from mfm.core.terms import NO_NUL, Act, Command, Id, Name

Kind = Annotated[
    str, Meta(pattern=r"^([0-9]{2})?$(?!\n)", description="IATI OrganisationType code")
]
Country = Annotated[str, Meta(pattern=r"^([A-Z]{2})?$(?!\n)", description="ISO 3166-1 alpha-2")]
Identifier = Annotated[str, Meta(max_length=300, pattern=NO_NUL, description="IATI identifier")]


class Party(Noun, frozen=True, kw_only=True):
    """An organisation.

    Attributes:
        name: as it calls itself.
        identifier: IATI organisation identifier, or "".
        kind: IATI OrganisationType code (10 government ... 22 local NGO ...), or "".
        country: ISO 3166-1 alpha-2, or "".
    """

    name: str
    identifier: str = ""
    kind: str = ""
    country: str = ""


class RegisterParty(Command, frozen=True, kw_only=True):
    """Register an organisation or public body."""

    id: Id | None = None
    name: Name
    identifier: Identifier = ""
    kind: Kind = ""
    country: Country = ""


def register(act: Act, command: RegisterParty, party_id: str) -> Draft:
    """Record that an organisation is known to the mechanism."""
    party = Party(
        id=party_id,
        status="registered",
        name=command.name,
        identifier=command.identifier,
        kind=command.kind,
        country=command.country,
    )
    return Draft(effective_on=act.on, sets=(party,))
