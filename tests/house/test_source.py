"""Every rule for Python source: its bad samples are caught, and the house keeps it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.house import rules
from tests.house.tree import ROOT, texts


class Rule(NamedTuple):
    """One rule of the house.

    Attributes:
        offences: the pure function that finds them in one file's text.
        bad: samples that must be caught, each by itself.
        good: a sample that must pass.
        under: the folder it holds for.
        spared: path (or its beginning) -> why the rule does not hold there.
    """

    offences: Callable[[str], list[rules.Offence]]
    bad: list[str]
    good: str
    under: str = "src/"
    spared: dict[str, str] = {}  # noqa: RUF012  # a NamedTuple's default is never written to


VERIFIER = "src/mfm/verifier.py"
MANY_LINES = "\n".join("    x = 1" for _ in range(rules.MAX_FUNCTION_LINES))

RULES = [
    Rule(
        rules.names_float,
        ["def f(x: float) -> None: ...", "y = builtins.float(1)", "z: 'float' = 1"],
        '"""A float is refused here."""\nfloated = 1\n',
    ),
    Rule(
        rules.holds_fractions, ["rate = 0.5", "x = f(1e3)"], "rate = (1, 2)", under="src/mfm/core/"
    ),
    Rule(
        rules.holds_sql,
        [
            "q = 'SELECT 1'",
            "q = f'UPDATE {table} SET a = 1'",
            "q = '''\n  WITH x AS (VALUES (1)) TABLE x'''",
            "q = 'insert into x values (1)'",
            "q = 'DELETE FROM x'",
            "q = 'CREATE TABLE x ()'",
        ],
        '"""Select a fund and update it."""\nkind = "UPDATE"\n',
        spared={"src/mfm/store/": "the store is where SQL lives"},
    ),
    Rule(
        rules.commits,
        ["async def f(c):\n    await c.commit()", "with engine.begin() as c: ..."],
        "commitments.sign(fund)",
        spared={"src/mfm/store/": "the writer shares one commit between verbs"},
    ),
    Rule(rules.is_long, [f"def f():\n{MANY_LINES}"], "def f():\n    return 1"),
    Rule(
        rules.takes_much,
        ["def f(a, b, c, d, e, g): ...", "def f(a, b, *c, d, e, **g): ..."],
        "class A:\n    def f(self, a, b, c, d, e): ...",
    ),
    Rule(
        rules.is_big,
        ["x = 1\n" * (rules.MAX_FILE_LINES + 1)],
        "x = 1\n" * rules.MAX_FILE_LINES,
        spared={VERIFIER: "one file that can be carried away, held below 600 lines by its tests"},
    ),
    Rule(
        rules.uses_json,
        ["import json", "from json import loads", "import os, json.decoder"],
        "import msgspec.json",
        spared={VERIFIER: "runs where there is no msgspec"},
    ),
    Rule(
        rules.reads_clock,
        [
            "from datetime import datetime\nx = datetime.now(UTC)",
            "import datetime\nx = datetime.datetime.now()",
            "from datetime import date\nx = date.today()",
            "import time\nx = time.time()",
        ],
        "x = ctx.now\ny = time.monotonic()",
        spared={
            "src/mfm/app/context.py": "reads the clock for everybody above the store",
            "src/mfm/store/writer.py": "dates the records it makes",
            VERIFIER: "a program of its own: a cosignature of tomorrow counts for nothing",
        },
    ),
    Rule(
        rules.pardons_silently,
        [
            "x = 1  # noqa",
            "x = 1  # noqa: S608",
            "x = 1  # type: ignore",
            "x = 1  # type: ignore[arg-type]",
            "x = 1  # type: ignore[arg-type]  # why",
            "x = 1  # pragma: no cover",
        ],
        "x = 1  # type: ignore[arg-type]  # the table is checked by a test\n"
        "y = 2  # noqa: S608, E501  # the name is ours\nz = '# noqa'",
    ),
    Rule(rules.postpones, ["x = 1  # TODO: more"], "todo = 'TODO'"),
    Rule(rules.defers_annotations, ["from __future__ import annotations"], "import annotations"),
]

BY_NAME = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.offences.__name__)


@BY_NAME
def test_the_rule_catches_what_it_is_for(rule: Rule) -> None:
    missed = [sample for sample in rule.bad if not rule.offences(sample)]
    assert not missed, f"not caught: {missed}"
    assert rule.offences(rule.good) == []


@BY_NAME
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    found = [
        f"{path}:{line}: {what}"
        for path, text in texts(rule.under, ".py").items()
        if not path.startswith(tuple(rule.spared))
        for line, what in rule.offences(text)
    ]
    assert not found, f"{rule.offences.__doc__}\n" + "\n".join(found)


@BY_NAME
def test_no_exception_outlives_its_need(rule: Rule) -> None:
    idle = [
        f"{spared} ({why})"
        for spared, why in rule.spared.items()
        if not any(
            rule.offences(text)
            for path, text in texts(rule.under, ".py").items()
            if path.startswith(spared)
        )
    ]
    assert not idle, "spared without need:\n" + "\n".join(idle)


def test_exceptions_from_tools_are_reasoned_in_tests_too() -> None:
    found = [
        f"{path}:{line}: {what}"
        for folder in ("tests/", "bench/")
        for path, text in texts(folder, ".py").items()
        for line, what in rules.pardons_silently(text)
    ]
    assert not found, "\n".join(found)


def test_the_file_that_auditors_read_stays_short() -> None:
    assert len((ROOT / VERIFIER).read_text("utf-8").splitlines()) < 600
