"""What may be attested of a party, by whom, and how the fold and the database hold it too."""

from datetime import date, timedelta

import pytest
from msgspec import convert, structs

from mfm.core import attestations, standards
from mfm.core.attestations import Attestation, AttestParty
from mfm.core.standards import SetStandards, Standards
from tests.core.drafts import DAY, G, act, invalid, one, refused, usd

HASH = "0f" * 32
SOUND: list[tuple[str, dict[str, object]]] = [
    ("registration", {}),
    ("host", {"value": "agent", "valid_until": DAY}),
    ("level", {"value": "grassroots"}),
    ("type", {"value": "women-led"}),
    ("ingo-affiliate", {"value": "no"}),
    ("mission", {}),
    ("women-in-leadership", {"value": "75"}),
    ("peer-attestation", {}),
    ("annual-budget", {"amount": usd("5000.00")}),
    ("due-diligence", {"value": "passed", "valid_until": DAY + timedelta(days=700)}),
    ("sanctions-screening", {"value": "clear"}),
    ("bank-account", {"value": HASH}),
    ("audit-finding", {"value": "critical", "reference": "f-1"}),
    ("overdue-exception", {"valid_until": DAY}),
    ("city", {"value": "Bukavu"}),
    ("website", {"value": "https://www.Example.ORG/en?x=1"}),
    ("phone", {"contact": "+243 81 234 5678"}),
    ("email", {"contact": "Office@Example.org"}),
    ("address", {"contact": "12, avenue de la Paix, Bukavu"}),
    ("signatory", {"contact": "A. B. Exemple"}),
]
WRONG: list[tuple[str, str, dict[str, object]]] = [
    ("attestation-value", "registration", {"value": "yes"}),
    ("attestation-value", "level", {"value": "galactic"}),
    ("attestation-value", "level", {"value": "local|national"}),
    ("attestation-value", "women-in-leadership", {"value": "101"}),
    ("attestation-value", "women-in-leadership", {"value": "\u0667\u0665"}),
    ("attestation-value", "bank-account", {"value": "DE02 1203"}),
    ("attestation-value", "host", {"value": "group", "valid_until": DAY}),
    ("attestation-value", "annual-budget", {}),
    ("attestation-value", "mission", {"amount": usd("1.00")}),
    ("attestation-value", "audit-finding", {"value": "minor"}),
    ("attestation-value", "mission", {"reference": "f-1"}),
    ("attestation-value", "city", {}),
    ("attestation-value", "city", {"value": "Goma\n"}),
    ("attestation-value", "city", {"value": "x" * 101}),
    ("attestation-value", "website", {"value": "no domain"}),
    ("attestation-value", "website", {"value": "facebook.com/groups/1"}),
    ("attestation-value", "website", {"value": f"{'x' * 64}.org"}),
    ("attestation-value", "phone", {"contact": "+243 81 234 5678", "value": "1"}),
    ("attestation-value", "email", {"contact": "a@example.org", "value": "example.org"}),
    ("attestation-contact", "phone", {}),
    ("attestation-contact", "phone", {"contact": "081 234 5678"}),  # of which country?
    ("attestation-contact", "phone", {"contact": "+243 12"}),
    ("attestation-contact", "email", {"contact": "example.org"}),
    ("attestation-contact", "address", {"contact": "- 5 -"}),
    ("attestation-contact", "mission", {"contact": "A mission"}),
    ("attestation-dates", "mission", {"verified_on": DAY + timedelta(days=1)}),
    ("attestation-dates", "due-diligence", {"value": "passed"}),
    ("attestation-dates", "mission", {"valid_until": DAY - timedelta(days=1)}),
]


def asked(kind: str, **fields: object) -> AttestParty:
    return AttestParty(party="group", kind=kind, source="a register", **fields)


def attested(command: AttestParty, before: Attestation | None = None) -> Attestation:
    return one(attestations.attest(act(), command, before), Attestation)


@pytest.mark.parametrize(("kind", "fields"), SOUND, ids=[each[0] for each in SOUND])
def test_each_kind_has_its_form(kind: str, fields: dict[str, object]) -> None:
    made = attested(asked(kind, **fields))
    assert (made.kind, made.status, made.verified_on, made.verifier) == (
        kind,
        "in-force",
        DAY,
        "party",
    )
    assert convert(structs.asdict(made), Attestation) == made


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _ in SOUND} == set(attestations.VALUES)


@pytest.mark.parametrize(("code", "kind", "fields"), WRONG)
def test_another_form_is_refused(code: str, kind: str, fields: dict[str, object]) -> None:
    invalid(code, lambda: attested(asked(kind, **fields)))


def test_a_contact_is_told_beside_the_record_and_a_domain_in_it() -> None:
    for kind, fields in SOUND[-4:]:
        made = attested(asked(kind, **fields))
        assert str(fields["contact"]) not in str(made)
    assert attested(asked("website", value="Example.org")).value == "example.org"
    assert (
        attested(asked("website", value="http://\u0645\u062b\u0627\u0644.com")).value
        == "xn--mgbh0fb.com"
    )
    assert attested(asked("email", contact="office@example.org")).value == "example.org"
    assert attested(asked("email", contact="group@mail.yahoo.fr")).value == ""  # everybody's
    command = asked("phone", contact="081 234 5678")
    made = one(attestations.attest(act(), command, None, "CD"), Attestation)
    assert made.value == ""


def test_nobody_attests_for_itself() -> None:
    own = structs.replace(asked("mission"), party="party")
    refused("conflict-of-interest", lambda: attested(own))
    made = attested(asked("mission"))
    mine = structs.replace(made, party="party")
    refused("conflict-of-interest", lambda: attestations.withdraw(act(), mine))
    gone = one(attestations.withdraw(act(), made), Attestation)
    assert gone.status == "withdrawn"
    refused("attestation-state", lambda: attestations.withdraw(act(), gone))


def test_an_account_changed_on_the_day_it_became_another() -> None:
    first = attested(asked("bank-account", value=HASH, verified_on=date(2025, 1, 1)))
    again = attested(asked("bank-account", value=HASH), first)
    assert (again.verified_on, again.changed_on) == (DAY, date(2025, 1, 1))
    other = attested(asked("bank-account", value="1f" * 32), again)
    assert other.changed_on == DAY
    withdrawn = structs.replace(first, status="withdrawn")
    assert attested(asked("bank-account", value=HASH), withdrawn).changed_on == DAY


def test_types_and_findings_are_several() -> None:
    names = {
        attested(asked("type", value=value)).id for value in ("women-led", "network", "academia")
    }
    assert len(names) == 3
    finding = attested(asked("audit-finding", value="minor", reference="f-1"))
    graver = attested(asked("audit-finding", value="critical", reference="f-1"), finding)
    assert finding.id == graver.id


def test_a_fund_sets_its_floors_one_at_a_time() -> None:
    none = standards.none_of(G)
    command = SetStandards(fund="g", women_rights_percent=30)
    made = one(standards.set_standards(act(), command, none), Standards)
    assert (made.id, made.women_rights_percent, made.local_percent) == ("g", 30, 0)
    more = SetStandards(fund="g", local_percent=25)
    both = one(standards.set_standards(act(), more, made), Standards)
    assert (both.women_rights_percent, both.local_percent) == (30, 25)
    invalid("field-missing", lambda: standards.set_standards(act(), SetStandards(fund="g"), made))
