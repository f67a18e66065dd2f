"""Attestations: facts about a party that somebody else has verified, each with source and day.

Policies ask for these: whether an organisation is registered, how far it works, who leads it, what
its screening found. The newest of a kind counts; what was said before stays in its records.
"""

import re
from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, structs

from mfm.core import contacts
from mfm.core.calls import Level, OrganisationType
from mfm.core.contacts import DOMAIN, DOMAIN_CHARS_MAX, PERSONAL
from mfm.core.errors import Invalid, Refused
from mfm.core.money import Money, minor
from mfm.core.record import Draft, Noun
from mfm.core.terms import NO_NUL, Act, Command, Id, Name, Text, Why

Kind = Literal[
    "registration",
    "host",
    "level",
    "type",
    "ingo-affiliate",
    "mission",
    "women-in-leadership",
    "peer-attestation",
    "annual-budget",
    "due-diligence",
    "sanctions-screening",
    "bank-account",
    "audit-finding",
    "overdue-exception",
    "city",
    "website",
    "phone",
    "email",
    "address",
    "signatory",
]
AttestationId = Annotated[
    str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,199}$(?!\n)", description="Of an attestation")
]
VALUES: dict[str, str] = {
    "registration": "",
    "host": r"[a-z0-9][a-z0-9._-]{0,62}",
    "level": "|".join(get_args(Level)),
    "type": "|".join(get_args(OrganisationType)),
    "ingo-affiliate": "yes|no",
    "mission": "",
    "women-in-leadership": r"100|[1-9]?[0-9]",
    "peer-attestation": "",
    "annual-budget": "",
    "due-diligence": "passed|failed|pending",
    "sanctions-screening": "clear|hit",
    "bank-account": r"[0-9a-f]{64}",
    "audit-finding": "critical|major|minor",
    "overdue-exception": "",
    "city": r"\S(.{0,98}\S)?",
    "website": DOMAIN,
    "phone": "",
    "email": f"({DOMAIN})?",
    "address": "",
    "signatory": "",
}
"""kind -> what its value may be: a host's party, a percentage, the SHA-256 of an account ..."""
_FORMS = {
    "host": "the id of the host's party",
    "women-in-leadership": "a whole number of per cent from 0 to 100",
    "bank-account": "the SHA-256 of the account, never the account: 64 digits from 0 to f",
    "city": "where it is, in one line of at most 100 letters",
    "website": "a domain of its own, such as example.org",
    "email": "no value: tell the address as the contact",
}
"""kind -> what its value may be, in words, where VALUES is a form."""
SEVERAL = ("type", "audit-finding")
"""Kinds of which a party may have more than one."""
_LASTING = ("host", "due-diligence", "overdue-exception")
"""Kinds that say until when they are valid."""


class Attestation(Noun, frozen=True, kw_only=True):
    """A verified fact about a party: in force, or withdrawn.

    Attributes:
        party: about whom.
        kind: what is attested.
        value: what was found, in the form that VALUES has for the kind; "" where the kind says
            all, or what was found stands beside the record; of an e-mail address its domain.
        reference: of an audit finding, or "".
        currency: of an annual budget, or "".
        amount_minor: an annual budget, else 0.
        source: the document or register it is from, public.
        verified_on: the day it was verified.
        valid_until: the last day that it counts, None for no end.
        changed_on: of a bank account, the day on which it became this one; else None.
        verified_by: the key that says so.
        verifier: its party, never the party itself.
    """

    party: str
    kind: str
    value: str = ""
    reference: str = ""
    currency: str = ""
    amount_minor: int = 0
    source: str
    verified_on: date
    valid_until: date | None = None
    changed_on: date | None = None
    verified_by: str
    verifier: str


Contact = Annotated[
    str,
    Meta(
        max_length=300,
        pattern=NO_NUL,
        description="Telephone number, e-mail address, postal address or signatory",
        extra={"free_text": True},
    ),
]
"""Beside the record, as free text is, for it is often a person's; so it can be erased."""


class AttestParty(Command, frozen=True, kw_only=True):
    """Attest a fact about a party that was verified, with its source."""

    party: Id
    kind: Kind
    value: Annotated[str, Meta(max_length=DOMAIN_CHARS_MAX)] = ""
    contact: Contact = ""
    reference: Id | None = None
    amount: Money | None = None
    source: Name
    verified_on: date | None = None
    valid_until: date | None = None
    evidence: Text = ""


class WithdrawAttestation(Command, frozen=True, kw_only=True):
    """Withdraw an attestation: a finding is closed, or what was attested holds no more."""

    attestation: AttestationId
    reason: Why


