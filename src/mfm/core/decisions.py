"""Decisions: policies held against facts, with every reason and the worst outcome of all.

Pure: the same files, facts and day give the same decision, today and in ten years. A fact that is
missing or ill-typed never opens anything; no policy in force refuses.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

from msgspec import Struct

from mfm.core.facts import CURRENCY, ON, Catalogue, Facts, Value
from mfm.core.policy_format import PolicyFile
from mfm.core.policy_rules import Rule
from mfm.core.record import canonical, plain

ENGINE = "mfm-policy/1"
OUTCOMES = ("allow", "allow-with-flags", "needs-approval", "incomplete", "refuse")
"""From the best to the worst."""
RESULTS = ("satisfied", "violated", "undecided", "not-applicable")
_RANK = {outcome: rank for rank, outcome in enumerate(OUTCOMES)}
OF_SEVERITY = {
    "refuse": "refuse",
    "require-approval": "needs-approval",
    "flag": "allow-with-flags",
}
"""Severity of a rule -> what a decision comes to where it is violated."""


class Result(Struct, frozen=True, gc=False):
    """What became of one rule.

    Attributes:
        policy: `id@version`.
        rule: the rule.
        result: one of RESULTS.
        missing: facts that it reads and that are not there; empty where it holds.
    """

    policy: str
    rule: Rule
    result: str
    missing: tuple[str, ...] = ()


class Found(Struct, frozen=True):
    """A decision.

    Attributes:
        outcome: one of OUTCOMES.
        on: the day it is for.
        results: one for each rule, in the policies' order.
        policies: the files that were in force.
        values: the facts that counted.
        rejected: fact -> why it did not count.
        catalogue: the catalogue of facts.
        submitted_on: the day of what was decided on, where it is another.
    """

    outcome: str
    on: date
    results: tuple[Result, ...]
    policies: tuple[PolicyFile, ...]
    values: dict[str, Value]
    rejected: dict[str, str]
    catalogue: Catalogue
    submitted_on: date | None = None


def worst(outcomes: Iterable[str]) -> str:
    """Return the worst of outcomes; of none, the best."""
    return max(outcomes, key=_RANK.__getitem__, default=OUTCOMES[0])


def evaluate(
    policies: Sequence[PolicyFile],
    facts: Facts,
    on: date,
    catalogue: Catalogue,
    submitted_on: date | None = None,
) -> Found:
    """Hold facts against every rule of the policies that are in force on a day.

    Nothing is cut short: each rule has its result, so that who is refused hears all reasons.

    Args:
        policies: loaded with this catalogue; those not in force, or for amounts in another
            currency than the facts', are left out.
        facts: name -> value; what is not of its type counts as missing, and is told.
        on: the civil day in the policies' time zone.
        catalogue: the facts that there are.
        submitted_on: the day that policies judged on submission must be in force on; `on` if None.
    """
    values, rejected = catalogue.admit(facts)
    values[ON] = on
    currency = values.get(CURRENCY)
    chosen = tuple(
        policy
        for policy in policies
        if policy.in_force(submitted_on or on if policy.judged_on == "submission" else on)
        and (currency is None or policy.currency in ("", currency))
    )
    results = tuple(_result(policy, rule, values) for policy in chosen for rule in policy.rules)
    outcomes = [outcome for each in results if (outcome := _outcome(each))]
    if not chosen:
        outcomes.append("refuse")
    if rejected and not rejected.keys().isdisjoint(_read(chosen)):
        outcomes.append("incomplete")
    outcome = worst(outcomes)
    return Found(outcome, on, results, chosen, values, rejected, catalogue, submitted_on)


def _read(policies: Sequence[PolicyFile]) -> set[str]:
    """Return the facts that policies read."""
    read = {name for policy in policies for rule in policy.rules for name in rule.reads}
    return read | {CURRENCY for policy in policies if policy.currency}


def _outcome(result: Result) -> str:
    if result.result == "violated":
        return OF_SEVERITY[result.rule.severity]
    return "incomplete" if result.result == "undecided" else ""


def _result(policy: PolicyFile, rule: Rule, values: dict[str, Value]) -> Result:
    try:
        applies, holds = rule.applies(values), rule.holds(values)
    except Exception:  # noqa: BLE001  # a rule that breaks opens nothing, and stops no other
        applies = holds = None
    if policy.currency and CURRENCY not in values:
        applies, holds = applies and None, None  # nobody says that its amounts are of this currency
    if applies is False:
        return Result(policy.name, rule, "not-applicable")
    if holds:
        return Result(policy.name, rule, "satisfied")
    decided = applies and holds is False
    missing = tuple(name for name in rule.reads if name not in values)
    if policy.currency and CURRENCY not in values:
        missing = (*missing, CURRENCY)
    elif not missing and not decided:
        # Of nothing there is no share: what is zero is to be told first.
        missing = tuple(
            name for name in rule.reads if values[name] is not False and not values[name]
        )
    return Result(policy.name, rule, "violated" if decided else "undecided", missing)


# As records carry them ----------------------------------------------------------------------------


def snapshot(values: dict[str, Value]) -> dict[str, Any]:
    """Return facts in the record's profile: whole numbers as text, sets sorted, days in ISO."""
    told: dict[str, Any] = {}
    for name in sorted(values):
        value = values[name]
        if isinstance(value, frozenset):
            told[name] = sorted(value)
        else:
            told[name] = value.isoformat() if isinstance(value, date) else plain(value)
    return told


