"""The engine of policies: three values, all reasons, the worst outcome, sentences that are safe."""

from datetime import date
from typing import Any

import pytest

from mfm.core.decisions import Found, evaluate, restored, snapshot, told
from mfm.core.explanations import explained
from mfm.core.policy_format import PolicyFile
from mfm.core.policy_source import MAX_BYTES, PolicyError
from mfm.core.record import canonical
from tests.core.policies import CATALOGUE, HEAD, TEXTS, policy, rule

DAY = date(2026, 3, 15)
SHARE = (
    'require = [{share_of = ["organisation.partner_budget_control", "application.requested"],'
    ' at_most = "20%"}]'
)
EITHER = (
    'require = [{any = [{fact = "organisation.ingo_affiliate", equals = false},'
    ' {fact = "application.gender_marker", at_least = 2}]}]'
)
VALID = (
    'require = [{fact = "organisation.due_diligence_valid_until",'
    ' on_or_after = {fact = "decision.on"}}]'
)
SENTENCES = "".join(
    f"{key} = {{"
    + ", ".join(
        f'{language} = "{{organisation.partner_budget_control}} / {{application.requested}}"'
        for language in ("en", "fr", "es", "ar")
    )
    + "}\n"
    for key in ("message", "fix")
)


def decide(made: PolicyFile, **facts: object) -> Found:
    named = {name.replace("__", "."): value for name, value in facts.items()}
    return evaluate([made], named, DAY, CATALOGUE)


@pytest.mark.parametrize(
    ("body", "facts", "result"),
    [
        ('require = [{fact = "application.requested", at_least = 0}]', {}, "undecided"),
        (
            'require = [{fact = "application.requested", at_most = {fact = "fund.board_limit"}}]',
            {"application__requested": 5, "fund__board_limit": 5},
            "satisfied",
        ),
        (
            SHARE,
            {"organisation__partner_budget_control": 20, "application__requested": 100},
            "satisfied",
        ),
        (
            SHARE,
            {"organisation__partner_budget_control": 21, "application__requested": 100},
            "violated",
        ),
        (
            SHARE,
            {"organisation__partner_budget_control": 0, "application__requested": 0},
            "undecided",
        ),
        (
            EITHER,
            {"application__gender_marker": 2},
            "satisfied",
        ),
        (
            EITHER,
            {"application__gender_marker": 1},
            "undecided",
        ),
        (
            'require = [{none = [{fact = "organisation.level", equals = "international"}]}]',
            {},
            "undecided",
        ),
        (
            'require = [{none = [{fact = "organisation.level", equals = "international"}]}]',
            {"organisation__level": "international"},
            "violated",
        ),
        ('require = [{fact = "organisation.screened_on", is_recorded = true}]', {}, "violated"),
        (
            'require = [{fact = "organisation.screened_on", no_older_than = "1 month"}]',
            {"organisation__screened_on": date(2026, 2, 15)},
            "satisfied",
        ),
        (
            'require = [{fact = "organisation.screened_on", no_older_than = "1 month"}]',
            {"organisation__screened_on": date(2026, 2, 14)},
            "violated",
        ),
        (
            VALID,
            {"organisation__due_diligence_valid_until": DAY},
            "satisfied",
        ),
        (
            'require = [{fact = "earmark.mismatched", within = []}]',
            {"earmark__mismatched": ["place"]},
            "violated",
        ),
        (
            'applies_when = [{fact = "organisation.level", one_of = ["local"]}]\n' + SHARE,
            {"organisation__level": "national"},
            "not-applicable",
        ),
        (
            'applies_when = [{fact = "organisation.level", one_of = ["local"]}]\n' + SHARE,
            {"organisation__partner_budget_control": 21, "application__requested": 100},
            "undecided",
        ),
    ],
)
def test_a_rule_has_its_result(body: str, facts: dict[str, Any], result: str) -> None:
    assert decide(policy(rule(body)), **facts).results[0].result == result


def test_the_end_of_a_month_stays_in_its_month() -> None:
    made = policy(
        rule('require = [{fact = "organisation.screened_on", no_older_than = "1 month"}]')
    )
    facts = {"organisation.screened_on": date(2026, 2, 28)}
    assert evaluate([made], facts, date(2026, 3, 31), CATALOGUE).outcome == "allow"


