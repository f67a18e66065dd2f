"""Remedies: what somebody can do about a fact that a policy misses, or that violates a rule.

Only facts that people give are here; the others follow from the books.
"""

from collections.abc import Iterable

ATTESTED: dict[str, tuple[str, ...]] = {
    "registration": ("organisation.registration_verified_on",),
    "host": ("organisation.host_agreement_until", "organisation.host_eligible"),
    "level": ("organisation.level", "organisation.level_verified_on"),
    "type": ("organisation.types",),
    "ingo-affiliate": ("organisation.ingo_affiliate",),
    "mission": ("organisation.mission_verified_on",),
    "women-in-leadership": ("organisation.women_in_leadership",),
    "peer-attestation": ("organisation.peer_attested_on",),
    "annual-budget": ("organisation.annual_budget",),
    "due-diligence": (
        "organisation.due_diligence_status",
        "organisation.due_diligence_valid_until",
    ),
    "sanctions-screening": (
        "organisation.screened_on",
        "organisation.screening_valid_until",
        "organisation.screening_open_hits",
    ),
    "bank-account": (
        "account.of_receiver",
        "account.verified_on",
        "account.days_since_change",
    ),
    "overdue-exception": ("organisation.overdue_exception_until",),
}
"""Kind of attestation -> the facts that it gives."""
_FIELDS = {
    "marker.in_scheme": "marker",
    "marker.justified": "marker_justification",
    "marker.reviewed_by_another": "marker_author",
    "agreement.source_kind": "source_kind",
    "agreement.local_amount": "application",
    "agreement.overhead_shared": "application",
    "fees.direct": "application",
}
"""Fact -> the field of the step that gives it."""
_OTHERS = {"overlap.confirmed": "overlap.reopen"}
"""Fact -> the verb that people mend it by, once they think otherwise."""
_REMEDIES = (
    _FIELDS
    | _OTHERS
    | {fact: f"party.attest kind={kind}" for kind, facts in ATTESTED.items() for fact in facts}
)


def remedies(facts: Iterable[str]) -> tuple[str, ...]:
    """Return what gives facts, each once: a verb with its field, or a step's own."""
    return tuple(dict.fromkeys(_REMEDIES[fact] for fact in facts if fact in _REMEDIES))
