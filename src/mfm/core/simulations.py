"""Simulations: what decisions that were made would have come to under a candidate for a policy.

Pure, from the facts and results that each decision keeps: nothing is written, and what was decided
stays. A small count in the answer could name somebody, so it is left out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct, json, structs

from mfm.core.decisions import OF_SEVERITY, OUTCOMES, Found, evaluate, restored, worst
from mfm.core.facts import CURRENCY, Catalogue, Value
from mfm.core.money import exponent
from mfm.core.policy_format import PolicyFile

SMALLEST = 5
"""The smallest count that is told of a group. Of fewer than five organisations those who know the
place can tell which they are; official statistics draw the line there or near it."""
UNKNOWN = "unknown"
_STOPS = ("incomplete", "refuse")
_WOMEN = frozenset({"women-led", "young-women-led"})
_SIZES = (10_000, 100_000, 1_000_000)
"""Yearly budgets, in whole units of the fund's currency, that part organisations by size."""
_decode = json.Decoder(dict[str, Any]).decode


class Past(Struct, frozen=True):
    """A decision that was made.

    Attributes:
        gate: where.
        fund: whose gate.
        window: the funding window, or "".
        on: the day it was for.
        outcome: what it came to.
        content: all that was kept of it.
    """

    gate: str
    fund: str
    window: str
    on: date
    outcome: str
    content: bytes