def test_the_worst_outcome_wins_and_every_reason_is_given() -> None:
    marker = 'require = [{fact = "application.gender_marker", at_least = 2}]'
    made = policy(
        rule(marker, "a", "flag"),
        rule(marker, "b", "require-approval").replace(
            "require = ", 'approver = "board"\nrequire = '
        ),
        rule('require = [{fact = "application.track", equals = "dedicated"}]', "c"),
        rule(SHARE, "d"),
    )
    whole = {"organisation__partner_budget_control": 1, "application__requested": 9}
    found = decide(made, application__gender_marker=1, application__track="prevention", **whole)
    assert found.outcome == "refuse"
    assert [each.rule for each in explained(found, "en")] == ["a", "b", "c"]
    assert (
        decide(made, application__gender_marker=1, application__track="dedicated", **whole).outcome
        == "needs-approval"
    )
    assert (
        decide(made, application__gender_marker=1, application__track="dedicated").outcome
        == "incomplete"
    )
    assert (
        decide(made, application__gender_marker=2, application__track="dedicated", **whole).outcome
        == "allow"
    )


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2027, 1, 1)])
def test_no_policy_in_force_refuses(day: date) -> None:
    made = policy(rule('require = [{fact = "application.gender_marker", at_least = 0}]'))
    facts = {"application.gender_marker": 2}
    assert evaluate([made], facts, day, CATALOGUE).outcome == "refuse"
    assert evaluate([], facts, DAY, CATALOGUE).outcome == "refuse"
    assert evaluate([made], facts, date(2026, 12, 31), CATALOGUE).outcome == "allow"


@pytest.mark.parametrize("value", [True, "2", 2.0, -1, 4, 2**63, [2], {}, date(2026, 1, 1), b"2"])
def test_what_is_not_of_its_type_does_not_count(value: object) -> None:
    made = policy(rule('require = [{fact = "application.gender_marker", at_least = 1}]'))
    found = decide(made, application__gender_marker=value)
    assert found.outcome == "incomplete"
    assert "application.gender_marker" in found.rejected


def test_an_ill_typed_fact_holds_even_where_another_settles_the_rule() -> None:
    made = policy(rule(EITHER))
    good = {"application__gender_marker": 2}
    assert decide(made, **good).outcome == "allow"
    assert decide(made, **good, organisation__ingo_affiliate="no").outcome == "incomplete"


def test_nobody_gives_the_day_of_the_decision_or_an_unknown_fact() -> None:
    made = policy(rule('require = [{fact = "application.gender_marker", at_least = 1}]'))
    found = decide(made, application__gender_marker=1, decision__on=date(2030, 1, 1), no__such=1)
    assert found.outcome == "allow"
    assert set(found.rejected) == {"decision.on", "no.such"}


def test_amounts_are_in_the_policys_currency() -> None:
    head = HEAD.replace("owner =", 'applies_to_currency = "USD"\nowner =')
    made = policy(rule('require = [{fact = "application.requested", at_most = 100}]'), head=head)
    facts = {"application.requested": 100}
    outcomes = {
        code: evaluate([made], facts | more, DAY, CATALOGUE).outcome
        for code, more in (
            ("", {}),
            ("USD", {"fund.currency": "USD"}),
            ("XOF", {"fund.currency": "XOF"}),
        )
    }
    assert outcomes == {"": "incomplete", "USD": "allow", "XOF": "refuse"}


def test_sentences_carry_values_as_people_read_them() -> None:
    made = policy(rule(SHARE, texts=SENTENCES))
    facts = {"organisation__partner_budget_control": 1_234_567, "application__requested": 5_000_000}
    said = {
        (currency, language): explained(
            decide(made, **facts, **({"fund__currency": currency} if currency else {})), language
        )[0].message
        for currency, language in (
            ("USD", "en"),
            ("XOF", "fr"),
            ("KWD", "es"),
            ("USD", "ar"),
            ("", "en"),
        )
    }
    assert said == {
        ("USD", "en"): "12,345.67\u00a0USD / 50,000.00\u00a0USD",
        ("XOF", "fr"): "1\u202f234\u202f567\u00a0XOF / 5\u202f000\u202f000\u00a0XOF",
        ("KWD", "es"): "1.234,567\u00a0KWD / 5.000,000\u00a0KWD",
        ("USD", "ar"): "\u206812,345.67\u00a0USD\u2069 / \u206850,000.00\u00a0USD\u2069",
        ("", "en"): "1,234,567 minor units / 5,000,000 minor units",
    }


