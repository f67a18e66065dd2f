"""A policy file: who wrote it, when it is in force, its rules, every sentence in four languages.

Loading checks all that can be checked without facts, and tells every fault at once. Two hashes name
a file: `sha256` its very bytes, wording included; `logic_sha256` what decides, so that a mended
translation is the same rule in better words.
"""

import re
from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from typing import Any
from unicodedata import normalize

from msgspec import Struct, json

from mfm.core.facts import LANGUAGES, Catalogue
from mfm.core.money import KNOWN
from mfm.core.policy_rules import Rule, rules_in, texts_in
from mfm.core.policy_source import Reader, did_you_mean, parse
from mfm.core.policy_terms import Terms

FORMAT = 1
KINDS: dict[str, tuple[str, ...]] = {
    "eligibility": ("application", "signature", "payment"),
    "conditionality": ("activation", "amendment", "approval", "payment"),
    "spending": ("allocation", "signature", "approval", "payment"),
}
"""Kind -> the gates that ask for it; a policy that names no gates is for the first."""
GATES = ("application", "signature", "activation", "amendment", "allocation", "approval", "payment")
_MAX_VERSION = 99_999
JUDGED_ON = ("submission", "decision")
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,49}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")
_WORDING = {"title", "change_note", "awaiting_review", "message", "fix", "owner", "approved"}
"""Keys that say nothing about what is decided."""

_TOP: dict[str, type] = {
    "format": int,
    "id": str,
    "version": int,
    "kind": str,
    "gates": list,
    "fund": str,
    "windows": list,
    "title": dict,
    "time_zone": str,
    "judged_on": str,
    "applies_to_currency": str,
    "effective_from": date,
    "effective_until": date,
    "supersedes": str,
    "retroactive": dict,
    "change_note": str,
    "owner": str,
    "approved": list,
    "awaiting_review": list,
    "source": dict,
    "rule": list,
}
_REQUIRED = "format id version kind title time_zone effective_from owner source rule"
_SOURCE = {"document": str, "clause": str, "adopted": date}


class PolicyFile(Struct, frozen=True):
    """A loaded policy file.

    Attributes:
        id: unique in a mechanism, over all versions.
        version: counts up from 1.
        kind: eligibility, conditionality or spending.
        gates: where it is asked for.
        fund: the fund it is for, or "" for all.
        windows: the windows it is for; empty for all.
        title: language -> name.
        time_zone: whose civil day a decision is dated by.
        judged_on: whether the version in force at submission or at the decision counts.
        currency: the currency of the amounts it names, or "".
        effective_from: the first day.
        effective_until: the last day, None while open.
        supersedes: `id@version` that it follows, or "".
        retroactive: who approved, and why, that it counts from before its activation; or empty.
        change_note: what changed, in a sentence.
        owner: who keeps it.
        awaiting_review: languages whose sentences a native speaker has not read yet.
        source: document, clause and day of adoption.
        rules: its rules.
        sha256: of the file's bytes, hex.
        logic_sha256: of what decides, hex.
        content: the file's bytes.
    """

    id: str
    version: int
    kind: str
    gates: tuple[str, ...]
    fund: str
    windows: tuple[str, ...]
    title: dict[str, str]
    time_zone: str
    judged_on: str
    currency: str
    effective_from: date
    effective_until: date | None
    supersedes: str
    retroactive: dict[str, str]
    change_note: str
    owner: str
    awaiting_review: tuple[str, ...]
    source: dict[str, Any]
    rules: tuple[Rule, ...]
    sha256: str
    logic_sha256: str
    content: bytes

    @property
    def name(self) -> str:
        """Return `id@version`."""
        return f"{self.id}@{self.version}"

    def in_force(self, on: date) -> bool:
        """Tell whether it is in force on a day; the last day counts."""
        return self.effective_from <= on and (
            self.effective_until is None or on <= self.effective_until
        )


def load(content: bytes, catalogue: Catalogue, where: str = "policy.toml") -> PolicyFile:
    """Load a policy file.

    Args:
        content: its bytes.
        catalogue: the facts it may ask about.
        where: its name, for faults.

    Raises:
        PolicyError: with everything that is wrong in it.
    """
    told, reader = parse(content, where)
    top = reader.table(told, _TOP, _REQUIRED, reader.place())
    heads = _Heads(reader, top)
    terms = Terms(reader, catalogue)
    rules = rules_in(top.get("rule", []), reader, terms)
    currency = top.get("applies_to_currency", "")
    if terms.amounts and not currency:
        what = "An amount is named, but not in which currency."
        reader.fault(reader.place(), "", what, 'Add applies_to_currency = "USD", or another.')
    made = PolicyFile(
        id=heads.matching("id", _ID, "small letters, digits, dots and dashes"),
        version=heads.version(),
        kind=top.get("kind", ""),
        gates=heads.gates(),
        fund=top.get("fund", ""),
        windows=heads.words("windows", None),
        title=texts_in(top.get("title", {}), reader, reader.place(), "title"),
        time_zone=heads.matching("time_zone", _ZONE, "an IANA name, such as Africa/Nairobi"),
        judged_on=heads.one_of("judged_on", JUDGED_ON, "decision"),
        currency=heads.one_of("applies_to_currency", KNOWN, "") if currency else "",
        effective_from=top.get("effective_from", date.min),
        effective_until=heads.until(),
        supersedes=heads.supersedes(),
        retroactive=heads.retroactive(),
        change_note=top.get("change_note", ""),
        owner=top.get("owner", ""),
        awaiting_review=heads.words("awaiting_review", LANGUAGES),
        source=reader.table(top.get("source", {}), _SOURCE, "document", reader.place("source")),
        rules=rules,
        sha256=sha256(content).hexdigest(),
        logic_sha256=sha256(logic(told)).hexdigest(),
        content=content,
    )
    reader.finish()
    return made


