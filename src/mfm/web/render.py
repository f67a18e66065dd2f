"""Answers: nouns and records as JSON, money always with its currency."""

from typing import Any

from msgspec import Struct, json, to_builtins

from mfm.core.boards import tally
from mfm.core.money import decimal_text
from mfm.core.motions import Motion
from mfm.core.nouns import NOUNS
from mfm.core.overlap_cases import OverlapCase
from mfm.core.record import Noun, restore

HIDDEN = frozenset({"prev", "digest", "mask"})
"""Fields that are kept, not told: `seq` leads to the record, which has what came before."""


def money_json(amount_minor: int, currency: str) -> dict[str, str]:
    """Return minor units as money on the wire."""
    return {"amount": decimal_text(amount_minor, currency), "currency": currency}


DISCREET: dict[type[Struct], tuple[str, ...]] = {OverlapCase: ("id", "seq", "status", "effect")}
"""Nouns of which outcomes tell these fields alone; their own address knows who may see more."""


def noun_json(noun: Noun) -> dict[str, Any]:
    """Return a noun's state as JSON: `x_minor` becomes the money `x`; a motion tells its tally."""
    if type(noun) in DISCREET:
        return {name: getattr(noun, name) for name in DISCREET[type(noun)]}
    told = _told(noun, getattr(noun, "currency", ""))
    if isinstance(noun, Motion):
        told["tally"] = tally(noun.votes)
    return told


def _told(value: Struct, currency: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if name in HIDDEN:
            continue
        if name.endswith("_minor"):
            own = getattr(value, "original_currency", "") if name.startswith("original") else ""
            whose = own or currency
            told[name.removesuffix("_minor")] = money_json(field, whose) if whose else None
        elif isinstance(field, tuple):
            told[name] = [
                _told(each, currency) if isinstance(each, Struct) else each for each in field
            ]
        else:
            told[name] = to_builtins(field)
    return told


class _OutcomeBody(Struct, frozen=True):
    verb: str
    effective_on: str = ""
    sets: dict[str, list[dict[str, Any]]] = {}
    reverses: int = 0


class _Outcome(Struct, frozen=True):
    """What of a record an outcome tells: the rest is passed over, unread."""

    at: str
    seq: int
    body: _OutcomeBody


_decode_outcome = json.Decoder(_Outcome, strict=False).decode


def outcome_json(content: bytes) -> tuple[dict[str, Any], str]:
    """Return what a verb's caller is told, and the address of what it made.

    Both come from the record's own bytes, so they are the same for ever. The address is that of
    the first noun that the record made, or the record's own.
    """
    record = _decode_outcome(content)
    body, location = record.body, f"/v1/records/{record.seq}"
    told: dict[str, Any] = {
        "seq": record.seq,
        "verb": body.verb,
        "recorded_at": record.at,
        "effective_on": body.effective_on,
        "record": location,
        "receipt": f"{location}/receipt",
    }
    if body.sets:
        told["changed"] = {
            kind: [noun_json(restore(state, NOUNS[kind])) for state in states]
            for kind, states in body.sets.items()
        }
        made = (
            f"/v1/{PLURALS[kind]}/{state['id']}"
            for kind, states in body.sets.items()
            for state in states
            if state["prev"] == "0"
        )
        location = next(made, location)
    if body.reverses:
        told["reverses"] = body.reverses
    return told, location


PLURALS = {
    "party": "parties",
    "rate": "rates",
    "period": "periods",
    "chart_account": "chart-accounts",
    "opening_balance": "opening-balances",
    "conversion": "conversions",
    "foreign_payment": "foreign-payments",
    "revaluation": "revaluations",
    "fund": "funds",
    "pledge": "pledges",
    "commitment": "commitments",
    "deposit": "deposits",
    "donor_refund": "donor-refunds",
    "unidentified_receipt": "unidentified-receipts",
    "interest": "interest",
    "condition": "conditions",
    "cost": "costs",
    "in_kind": "in-kind",
    "allocation": "allocations",
    "board": "boards",
    "seat": "seats",
    "motion": "motions",
    "attestation": "attestations",
    "standards": "standards",
    "policy": "policies",
    "decision": "decisions",
    "waiver": "waivers",
    "contest": "contests",
    "call": "calls",
    "comment": "comments",
    "application": "applications",
    "overlap_case": "overlaps",
    "overlap_answer": "overlap-answers",
    "sharing_agreement": "sharing-agreements",
    "disbursement": "disbursements",
    "report": "reports",
    "refund": "refunds",
    "write_off": "write-offs",
    "api_key": "keys",
    "status_link": "links",
    "bank_statement": "bank-statements",
    "import": "imports",
    "reported_activity": "imports",
    "reported_transaction": "imports",
}
"""The part of the address under which each kind of noun is found."""


def record_json(content: bytes) -> dict[str, Any]:
    """Return a record for reading: its envelope and its body, as its bytes say."""
    told: dict[str, Any] = json.decode(content)
    told["seq"] = int(told["seq"])
    return told
