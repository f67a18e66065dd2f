"""Simulations: what a candidate would have changed, and that a small group is not told of."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mfm.app import policy_files
from mfm.core.decisions import evaluate, told
from mfm.core.policy_format import PolicyFile, load
from mfm.core.record import canonical
from mfm.core.simulations import SMALLEST, Cell, Past, Shift, Simulated, Simulation

DAY = date(2026, 3, 15)
CATALOGUE = policy_files.catalogue()
_FILE = """format = 1
id = "{name}"
version = {version}
kind = "eligibility"
gates = ["application"]
{more}applies_to_currency = "USD"
title = {{en = "T", fr = "T", es = "T", ar = "T"}}
time_zone = "UTC"
effective_from = {first}
owner = "tests"
[source]
document = "Tests"
"""
_RULE = """[[rule]]
id = "{name}"
severity = "{severity}"
require = [{{fact = "{fact}", {word} = {value}}}]
message = {{en = "No.", fr = "Non.", es = "No.", ar = "لا."}}
fix = {{en = "Mend.", fr = "Changez.", es = "Cambie.", ar = "غيروا."}}
"""


def policy(
    *rules: tuple[str, str, str, str, object],
    **told: Any,  # noqa: ANN401  # any of the blanks
) -> PolicyFile:
    fields = {"name": "tests.ask", "version": 1, "more": "", "first": "2020-01-01"} | told
    names = ("name", "severity", "fact", "word", "value")
    text = _FILE.format(**fields)
    text += "".join(_RULE.format(**dict(zip(names, rule, strict=True))) for rule in rules)
    return load(text.encode(), CATALOGUE, "tests")


def at_most(value: int, severity: str = "refuse") -> tuple[str, str, str, str, object]:
    return "small", severity, "application.requested", "at_most", value


OLD = policy(at_most(1_000))
OTHER = policy(at_most(500, "flag"), name="tests.other")


def past(asked: int, *, files: Iterable[PolicyFile] = (OLD,), **more: object) -> Past:
    facts = {
        "fund.currency": "USD",
        "application.requested": asked,
        "organisation.level": "grassroots",
        "organisation.types": ["women-led"],
        "organisation.annual_budget": 5_000_00,
        "application.places": ["KE", "KE-30"],
    }
    facts |= {name.replace("__", "."): value for name, value in more.items()}
    facts = {name: value for name, value in facts.items() if value is not None}
    found = evaluate([*files], facts, DAY, CATALOGUE)
    return Past("application", "f", "w", DAY, found.outcome, canonical(told(found)))


def simulated(candidate: PolicyFile, pasts: Iterable[Past]) -> Simulated:
    simulation = Simulation(candidate, CATALOGUE)
    for each in pasts:
        simulation.feed(each)
    return simulation.told()


def test_a_candidate_stands_instead_of_its_older_version_alone() -> None:
    """The other policies of a decision keep what they said, and days do not count."""
    candidate = policy(at_most(600), version=2, first="2030-01-01")
    found = simulated(candidate, [past(asked, files=(OLD, OTHER)) for asked in (400, 550, 700)])
    assert (found.decisions, found.simulated, found.excluded) == (3, 3, 1)
    assert found.outcomes == [
        Shift("allow", "allow", 1),
        Shift("allow-with-flags", "allow-with-flags", 1),
        Shift("allow-with-flags", "refuse", 1),
    ]
    assert found.rules == {"small": 1}
    eased = simulated(policy(at_most(1_000, "flag"), version=2), [past(900)])
    assert (eased.outcomes, eased.rules) == ([Shift("allow", "allow", 1)], {})


def test_what_keeps_no_value_of_a_fact_is_not_simulated() -> None:
    level = ("level", "refuse", "organisation.level", "one_of", '["grassroots"]')
    candidate = policy(at_most(1_000), level)
    told = [past(1), past(1, organisation__level=None), past(1, organisation__level="national")]
    found = simulated(candidate, [*told, past(2_000, organisation__level=None)])
    assert (found.decisions, found.simulated, found.not_simulated) == (4, 3, 1)
    assert found.lacking == {"organisation.level": 1}  # what is refused for more is refused
    assert found.outcomes == [
        Shift("allow", "allow", 1),
        Shift("allow", "refuse", 1),
        Shift("refuse", "refuse", 1),
    ]


def test_a_candidate_is_asked_at_its_own_gate_fund_window_and_currency() -> None:
    for more in ('fund = "g"\n', 'windows = ["other"]\n'):
        assert simulated(policy(at_most(1), more=more), [past(900)]).decisions == 0
    found = simulated(policy(at_most(1), more='fund = "f"\nwindows = ["w"]\n'), [past(900)])
    assert found.excluded == 1
    euros = simulated(policy(at_most(1)), [past(900, fund__currency="EUR", files=())])
    assert euros.excluded == 0


def test_a_small_count_is_not_told_nor_what_the_sum_would_give_away() -> None:
    pasts = [past(900) for _ in range(6)] + [past(100) for _ in range(20)]
    pasts += [past(900, organisation__level="national") for _ in range(4)]
    pasts += [past(100, organisation__level="local") for _ in range(9)]
    found = simulated(policy(at_most(500)), pasts)
    assert found.excluded == 10
    assert found.groups["level"] == {
        "grassroots": Cell(26, None),  # else 10 in all gave the four away
        "local": Cell(None, None),
        "national": Cell(None, None),
    }
    assert found.groups["women_led"] == {"yes": Cell(39, 10)}
    assert found.groups["size"] == {"below 10000 USD a year": Cell(39, 10)}
    assert found.groups["place"] == {"KE": Cell(39, 10), "KE-30": Cell(39, 10)}
    unknown = simulated(policy(at_most(500)), [past(1, organisation__annual_budget=None)] * 5)
    assert unknown.groups["size"] == {"unknown": Cell(5, 0)}


@given(st.lists(st.tuples(st.sampled_from(["local", "national", "grassroots"]), st.booleans())))
def test_no_count_under_the_smallest_is_ever_told(who: list[tuple[str, bool]]) -> None:
    pasts = [past(900 if stopped else 100, organisation__level=level) for level, stopped in who]
    for groups in simulated(policy(at_most(500)), pasts).groups.values():
        for column in (
            [cell.decisions for cell in groups.values()],
            [cell.excluded for cell in groups.values()],
        ):
            assert all(count is None or count == 0 or count >= SMALLEST for count in column)
            assert column.count(None) != 1 or len([c for c in column if c]) == 0
