"""What is said to make a missing fact known is what the facts are taken from."""

import pytest

from mfm.app import policy_files
from mfm.core import attestations
from mfm.core.attestations import Attestation, AttestParty
from mfm.core.circumstances import Around, Circumstances
from mfm.core.parties import Party
from mfm.core.remedies import ATTESTED, remedies
from tests.core.drafts import DAY, G, act, one
from tests.core.test_attestations import SOUND

GROUP = Party(id="group", status="registered", name="Group", kind="22")


def known(*attested: Attestation) -> dict[str, object]:
    """Return what is known of an organisation by what is attested."""
    made, around = Circumstances(G), Around(attested=attested)
    made.organisation(GROUP, around, DAY)
    made.account(GROUP, around, DAY)
    return made.values


@pytest.mark.parametrize(("kind", "fields"), SOUND, ids=[each[0] for each in SOUND])
def test_an_attestation_gives_the_facts_that_name_it(kind: str, fields: dict[str, object]) -> None:
    asked = AttestParty(party="group", kind=kind, source="a register", **fields)
    made = one(attestations.attest(act(), asked, None), Attestation)
    before, after = known(), known(made)
    given = {name for name in after if after[name] != before.get(name)}
    if kind == "audit-finding":  # it is never missing: nobody found anything is a finding too
        assert given == {"organisation.open_critical_findings"}
        return
    facts = ATTESTED.get(kind, ())  # no rule asks for a contact: contacts are compared
    assert given | {"organisation.screening_valid_until"} == {
        *facts,
        "organisation.screening_valid_until",  # only where somebody said so
    }
    assert remedies(given) == ((f"party.attest kind={kind}",) if facts else ())


def test_remedies_are_told_once_and_of_facts_that_there_are() -> None:
    facts = policy_files.catalogue().facts
    assert all(name in facts for names in ATTESTED.values() for name in names)
    asked = ["marker.justified", "organisation.level", "organisation.level_verified_on"]
    assert remedies([*asked, "decision.on"]) == (
        "marker_justification",
        "party.attest kind=level",
    )
    for name in ("marker.in_scheme", "marker.reviewed_by_another", "agreement.source_kind"):
        assert name in facts
        assert remedies([name])