def test_a_value_brings_no_placeholder_in() -> None:
    code = 'require = [{fact = "fund.currency", equals = "USD"}]'
    texts = TEXTS.replace('"No."', '"{fund.currency}"').replace('"Non."', '"{fund.currency}"')
    texts = texts.replace('"لا."', '"{fund.currency}"')
    found = decide(policy(rule(code, texts=texts)), fund__currency="{application.requested}")
    assert found.outcome == "incomplete"
    reason = explained(found, "en")[0]
    assert (reason.result, reason.fix) == ("undecided", "Please provide: currency of the fund.")


def test_better_words_leave_the_logic_as_it_was() -> None:
    one = policy(rule(SHARE))
    better = policy(rule(SHARE, texts=TEXTS.replace("Changez.", "Veuillez changer.")))
    other = policy(rule(SHARE.replace("20%", "21%")))
    assert one.sha256 != better.sha256
    assert one.logic_sha256 == better.logic_sha256 != other.logic_sha256


def test_a_decision_comes_out_the_same_from_its_snapshot() -> None:
    made = policy(rule(SHARE), rule('require = [{fact = "earmark.mismatched", within = []}]', "b"))
    facts = {
        "organisation.partner_budget_control": 3,
        "application.requested": 9,
        "earmark.mismatched": ["place"],
        "organisation.screened_on": date(2026, 1, 1),
        "window.local_only": True,
        "application.track": 7,
    }
    found = evaluate([made], facts, DAY, CATALOGUE)
    again = evaluate([made], restored(snapshot(found.values), CATALOGUE), DAY, CATALOGUE)
    assert canonical(told(again)) == canonical(told(found))
    assert told(found)["facts"]["organisation.partner_budget_control"] == "3"


