"""Answers: nouns and records as JSON, money always with its currency."""

from typing import Any

from msgspec import Struct, json, to_builtins

from mfm.core.money import decimal_text
from mfm.core.record import Noun, parse, restore
from mfm.core.nouns import NOUNS

HIDDEN = frozenset({"prev", "digest"})
"""Fields that are kept, not told: `seq` leads to the record, which has what came before."""


def money_json(amount_minor: int, currency: str) -> dict[str, str]:
    """Return minor units as money on the wire."""
    return {"amount": decimal_text(amount_minor, currency), "currency": currency}


def noun_json(noun: Noun) -> dict[str, Any]:
    """Return a noun's state as JSON: `x_minor` becomes the money `x`."""
    return _told(noun, getattr(noun, "currency", ""))


def _told(value: Struct, currency: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if name in HIDDEN:
            continue
        if name.endswith("_minor"):
            own = getattr(value, "original_currency", "") if name.startswith("original") else ""
            told[name.removesuffix("_minor")] = money_json(field, own or currency)
        elif isinstance(field, tuple):
            told[name] = [_told(each, currency) for each in field]
        else:
            told[name] = to_builtins(field)
    return told


def outcome_json(content: bytes) -> dict[str, Any]:
    """Return what a verb's caller is told, from the record's own bytes: the same for ever."""
    record, body = parse(content)
    told: dict[str, Any] = {
        "seq": record.seq,
        "verb": body.verb,
        "recorded_at": record.at,
        "effective_on": body.effective_on,
        "record": f"/v1/records/{record.seq}",
    }
    if body.sets:
        told["changed"] = {
            kind: [noun_json(restore(state, NOUNS[kind])) for state in states]
            for kind, states in body.sets.items()
        }
    if body.reverses:
        told["reverses"] = body.reverses
    return told


def made_at(content: bytes) -> str:
    """Return the address of the noun that a record made first, or of the record itself."""
    record, body = parse(content)
    for kind, states in body.sets.items():
        for state in states:
            if "prev" not in state or state["prev"] == "0":
                return f"/v1/{PLURALS[kind]}/{state['id']}"
    return f"/v1/records/{record.seq}"


PLURALS = {
    "party": "parties",
    "fund": "funds",
    "pledge": "pledges",
    "commitment": "commitments",
    "deposit": "deposits",
    "allocation": "allocations",
    "disbursement": "disbursements",
    "report": "reports",
    "refund": "refunds",
    "api_key": "keys",
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