def restored(told: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """Return the facts of a snapshot, typed as the catalogue has them; what is unknown stays."""
    facts = catalogue.from_json(told)
    for name, value in told.items():
        fact = catalogue.facts.get(name)
        if fact is not None and fact.kind in ("integer", "money", "share"):
            facts[name] = int(value)
    facts.pop(ON, None)
    return facts


def recalled(kept: dict[str, Any], policies: Sequence[PolicyFile], catalogue: Catalogue) -> Found:
    """Return a decision as `told` has kept it; what came out is taken from there, not found again.

    Args:
        kept: what was kept.
        policies: the files that it names, loaded with that catalogue.
        catalogue: the one that it names.

    Raises:
        KeyError: it names a rule that these files do not have.
    """
    rules = {(policy.name, rule.id): rule for policy in policies for rule in policy.rules}
    on, submitted_on = date.fromisoformat(kept["on"]), kept.get("submitted_on")
    return Found(
        kept["outcome"],
        on,
        tuple(
            Result(
                each["policy"],
                rules[each["policy"], each["rule"]],
                each["result"],
                tuple(each["missing"]),
            )
            for each in kept["rules"]
        ),
        tuple(policies),
        catalogue.admit(restored(kept["facts"], catalogue))[0] | {ON: on},
        kept["rejected"],
        catalogue,
        date.fromisoformat(submitted_on) if submitted_on else None,
    )


def told(found: Found) -> dict[str, Any]:
    """Return a decision in the record's profile: what was read, what came out, and by which files.

    Replayed from the pinned files, it must come out the same, byte for byte.
    """
    facts = snapshot(found.values)
    read = _read(found.policies)
    submitted = {"submitted_on": found.submitted_on.isoformat()} if found.submitted_on else {}
    return submitted | {
        "catalogue": found.catalogue.sha256,
        "engine": ENGINE,
        "facts": facts,
        "facts_sha256": sha256(canonical(facts)).hexdigest(),
        "on": found.on.isoformat(),
        "outcome": found.outcome,
        "policies": [
            {"file": each.sha256, "logic": each.logic_sha256, "policy": each.name}
            for each in found.policies
        ],
        "rejected": {name: why for name, why in sorted(found.rejected.items()) if name in read},
        "rules": [
            {
                "missing": list(each.missing),
                "policy": each.policy,
                "result": each.result,
                "rule": each.rule.id,
                "seen": {name: facts[name] for name in each.rule.reads if name in facts},
                "severity": each.rule.severity,
            }
            for each in found.results
        ],
    }