def logic(told: object) -> bytes:
    """Return what decides in a parsed file, in its canonical bytes; wording is left out."""
    return json.encode(_canonical(told), order="deterministic")


def _canonical(told: object) -> object:
    if isinstance(told, dict):
        return {key: _canonical(each) for key, each in told.items() if key not in _WORDING}
    if isinstance(told, list):
        plain = [_canonical(each) for each in told]
        return sorted(plain) if plain and all(type(each) is str for each in plain) else plain  # type: ignore[type-var]  # all are texts
    return normalize("NFC", told) if isinstance(told, str) else told


class _Heads:
    """Checks the keys at the top of a file."""

    def __init__(self, reader: Reader, top: dict[str, Any]) -> None:
        self._reader = reader
        self._top = top
        self._place = reader.place()
        if top.get("format", FORMAT) != FORMAT:
            what = f"format is {top['format']}; this engine reads {FORMAT}."
            self._fault("format", what, f"Write format = {FORMAT}.")
        self.one_of("kind", KINDS, "eligibility")

    def _fault(self, key: str, what: str, mend: str) -> None:
        self._reader.fault(self._place, key, what, mend)

    def one_of(self, key: str, known: Iterable[str], default: str) -> str:
        """Return a word of a closed list."""
        value: str = self._top.get(key, default)
        if value not in known:
            self._fault(key, f"{key} is {value!r}.", did_you_mean(value, known))
        return value

    def matching(self, key: str, pattern: re.Pattern[str], shape: str) -> str:
        """Return a text of some shape."""
        value: str = self._top.get(key, "")
        if key in self._top and not pattern.fullmatch(value):
            self._fault(key, f"{key} is {value!r}.", f"It is {shape}.")
        return value

    def words(self, key: str, known: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return a list of words, of a closed list or of identifiers."""
        listed = self._top.get(key, [])
        for each in listed:
            if known is not None and each not in known:
                self._fault(key, f"{key} has {each!r}.", did_you_mean(str(each), known))
            elif not isinstance(each, str) or (known is None and not _ID.fullmatch(each)):
                self._fault(key, f"{key} has {each!r}.", "Write identifiers in quotes.")
        return tuple(each for each in listed if isinstance(each, str))

    def gates(self) -> tuple[str, ...]:
        """Return where the policy is asked for: what it says, or the first gate of its kind."""
        fitting = KINDS.get(self._top.get("kind", ""), GATES)
        return self.words("gates", fitting) or fitting[:1]

    def version(self) -> int:
        """Return the version, counted from 1."""
        value: int = self._top.get("version", 1)
        if not 1 <= value <= _MAX_VERSION:
            self._fault("version", f"version is {value}.", f"It is from 1 to {_MAX_VERSION}.")
        return value

    def until(self) -> date | None:
        """Return the last day, which is not before the first."""
        first, last = self._top.get("effective_from"), self._top.get("effective_until")
        if first and last and last < first:
            what = f"effective_until is {last}, before {first}."
            self._fault("effective_until", what, "The last day is on or after the first.")
        return last

    def supersedes(self) -> str:
        """Return the earlier version of the same policy that it follows."""
        told: str = self._top.get("supersedes", "")
        name, _, version = told.partition("@")
        earlier = version.isascii() and version.isdigit() and int(version[:9]) < self.version()
        if told and not (earlier and name == self._top.get("id")):
            self._fault("supersedes", f"supersedes is {told!r}.", "Write this id@earlier version.")
        return told

    def retroactive(self) -> dict[str, str]:
        """Return who approved that the policy counts from before its activation, and why."""
        if "retroactive" not in self._top:
            return {}
        known = {"approved_by": str, "reason": str}
        place = self._reader.place("retroactive")
        kept = self._reader.table(self._top["retroactive"], known, "approved_by reason", place)
        for key, value in kept.items():
            if not value.strip():
                self._reader.fault(place, key, f"{key} is empty.", "Say who, and why.")
        return kept
