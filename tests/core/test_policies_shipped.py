"""The shipped policies: every rule of the catalogue, and no missing or false fact opens a door."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfm.core.decisions import OUTCOMES, evaluate, restored, snapshot, told
from mfm.core.explanations import explained
from mfm.core.facts import LANGUAGES
from mfm.core.policy_cases import Case, cases_in, run
from mfm.core.policy_format import GATES, PolicyFile, load
from mfm.core.policy_source import PolicyError
from mfm.core.record import canonical
from tests.core.policies import CATALOGUE, HEAD, POLICIES, policy, rule

GROUPS = {"ELG": 8, "GEN": 4, "EAR": 2, "CON": 4, "CND": 3, "FIN": 5, "LOC": 2, "OVL": 2}
CATALOGUED = {
    f"{group}-{number:02}" for group, count in GROUPS.items() for number in range(1, count + 1)
}
FALSE: tuple[Any, ...] = (None, True, -1, 2**63, 1 / 2, "", "no such", b"x", {}, [1], ["no such"])
HELD = OUTCOMES[2:]


def shipped() -> Iterator[tuple[PolicyFile, tuple[Case, ...]]]:
    """Every shipped policy, with its cases."""
    for path in sorted(POLICIES.rglob("*.cases.toml")):
        file = Path(str(path).replace(".cases.toml", ".toml"))
        made = load(file.read_bytes(), CATALOGUE, str(file))
        yield made, cases_in(path.read_bytes(), made, CATALOGUE, str(path))


SHIPPED = list(shipped())
EACH = pytest.mark.parametrize(("made", "cases"), SHIPPED, ids=[made.id for made, _ in SHIPPED])


def test_all_thirty_rules_are_shipped_for_every_fund() -> None:
    clauses = {rule.clause for made, _ in SHIPPED if not made.fund for rule in made.rules}
    assert clauses == CATALOGUED
    assert len(CATALOGUED) == 30
    assert {gate for made, _ in SHIPPED for gate in made.gates} == set(GATES)


def test_every_policy_has_cases_and_every_catalogued_fact_a_reader() -> None:
    files = {str(path) for path in POLICIES.rglob("*.toml") if path.parent.name != "catalogue"}
    assert files == {
        name
        for path in POLICIES.rglob("*.cases.toml")
        for name in (str(path), str(path).replace(".cases.toml", ".toml"))
    }
    read = {name for made, _ in SHIPPED for rule in made.rules for name in rule.reads}
    assert CATALOGUE.facts.keys() - read == {"fund.currency"}  # which decisions read by themselves


@EACH
def test_cases_come_out_as_stated(made: PolicyFile, cases: tuple[Case, ...]) -> None:
    tested = run(made, cases, CATALOGUE)
    assert tested.failures == ()
    assert set(made.awaiting_review) == {"fr", "es", "ar"}


@EACH
def test_no_fact_that_is_missing_or_false_opens_a_door(
    made: PolicyFile, cases: tuple[Case, ...]
) -> None:
    read = {name for rule in made.rules for name in rule.reads}
    read |= {"fund.currency"} if made.currency else set()
    for case in cases:
        before = evaluate([made], case.facts, case.on, CATALOGUE)
        was = {each.rule.id: each.result for each in before.results}
        for name, value in product(sorted(case.facts.keys() & read), FALSE):
            if value is not None and CATALOGUE.check(name, value) is not None:
                continue  # true is a boolean, and no lie about one
            after = evaluate([made], {**case.facts, name: value}, case.on, CATALOGUE)
            told = (made.id, case.name, name, value, after.outcome)
            if before.outcome in HELD or value is not None:
                assert after.outcome in HELD, told
            for each in after.results:
                healed = each.result == "satisfied" and was.get(each.rule.id) != "not-applicable"
                assert not healed or was.get(each.rule.id) == "satisfied", told


@EACH
def test_a_decision_is_replayed_byte_for_byte(made: PolicyFile, cases: tuple[Case, ...]) -> None:
    for case in cases:
        found = evaluate([made], case.facts, case.on, CATALOGUE)
        again = evaluate([made], restored(snapshot(found.values), CATALOGUE), case.on, CATALOGUE)
        assert canonical(told(again)) == canonical(told(found))


@EACH
def test_every_reason_is_said_in_every_language(made: PolicyFile, cases: tuple[Case, ...]) -> None:
    for case in cases:
        found = evaluate([made], case.facts, case.on, CATALOGUE)
        for language in LANGUAGES:
            for reason in explained(found, language):
                assert reason.message, (made.id, reason.rule, language)
                assert reason.fix, (made.id, reason.rule, language)
                assert not re.search(r"[{}]", reason.message + reason.fix)


# Several facts at once, several policies at once --------------------------------------------------

ALL = [made for made, _ in SHIPPED]
CASES = [case for _, cases in SHIPPED for case in cases]


@given(
    case=st.sampled_from(CASES),
    more=st.sampled_from(CASES),
    gone=st.sets(st.sampled_from(sorted(CATALOGUE.facts)), max_size=30),
)
@settings(max_examples=150, deadline=None)
def test_knowing_less_never_decides_better(case: Case, more: Case, gone: set[str]) -> None:
    facts = {**more.facts, **case.facts}
    less = {name: value for name, value in facts.items() if name not in gone}
    whole = evaluate(ALL, facts, case.on, CATALOGUE)
    part = evaluate(ALL, less, case.on, CATALOGUE)
    for before, after in zip(whole.results, part.results, strict=True):
        holds = {"satisfied", "not-applicable"}  # it holds either way where it would be met
        assert (
            after.result in {before.result, "undecided"} or {before.result, after.result} == holds
        )
    if whole.outcome in HELD:
        assert part.outcome in HELD


@given(
    case=st.sampled_from(CASES),
    chosen=st.sets(st.sampled_from(range(len(ALL))), min_size=1),
    added=st.sampled_from(range(len(ALL))),
)
@settings(max_examples=150, deadline=None)
def test_adding_a_rule_never_makes_an_outcome_better(
    case: Case, chosen: set[int], added: int
) -> None:
    on = max(case.on, date(2026, 1, 1))
    before = evaluate([ALL[each] for each in chosen], case.facts, on, CATALOGUE)
    after = evaluate([ALL[each] for each in chosen | {added}], case.facts, on, CATALOGUE)
    assert OUTCOMES.index(after.outcome) >= OUTCOMES.index(before.outcome)


# The runner itself --------------------------------------------------------------------------------

RULE = rule('require = [{fact = "application.gender_marker", at_least = 2}]')
CASE_HEAD = (
    'policy = "test.applicants@2"\non = 2026-03-15\n[base]\n"application.gender_marker" = 2\n'
)
GOOD = '[[case]]\nname = "good"\noutcome = "allow"\n'
BAD = '[[case]]\nname = "bad"\nset = {"application.gender_marker" = 1}\noutcome = "refuse"\n'


@pytest.mark.parametrize(
    ("cases", "failure"),
    [
        (GOOD + BAD, ""),
        (GOOD, "is violated by no case"),
        (GOOD + BAD.replace("refuse", "allow"), "refuse, wanted allow"),
        (GOOD + BAD + "violated = []\n", "wanted []"),
    ],
)
def test_the_runner_tells_what_is_wrong(cases: str, failure: str) -> None:
    made = policy(RULE)
    read = cases_in((CASE_HEAD + cases).encode(), made, CATALOGUE)
    failures = run(made, read, CATALOGUE).failures
    assert [failure in each for each in failures] == ([True] if failure else [])


def test_the_runner_wants_a_case_in_which_a_boundary_decides() -> None:
    both = RULE.replace("}]", '}, {fact = "organisation.ingo_affiliate", equals = false}]')
    made = policy(both)
    affiliate = '"organisation.ingo_affiliate" = true\n'
    hidden = cases_in((CASE_HEAD + affiliate + BAD).encode(), made, CATALOGUE)
    assert "no case shows where" in run(made, hidden, CATALOGUE).failures[0]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (CASE_HEAD.replace("@2", "@1") + GOOD, "cases of test.applicants@1"),
        (CASE_HEAD.replace("gender_marker", "marker") + GOOD, "Did you mean"),
        (CASE_HEAD + GOOD.replace('"allow"', '"alow"'), "Did you mean allow?"),
        (CASE_HEAD + BAD + 'violated = ["two"]\n', "no rule 'two'"),
        (CASE_HEAD + GOOD + 'unset = ["application.track"]\n', "is not set"),
        (CASE_HEAD + GOOD + 'set = {"decision.on" = 2026-01-01}\n', "Write on = DATE"),
        (CASE_HEAD, "case is missing"),
    ],
)
def test_faulty_cases_are_told_with_their_lines(text: str, what: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(what)):
        cases_in(text.encode(), policy(RULE), CATALOGUE)


def test_a_head_may_name_a_fund_its_windows_and_a_currency() -> None:
    head = HEAD.replace(
        "version = 2", 'version = 2\nfund = "f"\nwindows = ["w-1"]\ngates = ["signature"]'
    )
    made = policy(RULE, head=head)
    assert (made.fund, made.windows, made.gates) == ("f", ("w-1",), ("signature",))
    with pytest.raises(PolicyError, match="Did you mean"):
        policy(RULE, head=head.replace("signature", "signatures"))
