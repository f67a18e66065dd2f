"""The cases of a policy: ordinary facts, what each case changes, and what must come out.

A policy without cases is not finished, nor is one with a rule that no case violates. At every
number and date that a rule compares with, further cases are made: just below, at and just above,
from those that are written; the rule must turn exactly where its word says.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from msgspec import Struct

from mfm.core.decisions import OUTCOMES, Found, evaluate
from mfm.core.facts import ON, Catalogue
from mfm.core.policy_format import PolicyFile
from mfm.core.policy_rules import Rule
from mfm.core.policy_source import MAX_CASE_NODES, Place, Reader, did_you_mean, parse
from mfm.core.policy_words import WORDS, Comparison, comparisons

_TOP: dict[str, type] = {"policy": str, "on": date, "base": dict, "case": list}
_CASE: dict[str, type] = {
    "name": str,
    "on": date,
    "set": dict,
    "unset": list,
    "outcome": str,
    "violated": list,
    "undecided": list,
}
_BASIS = 10_000
_ORDERED = ("integer", "money", "share", "date")


class Case(Struct, frozen=True):
    """A case.

    Attributes:
        name: what it shows.
        on: the day.
        facts: all its facts.
        outcome: what must come out.
        violated: the rules that must be violated, None where it does not say.
        undecided: likewise.
    """

    name: str
    on: date
    facts: dict[str, Any]
    outcome: str
    violated: tuple[str, ...] | None
    undecided: tuple[str, ...] | None


class Tested(Struct, frozen=True):
    """What became of a policy's cases.

    Attributes:
        cases: how many are written.
        boundaries: how many comparisons were tried around their number or date.
        failures: what went wrong, in sentences.
    """

    cases: int
    boundaries: int
    failures: tuple[str, ...]


def cases_in(
    content: bytes, policy: PolicyFile, catalogue: Catalogue, where: str = "cases.toml"
) -> tuple[Case, ...]:
    """Read the cases of a policy.

    Raises:
        PolicyError: with everything that is wrong in the file.
    """
    told, reader = parse(content, where, MAX_CASE_NODES)
    top = reader.table(told, _TOP, "policy on base case", reader.place())
    if top.get("policy", policy.name) != policy.name:
        what = f"These are cases of {top['policy']}, beside {policy.name}."
        reader.fault(reader.place(), "policy", what, f'Write policy = "{policy.name}".')
    rules = [rule.id for rule in policy.rules]
    base = top.get("base", {})
    _check_facts(base, catalogue, reader, reader.place("base"))
    cases = []
    for number, each in enumerate(top.get("case", [])):
        place = reader.place("case", number)
        kept = reader.table(each, _CASE, "name outcome", place)
        _check_facts(kept.get("set", {}), catalogue, reader, place)
        _check_case(kept, rules, base, reader, place)
        gone = {str(name) for name in kept.get("unset", [])}
        facts = {**base, **kept.get("set", {})}
        cases.append(
            Case(
                kept.get("name", ""),
                kept.get("on", top.get("on", date.min)),
                {name: value for name, value in facts.items() if name not in gone},
                kept.get("outcome", ""),
                _names(kept, "violated"),
                _names(kept, "undecided"),
            )
        )
    reader.finish()
    return tuple(cases)


def _names(kept: dict[str, Any], key: str) -> tuple[str, ...] | None:
    return tuple(sorted(map(str, kept[key]))) if key in kept else None


def _check_facts(facts: dict[str, Any], catalogue: Catalogue, reader: Reader, place: Place) -> None:
    for name in facts:
        if name not in catalogue.facts or name == ON:
            mend = "Write on = DATE." if name == ON else catalogue.unknown(name)
            reader.fault(place, name, f"{name!r} is no fact that a case can give.", mend)


def _check_case(
    kept: dict[str, Any], rules: list[str], base: dict[str, Any], reader: Reader, place: Place
) -> None:
    outcome = kept.get("outcome", "allow")
    if outcome not in OUTCOMES:
        mend = did_you_mean(outcome, OUTCOMES)
        reader.fault(place, "outcome", f"outcome is {outcome!r}.", mend)
    for key in ("violated", "undecided"):
        for name in kept.get(key, []):
            if name not in rules:
                mend = did_you_mean(str(name), rules)
                reader.fault(place, key, f"There is no rule {name!r}.", mend)
    for name in kept.get("unset", []):
        if name not in base:
            reader.fault(place, "unset", f"{name!r} is not set.", "Take it out of unset.")


# Running ------------------------------------------------------------------------------------------


def run(policy: PolicyFile, cases: tuple[Case, ...], catalogue: Catalogue) -> Tested:
    """Try every case, and every boundary; return what went wrong."""
    failures: list[str] = []
    violated: set[str] = set()
    for case in cases:
        found = evaluate([policy], case.facts, case.on, catalogue)
        failures += _differences(case, found)
        violated |= _having(found, "violated")
    failures += [
        f"Rule {rule.id} is violated by no case: add one."
        for rule in policy.rules
        if rule.id not in violated
    ]
    tried = 0
    for rule in policy.rules:
        for each in _bounded(rule, catalogue):
            tried += 1
            if not any(_turns(policy, rule, each, case, catalogue) for case in cases):
                failures.append(
                    f"Rule {rule.id}: no case shows where {each.fact} {each.word} turns: add one in"
                    " which all else of the rule is met."
                )
    return Tested(len(cases), tried, tuple(failures))


def _having(found: Found, result: str) -> set[str]:
    return {each.rule.id for each in found.results if each.result == result}


def _differences(case: Case, found: Found) -> Iterator[str]:
    if found.outcome != case.outcome:
        told = {each.rule.id: each.result for each in found.results}
        yield f"Case {case.name!r}: {found.outcome}, wanted {case.outcome}; the rules: {told}."
    for result, wanted in (("violated", case.violated), ("undecided", case.undecided)):
        got = _having(found, result)
        if wanted is not None and got != set(wanted):
            yield f"Case {case.name!r}: {result} {sorted(got)}, wanted {list(wanted)}."


# Boundaries ---------------------------------------------------------------------------------------


def _bounded(rule: Rule, catalogue: Catalogue) -> Iterator[Comparison]:
    """Return the comparisons of a rule that turn at a number or a date."""
    for term in (*rule.applies_when, *rule.require):
        for each in comparisons(term):
            if WORDS[each.word].around and catalogue.facts[each.fact].kind in _ORDERED:
                yield each


def points(each: Comparison, case: Case) -> list[tuple[Any, bool]]:
    """Return values around what a case compares with, and whether the comparison holds there."""
    around = WORDS[each.word].around
    assert around is not None  # only what turns is asked for
    bound = case.facts.get(each.other) if each.other and each.other != ON else each.literal
    if each.other == ON:
        bound = case.on
    if WORDS[each.word].operand == "span":
        bound = each.literal.before(case.on)
    if isinstance(bound, date):
        day = timedelta(days=1)
        return [(bound - day, around[0]), (bound, around[1]), (bound + day, around[2])]
    base = case.facts.get(each.of) if each.of else _BASIS
    if type(bound) is not int or type(base) is not int:
        return []
    at, rest = divmod(bound * base, _BASIS)
    if rest:
        return [(at, around[0]), (at + 1, around[2])]
    return [(at - 1, around[0]), (at, around[1]), (at + 1, around[2])]


def _turns(
    policy: PolicyFile, rule: Rule, each: Comparison, case: Case, catalogue: Catalogue
) -> bool:
    """Tell whether a rule turns where a comparison does, all else being as in a case."""
    results: dict[bool, set[str]] = {True: set(), False: set()}
    for value, holds in points(each, case):
        if catalogue.check(each.fact, value) is not None:
            found = evaluate([policy], {**case.facts, each.fact: value}, case.on, catalogue)
            results[holds] |= {told.result for told in found.results if told.rule.id == rule.id}
    yes, no = results[True], results[False]
    return len(yes) == len(no) == 1 and yes != no and "undecided" not in yes | no