def id_of(command: AttestParty) -> str:
    """Return the id of what a command attests: one for a party and kind, but for SEVERAL."""
    parts = [command.party, command.kind]
    if command.kind in SEVERAL:
        parts.append(command.reference or command.value)
    return ".".join(parts)


def attest(act: Act, command: AttestParty, before: Attestation | None, country: str = "") -> Draft:
    """Record a verified fact about a party.

    Args:
        act: who verified it, and the day.
        command: what is attested.
        before: what was attested of this before, or None.
        country: the party's, as ISO 3166-1 has it, or "".

    Raises:
        Invalid: `attestation-value`, `attestation-contact`, `attestation-dates`, and as `minor`.
        Refused: `conflict-of-interest` where a party attests for itself.
    """
    if act.actor.party == command.party:
        detail = f"{command.party} does not attest a fact about itself."
        raise Refused("conflict-of-interest", detail, "/party")
    verified_on = command.verified_on or act.on
    value = _value(command)
    _check_value(command, value)
    _check_contact(command, country)
    _check_dates(act, command, verified_on)
    changed_on = None
    if command.kind == "host" and command.value == command.party:
        raise Invalid("attestation-value", "Nobody hosts itself.", "/value")
    if command.kind == "bank-account":
        same = before is not None and before.status == "in-force" and before.value == value
        changed_on = before.changed_on if same and before else verified_on
    made = Attestation(
        id=id_of(command),
        status="in-force",
        party=command.party,
        kind=command.kind,
        value=value,
        reference=command.reference or "",
        currency=command.amount.currency if command.amount else "",
        amount_minor=minor(command.amount, "/amount") if command.amount else 0,
        source=command.source,
        verified_on=verified_on,
        valid_until=command.valid_until,
        changed_on=changed_on,
        verified_by=act.actor.key,
        verifier=act.actor.party,
    )
    return Draft(effective_on=act.on, sets=(made,))


def _value(command: AttestParty) -> str:
    """Return the value as it is kept: of an address on the web or of mail, its domain."""
    if command.kind == "website":
        return contacts.domain_of(command.value) or command.value
    if command.kind == "email" and not command.value:
        domain = contacts.domain_of(command.contact)
        return "" if contacts.is_shared(domain) else domain
    return command.value


def _check_contact(command: AttestParty, country: str) -> None:
    if bool(command.contact) != (command.kind in PERSONAL):
        detail = f"The contact goes with {', '.join(PERSONAL)}, and with nothing else."
        raise Invalid("attestation-contact", detail, "/contact")
    if command.contact:
        contacts.check(command.kind, command.contact, country)


def _check_value(command: AttestParty, value: str) -> None:
    kind = command.kind
    if kind == "email" and command.value:
        raise Invalid("attestation-value", f"{kind} takes {_FORMS[kind]}.", "/value")
    if kind == "website" and contacts.is_shared(value):
        detail = f"Everybody may have an address at {value}: name a domain of its own."
        raise Invalid("attestation-value", detail, "/value")
    if not re.fullmatch(VALUES[kind], value, re.ASCII if kind != "city" else 0):
        wanted = _FORMS.get(kind) or VALUES[kind].replace("|", ", ") or "no value"
        raise Invalid("attestation-value", f"{kind} takes {wanted}.", "/value")
    if (command.amount is None) == (kind == "annual-budget"):
        detail = "An annual budget has an amount, and nothing else has."
        raise Invalid("attestation-value", detail, "/amount")
    if (command.reference is None) == (kind == "audit-finding"):
        detail = "An audit finding has a reference, and nothing else has."
        raise Invalid("attestation-value", detail, "/reference")


def _check_dates(act: Act, command: AttestParty, verified_on: date) -> None:
    if verified_on > act.on:
        raise Invalid("attestation-dates", f"{verified_on} is still to come.", "/verified_on")
    until = command.valid_until
    if (until is None and command.kind in _LASTING) or (until and until < verified_on):
        detail = f"Say until when {command.kind} is valid, not before {verified_on}."
        raise Invalid("attestation-dates", detail, "/valid_until")


def withdraw(act: Act, attestation: Attestation) -> Draft:
    """Record that an attestation counts no more.

    Raises:
        Refused: `attestation-state`, `conflict-of-interest` for the party itself.
    """
    if attestation.status != "in-force":
        detail = f"Attestation {attestation.id} is {attestation.status}."
        raise Refused("attestation-state", detail, "/attestation")
    if act.actor.party == attestation.party:
        detail = f"{attestation.party} does not withdraw what is attested of it."
        raise Refused("conflict-of-interest", detail, "/attestation")
    return Draft(effective_on=act.on, sets=(structs.replace(attestation, status="withdrawn"),))