# What is refused at the door ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (
            HEAD + rule('require = [{fact = "application.reqested", at_least = 1}]'),
            18,
            "Did you mean application.requested?",
        ),
        (
            HEAD + rule('require = [{fact = "application.track", at_lest = 1}]'),
            18,
            "Did you mean at_least?",
        ),
        (
            HEAD + rule('require = [{fact = "application.track", at_least = 1}]'),
            18,
            "does not go with",
        ),
        (
            HEAD + rule('require = [{fact = "application.track", equals = "reliefrecovery"}]'),
            18,
            "Did you mean relief-recovery?",
        ),
        (
            HEAD + rule('require = [{fact = "application.gender_marker", at_least = 9}]'),
            18,
            "from 0 to 3",
        ),
        (
            HEAD + rule('require = [{fact = "application.gender_marker", at_least = true}]'),
            18,
            "from 0 to 3",
        ),
        (
            HEAD + rule('require = [{fact = "organisation.screened_on", after = "2026-01-01"}]'),
            18,
            "a date",
        ),
        (
            HEAD
            + rule('require = [{fact = "organisation.screened_on", no_older_than = "a while"}]'),
            18,
            "18 months",
        ),
        (HEAD + rule(SHARE.replace("20%", "20.123%")), 18, "two decimals"),
        (
            HEAD + rule(SHARE.replace("application.requested", "application.gender_marker")),
            18,
            "share_of takes two",
        ),
        (
            HEAD + rule('require = [{fact = "application.requested", at_most = 5}]'),
            1,
            "applies_to_currency",
        ),
        (
            HEAD
            + rule(
                'require = [{fact = "application.requested", at_most = {fact = "fund.local_floor"'
                "}}]"
            ),
            18,
            "like with like",
        ),
        (HEAD + rule('require = [{fact = "application.track"}]'), 18, "one fact, and one word"),
        (HEAD + rule("require = [{any = []}]"), 18, "at least one"),
        (HEAD + rule("require = []"), 18, "Name what must hold"),
        (
            HEAD
            + rule(
                'require = [{none = [{fact = "organisation.screened_on", is_recorded = true}]}]'
            ),
            18,
            "never negated",
        ),
        (
            HEAD
            + rule(
                'applies_when = [{fact = "organisation.screened_on", is_recorded = true}]\n' + SHARE
            ),
            18,
            "never negated",
        ),
        (
            HEAD
            + rule(
                'require = [{all=[{all=[{all=[{all=[{fact="fund.currency", equals="A"}]}]}]}]}]'
            ),
            15,
            "4 deep",
        ),
        (HEAD + rule(SHARE, texts=TEXTS.replace('es = "No.", ', "")), 15, "es is missing"),
        (
            HEAD + rule(SHARE, texts=TEXTS.replace('"No."', '"{application.requested}"')),
            19,
            "Add it to fr, ar",
        ),
        (
            HEAD + rule(SHARE, texts=TEXTS.replace('"No."', '"{application.asked}"')),
            19,
            "names no fact",
        ),
        (HEAD + rule(SHARE, texts=TEXTS.replace('"No."', '"{"')), 19, "brace"),
        (HEAD + rule(SHARE, severity="deny"), 17, "refuse, require-approval"),
        (HEAD + rule(SHARE, severity="require-approval"), 15, "Only require-approval has one"),
        (
            HEAD + rule(f'approver = "donor"\n{SHARE}', severity="require-approval"),
            18,
            "approver, board",
        ),
        (HEAD + rule(SHARE) + rule(SHARE), 22, "two rules one"),
        (HEAD.replace("format = 1", "format = 2") + rule(SHARE), 1, "format = 1"),
        (HEAD.replace('"eligibility"', '"eligible"') + rule(SHARE), 4, "Did you mean eligibility?"),
        (HEAD.replace("2026-12-31", "2025-12-31") + rule(SHARE), 8, "on or after the first"),
        (HEAD.replace("2026-12-31", '"2026-12-31"') + rule(SHARE), 8, "Take the quotes away"),
        (HEAD.replace("2026-12-31", "2026-12-31T00:00:00Z") + rule(SHARE), 8, "without a time"),
        (HEAD.replace("applicants@1", "applicants@2") + rule(SHARE), 9, "earlier version"),
        (HEAD.replace("owner", "ownr") + rule(SHARE), 10, "Did you mean owner?"),
        (HEAD.replace("owner", "version") + rule(SHARE), 10, "there twice"),
        (HEAD + "[source]\n" + rule(SHARE), 15, "there twice"),
        (HEAD + rule(SHARE).replace("refuse", "ref\u202euse"), 17, "U+202E"),
        (HEAD + 'x = "', 15, "never ends"),
        (HEAD + "x = 1.2.3", 15, "no TOML"),
        (HEAD, 1, "Add [[rule]]"),
    ],
)
def test_a_faulty_file_is_told_where_what_and_how_to_mend(text: str, line: int, what: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy(head=text)
    assert caught.value.code == "policy-faulty"
    lines = caught.value.lines()
    assert any(each.startswith(f"test.toml:{line}: ") and what in each for each in lines), lines


def test_all_faults_of_a_file_are_told_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        policy(rule('require = [{fact = "a.b", at_least = 1}]', severity="no"), rule("require = 1"))
    assert len(caught.value.faults) >= 4


DEEP = "x = " + "[" * 100_000
BOMBS = [
    b"#" * 10_000_000,
    b"#" * (MAX_BYTES + 1),
    DEEP.encode(),
    b"x = " + b"{a=" * 60_000,
    b"a." * 120_000 + b"a = 1",
    b"[" + b"a." * 120_000 + b"a]",
    b'"a".' * 60_000 + b"a = 1",
    b"x = [" + b"1," * 120_000 + b"]",
    b"".join(b"a%d=1\n" % number for number in range(30_000)),
    b'"""\\' * 60_000,
    b"'''' " * 50_000,
    b'""" "' * 50_000,
    b"\\" * 200_000,
    b"x = 1" + b"0" * 200_000,
    b"x = '" + b"\xff" * 10,
    b"[[rule]]\n" * 28_000,
    b"\x00" * 1000,
]


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: repr(bomb[:12]))
def test_a_bomb_is_refused_with_a_reason(bomb: bytes) -> None:
    with pytest.raises(PolicyError) as caught:
        policy(head=bomb.decode("latin-1"))
    assert len(str(caught.value)) < 10_000
