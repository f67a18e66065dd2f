"""The catalogue of facts: all that a policy may ask about, each with its type, range and labels.

A fact that is not here does not exist for a policy; a value that is not of its fact's type is
taken for no value at all. Amounts are whole minor units of the fund's currency, shares are basis
points (3000 is 30 %), dates are civil dates of the fund.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from hashlib import sha256
from typing import Any, Literal, get_args

from msgspec import Struct

from mfm.core.policy_source import Place, PolicyError, Reader, did_you_mean, parse

Kind = Literal["integer", "money", "share", "boolean", "date", "choice", "choices", "code", "codes"]
LANGUAGES = ("en", "fr", "es", "ar")
ON = "decision.on"
"""The day that a decision is for; the decision gives it, nobody else may."""
CURRENCY = "fund.currency"
"""Which currency the amounts are in."""
MAX_INTEGER = 2**63 - 1
MAX_SHARE = 10_000
_MAX_SET = 200
_NODES = 20_000
_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TEXTS = dict.fromkeys(LANGUAGES, str)
_KEYS: dict[str, type] = {
    "type": str,
    "unit": str,
    "minimum": int,
    "maximum": int,
    "members": list,
    "label": dict,
    "source": str,
}

Value = int | bool | str | date | frozenset[str]
Facts = Mapping[str, Any]


class Fact(Struct, frozen=True):
    """A fact that policies may ask about.

    Attributes:
        name: subject.property, such as `application.requested`.
        kind: one of Kind.
        unit: what integers count, such as days, or "".
        minimum: the smallest value of a number.
        maximum: the largest.
        members: what a choice may be; empty for other kinds.
        label: language -> a few words for people.
        source: where the value comes from.
    """

    name: str
    kind: str
    unit: str
    minimum: int
    maximum: int
    members: frozenset[str]
    label: dict[str, str]
    source: str

    @property
    def family(self) -> tuple[str, str, frozenset[str]]:
        """Return what another fact must share to be compared with this one."""
        return self.kind.removesuffix("s"), self.unit, self.members


def _number(fact: Fact) -> Callable[[Any], Value | None]:
    low, high = fact.minimum, fact.maximum
    return lambda value: value if type(value) is int and low <= value <= high else None


def _one(fact: Fact) -> Callable[[Any], Value | None]:
    members = fact.members
    if members:
        return lambda value: value if type(value) is str and value in members else None
    return lambda value: value if type(value) is str and _CODE.fullmatch(value) else None


def _several(fact: Fact) -> Callable[[Any], Value | None]:
    check = _one(fact)

    def several(value: object) -> Value | None:
        """Return a set of members, or None."""
        if not isinstance(value, list | tuple | frozenset) or len(value) > _MAX_SET:
            return None
        return frozenset(value) if all(check(each) is not None for each in value) else None

    return several


_CHECKS: dict[str, Callable[[Fact], Callable[[Any], Value | None]]] = {
    "integer": _number,
    "money": _number,
    "share": _number,
    "boolean": lambda _: lambda value: value if type(value) is bool else None,
    "date": lambda _: lambda value: value if type(value) is date else None,
    "choice": _one,
    "code": _one,
    "choices": _several,
    "codes": _several,
}
_WORDS = {
    "integer": "a whole number from {0.minimum} to {0.maximum}",
    "money": "an amount in whole minor units from {0.minimum} to {0.maximum}",
    "share": "a share in basis points from {0.minimum} to {0.maximum}",
    "boolean": "true or false",
    "date": "a date",
    "choice": "one of its members",
    "choices": "a list of its members",
    "code": "a code",
    "codes": "a list of codes",
}


class Catalogue:
    """The facts that there are.

    Attributes:
        content: the file's bytes.
        sha256: of them, hex; a decision names it.
        facts: name -> fact.
    """

    def __init__(self, content: bytes, where: str = "facts.toml") -> None:
        """Read a catalogue.

        Raises:
            PolicyError: it has faults.
        """
        told, reader = parse(content, where, _NODES)
        self.content, self.sha256 = content, sha256(content).hexdigest()
        top = reader.table(told, {"format": int, "facts": dict}, "format facts", reader.place())
        facts = [_fact(name, each, reader) for name, each in top.get("facts", {}).items()]
        self.facts = {fact.name: fact for fact in facts}
        for name, kind in ((ON, "date"), (CURRENCY, "code")):
            if name not in self.facts or self.facts[name].kind != kind:
                reader.fault(Place(1, 1), "", f"{name} must be a {kind}.", "Every decision has it.")
        reader.finish()
        self._checks = {fact.name: _CHECKS[fact.kind](fact) for fact in facts}

    def check(self, name: str, value: object) -> Value | None:
        """Return a value as its fact has it, or None where it is not of its type and range."""
        return self._checks[name](value)

    def admit(self, facts: Facts) -> tuple[dict[str, Value], dict[str, str]]:
        """Return the facts that are as the catalogue says, and why the others are not.

        None is no value: who does not know leaves a fact out.
        """
        admitted: dict[str, Value] = {}
        rejected: dict[str, str] = {}
        checks = self._checks
        for name, told in facts.items():
            check = checks.get(name)
            if check is None or name == ON:
                rejected[name] = "unknown" if check is None else "given by the decision"
            elif told is not None:
                value = check(told)
                if value is None:
                    rejected[name] = "not " + self.wanted(name)
                else:
                    admitted[name] = value
        return admitted, rejected

    def wanted(self, name: str) -> str:
        """Return what a fact's values are, in words."""
        fact = self.facts[name]
        return _WORDS[fact.kind].format(fact)

    def from_json(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return facts as JSON has them, with their dates read; what is no date stays as it is."""
        found = dict(told)
        for name, value in told.items():
            fact = self.facts.get(name)
            if fact is not None and fact.kind == "date" and isinstance(value, str):
                found[name] = _day(value)
        return found

    def unknown(self, name: str) -> str:
        """Return how to mend the name of a fact that is not here."""
        return did_you_mean(name, self.facts)


def _day(text: str) -> date | str:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else text
    except ValueError:
        return text


def _fact(name: str, told: object, reader: Reader) -> Fact:
    place = reader.near(f'"{name}"')
    if not _NAME.fullmatch(name):
        reader.fault(place, "", f"{name!r} is no name.", "Write subject.property in small letters.")
    kept = reader.table(told, _KEYS, "type label source", place)
    kind = kept.get("type", "integer")
    if kind not in get_args(Kind):
        mend = did_you_mean(kind, get_args(Kind))
        reader.fault(place, "type", f"{kind!r} is no type.", mend)
    members = kept.get("members", [])
    if kind.startswith("choice") != bool(members) or not all(type(m) is str for m in members):
        reader.fault(place, "", f"{name} is a {kind}.", "A choice, and only it, has members.")
    label = reader.table(kept.get("label", {}), _TEXTS, " ".join(LANGUAGES), place)
    return Fact(
        name,
        kind,
        kept.get("unit", ""),
        kept.get("minimum", 0),
        kept.get("maximum", MAX_SHARE if kind == "share" else MAX_INTEGER),
        frozenset(m for m in members if type(m) is str),
        label,
        kept.get("source", ""),
    )


__all__ = ["CURRENCY", "LANGUAGES", "ON", "Catalogue", "Fact", "PolicyError", "Value"]
