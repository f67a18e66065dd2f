"""Policies: decisions of twenty rules with their explanations, on one core, without a database.

The reference is the bare reading of the same facts: what a decision costs that decides nothing. A
simulation holds as many stored snapshots against a policy in force and a candidate.
"""

import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

from bench.stage import Stage, Told, table
from mfm.core.decisions import evaluate
from mfm.core.decisions import told as kept
from mfm.core.explanations import explained
from mfm.core.facts import Catalogue
from mfm.core.policy_format import PolicyFile, load
from mfm.core.record import canonical
from mfm.core.simulations import Past, Simulation

NAME = "policies"
WANTED = {"decisions": 15_000}
_RULES = 20
_FILES = Path(__file__).resolve().parents[1] / "policies"
_ON = date(2026, 3, 15)
_BATCH = 2_000
_APPLICATIONS = 10_000


def _policies(catalogue: Catalogue) -> list[PolicyFile]:
    """Return the shipped policies that have the first twenty rules between them."""
    chosen: list[PolicyFile] = []
    for path in sorted(_FILES.glob("shared/**/*.toml")):
        if not path.name.endswith(".cases.toml"):
            chosen.append(load(path.read_bytes(), catalogue, str(path)))
        if sum(len(each.rules) for each in chosen) >= _RULES:
            break
    return chosen


def _facts(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return sets of facts of which some rules hold, some do not, and some cannot be decided."""
    drawn: list[dict[str, Any]] = []
    values = {
        "integer": lambda n: n % 3,
        "money": lambda n: 1_000_000 + n * 1_000,
        "share": lambda n: n * 100 % 10_000,
        "boolean": lambda n: n % 2 == 0,
        "date": lambda n: date(2026, 3, 1 + n % 28),
    }
    for number in range(100):
        facts: dict[str, Any] = {}
        for place, (name, fact) in enumerate(catalogue.facts.items()):
            if name == "decision.on" or (number + place) % 17 == 0:
                continue
            members = sorted(fact.members) or ["KE"]
            one = members[(number + place) % len(members)]
            make = values.get(fact.kind)
            plain = [one] if fact.kind.endswith("s") else one
            facts[name] = make(number) if make else plain
        facts["fund.currency"] = "USD"
        drawn.append(facts)
    return drawn


def _rate(run: Any, seconds: float) -> float:  # noqa: ANN401  # a function of the number of the turn
    """Return how many turns a second of this processor's time goes for."""
    turns, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for number in range(_BATCH):
            run(number)
        turns += _BATCH
    return turns / spent


def _simulated(
    catalogue: Catalogue, policies: list[PolicyFile], drawn: list[dict[str, Any]]
) -> float:
    """Return the seconds that a simulation takes, of as many applications as a large call has."""
    candidate = next(each for each in policies if "application" in each.gates)
    pasts = []
    for facts in drawn:
        found = evaluate(policies, facts, _ON, catalogue)
        content = canonical(kept(found))
        pasts.append(Past("application", "f", "", _ON, found.outcome, content))
    began = time.process_time()
    simulation = Simulation(candidate, catalogue)
    for number in range(_APPLICATIONS):
        simulation.feed(pasts[number % len(pasts)])
    assert simulation.told().decisions == _APPLICATIONS
    return time.process_time() - began


async def measure(stage: Stage) -> Told:
    """Measure decisions a second of one core."""
    catalogue = Catalogue((_FILES / "catalogue" / "facts.toml").read_bytes())
    policies = _policies(catalogue)
    rules = sum(len(each.rules) for each in policies)
    drawn = _facts(catalogue)
    read = {name for policy in policies for rule in policy.rules for name in rule.reads}
    drawn = [{name: facts[name] for name in facts if name in read} for facts in drawn]

    def decide(number: int) -> None:
        """Decide, and say why in one language."""
        explained(evaluate(policies, drawn[number % 100], _ON, catalogue), "en")

    def admit(number: int) -> None:
        """Read the facts, and decide nothing."""
        catalogue.admit(drawn[number % 100])

    rounds: list[tuple[float, float]] = []
    task = stage.progress.add_task("decisions", total=stage.args.rounds)
    for _ in range(stage.args.rounds):
        rounds.append((_rate(decide, stage.args.seconds), _rate(admit, stage.args.seconds)))
        stage.progress.advance(task)
    decisions, admitted = (statistics.median(each) for each in zip(*rounds, strict=True))
    reasons = sum(len(explained(evaluate(policies, each, _ON, catalogue), "en")) for each in drawn)
    simulated = _simulated(catalogue, policies, drawn)
    told = {
        "rules": rules,
        "facts": len(read),
        "decisions_per_second": round(decisions),
        "admitted_per_second": round(admitted),
        "reasons_per_decision": round(reasons / len(drawn), 1),
        "ratio": round(decisions / admitted, 3),
        "wanted_per_second": WANTED["decisions"],
        "simulation_of": _APPLICATIONS,
        "simulation_seconds": round(simulated, 2),
    }
    row = [
        f"{rules} rules, {len(read)} facts, {told['reasons_per_decision']} reasons each",
        *(f"{decisions:,.0f}", f"{admitted:,.0f}", f"{told['ratio']}"),
    ]
    headings = "held against, decisions/s, facts admitted/s, ratio"
    shown = table("Policies, on one core", headings, [row])
    line = [f"{_APPLICATIONS:,} applications", f"{simulated:.2f} s"]
    again = table("A simulation, from what decisions keep", "of, takes", [line])
    return Told({NAME: told}, [shown, again])
