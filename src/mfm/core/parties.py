"""Parties: any organisation or public body (IATI organisation)."""

import re
from typing import Annotated, Literal

from msgspec import Meta, structs

from mfm.core.countries import check_country
from mfm.core.errors import Invalid, Refused
from mfm.core.record import Draft, Noun
from mfm.core.terms import NO_NUL, Act, Command, Id, Name, Text

Kind = Literal[
    "",
    "10",
    "11",
    "15",
    "21",
    "22",
    "23",
    "24",
    "30",
    "40",
    "60",
    "70",
    "71",
    "72",
    "73",
    "80",
    "90",
]
"""IATI OrganisationType: 10 government ... 22 national NGO, 30 partnership, 40 multilateral ..."""
_KIND = "IATI organisation type: 10 government, 22 national NGO, 40 multilateral, 60 foundation ..."
Country = Annotated[str, Meta(pattern=r"^([A-Z]{2})?$(?!\n)", description="ISO 3166-1 alpha-2")]
Identifier = Annotated[str, Meta(max_length=300, pattern=NO_NUL, description="IATI identifier")]


# A country or a supra-national prefix (ISO 3166, XI, XM ...), with or without a subdivision.
_ORGANISATION = re.compile(r"[A-Z]{2}(?:_[A-Z]{2,3})?-\S+")
_PLACEHOLDERS = frozenset({"", "N/A", "NA", "NONE", "NULL", "UNKNOWN", "TBC", "TBD", "XXX"})


def organisation_key(reported: str) -> str:
    """Return a reference fit to be a key, or "" for junk.

    A well-formed identifier is `<agency>-<rest>` (IATI Standard, organisation identifiers), where
    the agency begins with a country code or an X code: GB-COH-294860, SE-0, XM-DAC-41301. Names,
    "N/A", bare numbers (sectors, CRS channels) and agencies followed by a placeholder are junk:
    organisations that have nothing to do with each other would share them.
    """
    ref = reported.strip()
    if _ORGANISATION.fullmatch(ref) is None or ref.rpartition("-")[2].upper() in _PLACEHOLDERS:
        return ""
    return ref


class Party(Noun, frozen=True, kw_only=True):
    """An organisation.

    Attributes:
        name: as it calls itself.
        identifier: IATI organisation identifier, or "".
        kind: IATI OrganisationType code (10 government ... 22 local NGO ...), or "".
        country: ISO 3166-1 alpha-2, or "".
        at_risk: whether publicity would endanger it: no public output names it.
        mask: random bits from which its pseudonym is made, "" while it never was at risk.
        merged_into: the party that it was found to be (a case of overlap), or "".
    """

    name: str
    identifier: str = ""
    kind: str = ""
    country: str = ""
    at_risk: bool = False
    mask: str = ""
    merged_into: str = ""


class RegisterParty(Command, frozen=True, kw_only=True):
    """Register an organisation or public body."""

    id: Id | None = None
    name: Name
    identifier: Identifier = ""
    kind: Annotated[Kind, Meta(description=_KIND)] = ""
    country: Country = ""
    at_risk: bool = False


class SetRisk(Command, frozen=True, kw_only=True):
    """Set whether publicity would endanger a party: exports name it by a pseudonym."""

    party: Id
    at_risk: bool = True
    reason: Text = ""


def register(act: Act, command: RegisterParty, party_id: str, mask: str = "") -> Draft:
    """Record that an organisation is known to the mechanism.

    Args:
        act: who, and the day.
        command: what is asked.
        party_id: its id.
        mask: fresh random bits, kept for one at risk.

    Raises:
        Invalid: `country-unknown`, `identifier-malformed`.
    """
    check_country(command.country, "/country")
    if command.identifier and organisation_key(command.identifier) != command.identifier:
        detail = (
            f"{command.identifier[:60]!r} identifies no organisation: a register's prefix, a dash"
            " and the number there, such as GB-COH-294860."
        )
        raise Invalid("identifier-malformed", detail, "/identifier")
    party = Party(
        id=party_id,
        status="registered",
        name=command.name,
        identifier=command.identifier,
        kind=command.kind,
        country=command.country,
        at_risk=command.at_risk,
        mask=mask if command.at_risk else "",
    )
    return Draft(effective_on=act.on, sets=(party,))


def set_risk(act: Act, command: SetRisk, party: Party, mask: str) -> Draft:
    """Record whether a party is at risk; a mask it has once had stays its mask.

    Raises:
        Refused: `risk-unchanged`.
    """
    if command.at_risk == party.at_risk:
        state = "at risk" if party.at_risk else "not at risk"
        raise Refused("risk-unchanged", f"Party {party.id} is {state} already.", "/at_risk")
    changed = structs.replace(party, at_risk=command.at_risk, mask=party.mask or mask)
    return Draft(effective_on=act.on, sets=(changed,))
