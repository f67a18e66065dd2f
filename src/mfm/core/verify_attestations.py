"""Verification, attestations: each fact about a party is another's word, in its kind's form."""

from collections.abc import Iterable, Mapping

from mfm.core.attestations import Attestation
from mfm.core.contacts import PERSONAL, is_shared
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Told

Rows = Mapping[str, Mapping[str, Noun]]
_WORDS = {
    "level": "grassroots local national regional international",
    "type": "women-rights women-led young-women-led civil-society local-government"
    " national-government network intermediary academia",
    "ingo-affiliate": "yes no",
    "due-diligence": "passed failed pending",
    "sanctions-screening": "clear hit",
    "audit-finding": "critical major minor",
}
_SILENT = ("registration", "mission", "peer-attestation", "annual-budget", "overdue-exception")
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_CITY_CHARS_MAX = 100
_ENDING = ("host", "due-diligence", "overdue-exception")
_HEX = frozenset("0123456789abcdef")


def check(rows: Rows, told: Told, changes: Iterable[tuple[Noun | None, Noun]]) -> None:
    """Hold what a record attests.

    Args:
        rows: kind -> id -> state, as the record leaves them.
        told: the record; not a reversal.
        changes: (state before, state) of each noun that it sets.

    Raises:
        Differs: `attestation-form`, `four-eyes`.
    """
    for before, state in changes:
        if not isinstance(state, Attestation) or state.status == "reversed":
            continue
        if told.actor["party"] == state.party:
            raise Differs("four-eyes", told.seq, f"{state.party} attests {state.id} itself.")
        if told.verb == "party.attest":
            _check_made(rows, told, state, before)


def _check_made(rows: Rows, told: Told, state: Attestation, before: Noun | None) -> None:
    actor = told.actor
    changed = before.changed_on if isinstance(before, Attestation) else None
    same = (
        isinstance(before, Attestation)
        and before.status == "in-force"
        and before.value == state.value
    )
    account_on = changed if same else state.verified_on
    sound = (
        (state.verified_by, state.verifier) == (actor["key"], actor["party"])
        and state.id == _name(state)
        and _fits(rows, state)
        and state.verified_on <= told.effective_on
        and (state.valid_until is None or state.valid_until >= state.verified_on)
        and (state.valid_until is not None or state.kind not in _ENDING)
        and (state.kind == "annual-budget") == (state.amount_minor > 0) == bool(state.currency)
        and (state.kind == "audit-finding") == bool(state.reference)
        and (state.kind in PERSONAL) == ("contact" in told.commit)
        and state.changed_on == (account_on if state.kind == "bank-account" else None)
    )
    if not sound:
        detail = f"{state.id} is not what {actor['party']} may attest on {told.effective_on}."
        raise Differs("attestation-form", told.seq, detail)


def _name(state: Attestation) -> str:
    rest = state.reference or (state.value if state.kind == "type" else "")
    return f"{state.party}.{state.kind}" + (f".{rest}" if rest else "")


def _is_domain(value: str) -> bool:
    labels = value.split(".")
    return (
        len(labels) > 1
        and all(0 < len(each) <= 63 and _LABEL.issuperset(each) for each in labels)  # noqa: PLR2004  # RFC 1035
        and not any(each.startswith("-") or each.endswith("-") for each in labels)
        and labels[-1][0].isalpha()
        and not is_shared(value)
    )


def _fits(rows: Rows, state: Attestation) -> bool:
    """Tell whether a value is one of its kind's."""
    kind, value = state.kind, state.value
    percent = value.isascii() and value.isdigit() and value == str(int(value))
    forms = {
        "city": 0 < len(value.strip()) == len(value) <= _CITY_CHARS_MAX and "\n" not in value,
        "website": _is_domain(value),
        "email": not value or _is_domain(value),
        "host": value in rows["party"] and value != state.party,
        "women-in-leadership": percent and int(value) <= 100,  # noqa: PLR2004  # a percentage
        "bank-account": len(value) == 64 and set(value) <= _HEX,  # noqa: PLR2004  # a SHA-256 in hex
    }
    if kind in _WORDS:
        return value in _WORDS[kind].split()
    return forms.get(kind, kind in (*_SILENT, *PERSONAL) and not value)