class Shift(Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """How many decisions came from one outcome to another.

    Attributes:
        before: the outcome as it was decided.
        after: the outcome under the candidate.
        count: how many.
    """

    before: str
    after: str
    count: int


class Cell(Struct, frozen=True):
    """A group of those whom decisions were about.

    Attributes:
        decisions: how many; None where that is a small count, or would tell one.
        excluded: how many of them the candidate newly stops, likewise.
    """

    decisions: int | None
    excluded: int | None


class Simulated(Struct, frozen=True, kw_only=True):
    """What a candidate would have changed.

    Attributes:
        policy: its id@version.
        file: SHA-256 (hex) of its file.
        decisions: how many it would have been asked about.
        simulated: how many of them came to an outcome.
        not_simulated: how many did not, because they keep no value of a fact that it reads.
        lacking: such a fact -> in how many of these.
        outcomes: from which outcome to which, and how many.
        rules: the candidate's rule -> how many decisions it made worse.
        excluded: how many were let through and would not have been.
        groups: level, place, women-led or size -> group -> its counts.
        smallest: the smallest count that is told of a group.
    """

    policy: str
    file: str
    decisions: int
    simulated: int
    not_simulated: int
    lacking: dict[str, int]
    outcomes: list[Shift]
    rules: dict[str, int]
    excluded: int
    groups: dict[str, dict[str, Cell]]
    smallest: int = SMALLEST


class Simulation:
    """A candidate on its way through decisions."""

    def __init__(self, candidate: PolicyFile, catalogue: Catalogue) -> None:
        """Take a candidate as if it had been in force on every day, instead of its older versions.

        Args:
            candidate: the file, loaded.
            catalogue: with which it was loaded.
        """
        self._file = structs.replace(candidate, effective_from=date.min, effective_until=None)
        self._catalogue = catalogue
        self._lacking: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._all: dict[str, Counter[str]] = defaultdict(Counter)
        self._stopped: dict[str, Counter[str]] = defaultdict(Counter)
        self._not_simulated = 0

    def feed(self, past: Past) -> None:
        """Hold a decision's facts against the candidate."""
        file = self._file
        placed = file.fund in ("", past.fund) and (not file.windows or past.window in file.windows)
        if past.gate not in file.gates or not placed:
            return
        kept = _decode(past.content)
        facts = restored(kept["facts"], self._catalogue)
        found = evaluate([file], facts, past.on, self._catalogue)
        # For amounts in another currency than its own it is not asked, and changes nothing.
        outcome = worst([_beside(kept, file.id), found.outcome if found.policies else OUTCOMES[0]])
        lacking = _lacking(found)
        if lacking and outcome != OUTCOMES[-1]:  # what refuses already, refuses whatever else is
            self._not_simulated += 1
            self._lacking.update(lacking)
            return
        self._count(past, found, outcome)

    def _count(self, past: Past, found: Found, outcome: str) -> None:
        self._outcomes[past.outcome, outcome] += 1
        if OUTCOMES.index(outcome) > OUTCOMES.index(past.outcome):
            broken = [each for each in found.results if each.result in ("violated", "undecided")]
            self._rules.update(each.rule.id for each in broken)
        stopped = outcome in _STOPS and past.outcome not in _STOPS
        for dimension, groups in _groups(found.values).items():
            self._all[dimension].update(groups)
            if stopped:
                self._stopped[dimension].update(groups)

    def told(self) -> Simulated:
        """Return what came out, with small counts left out."""
        simulated = self._outcomes.total()
        changes = sorted(self._outcomes.items())
        return Simulated(
            policy=self._file.name,
            file=self._file.sha256,
            decisions=simulated + self._not_simulated,
            simulated=simulated,
            not_simulated=self._not_simulated,
            lacking=dict(sorted(self._lacking.items())),
            outcomes=[Shift(before, after, count) for (before, after), count in changes],
            rules=dict(sorted(self._rules.items())),
            excluded=sum(
                count
                for (before, after), count in changes
                if after in _STOPS and before not in _STOPS
            ),
            groups={
                dimension: _cells(counts, self._stopped[dimension])
                for dimension, counts in sorted(self._all.items())
            },
        )


def _beside(kept: Mapping[str, Any], policy: str) -> str:
    """Return what all other policies of a decision came to."""
    outcomes = []
    for each in kept["rules"]:
        if each["policy"].rpartition("@")[0] != policy:
            if each["result"] == "violated":
                outcomes.append(OF_SEVERITY[each["severity"]])
            elif each["result"] == "undecided":
                outcomes.append("incomplete")
    return worst(outcomes)


def _lacking(found: Found) -> set[str]:
    """Return the facts that are not there, and that rules without an answer read."""
    undecided = (each for each in found.results if each.result == "undecided")
    return {name for each in undecided for name in each.missing if name not in found.values}


def _groups(values: Mapping[str, Value]) -> dict[str, Iterable[str]]:
    """Return to which groups those belong whom a decision was about."""
    types, places = values.get("organisation.types"), values.get("application.places")
    women = UNKNOWN
    if isinstance(types, frozenset):
        women = "no" if types.isdisjoint(_WOMEN) else "yes"
    return {
        "level": [str(values.get("organisation.level", UNKNOWN))],
        "place": places if isinstance(places, frozenset) and places else [UNKNOWN],
        "size": [_size(values)],
        "women_led": [women],
    }


def _size(values: Mapping[str, Value]) -> str:
    budget, currency = values.get("organisation.annual_budget"), values.get(CURRENCY)
    if not isinstance(budget, int) or not isinstance(currency, str):
        return UNKNOWN
    units = budget // 10 ** exponent(currency)
    for limit in _SIZES:
        if units < limit:
            return f"below {limit} {currency} a year"
    return f"{_SIZES[-1]} {currency} a year or more"


def _cells(counts: Counter[str], stopped: Counter[str]) -> dict[str, Cell]:
    """Return groups' counts without those that would tell of few."""
    shown = _shown(counts)
    excluded = _shown(Counter({name: stopped[name] for name in counts}))
    return {
        name: Cell(shown[name], None if shown[name] is None else excluded[name])
        for name in sorted(counts)
    }


def _shown(counts: Counter[str]) -> dict[str, int | None]:
    """Return counts without small ones, nor the one more that their sum would give away."""
    hidden = {name for name, count in counts.items() if 0 < count < SMALLEST}
    if len(hidden) == 1:
        rest = [(count, name) for name, count in counts.items() if count >= SMALLEST]
        hidden |= {min(rest)[1]} if rest else set()
    return {name: None if name in hidden else count for name, count in counts.items()}
