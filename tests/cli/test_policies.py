"""Policies from the terminal: checked, tried, asked; without a database or a mechanism."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.core.policies import POLICIES

FEES = "spending/fees.toml"
ON = ("--on", "2026-03-15")
FACTS = {"fees.administrative": 10_001, "fees.deposit": 1_000_000, "fees.indirect": 0}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "data")


def test_a_decision_is_told_with_every_rule_and_language(
    terminal: Terminal, tmp_path: Path
) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(FACTS | {"organisation.screened_on": "2026-01-01"}), "utf-8")
    asked = ("policies", "decide", "--policies", str(POLICIES / "shared" / FEES), "--facts")
    told = terminal.json(*asked, str(facts), *ON)
    assert told["outcome"] == "refuse"
    fee, indirect = told["rules"]
    assert (fee["id"], fee["result"], indirect["result"]) == (
        "agent-fee",
        "violated",
        "not-applicable",
    )
    assert set(fee["message"]) == set(fee["fix"]) == {"en", "fr", "es", "ar"}
    assert "10,001 minor units" in fee["message"]["en"]
    assert indirect["message"] == {}

    many = tmp_path / "facts.jsonl"
    lines = [FACTS, FACTS | {"fees.administrative": 10_000}, {"fees.administrative": "1"}]
    many.write_text("".join(json.dumps(each) + "\n" for each in lines), "utf-8")
    done = terminal.run(*asked, str(many), *ON, "--json")
    decided = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["outcome"] for each in decided] == ["refuse", "allow", "incomplete"]
    assert decided[2]["rules"][0]["missing"] == ["fees.administrative", "fees.deposit"]
    assert decided[2]["rejected"].keys() == {"fees.administrative"}
    assert (
        "refuse\n  shared.spending.fees@1 agent-fee:"
        in terminal.run(*asked, str(facts), *ON).stdout
    )
    for content in ("[]", "[" * 100_000):
        facts.write_text(content, "utf-8")
        assert "json-malformed" in terminal.fails(*asked, str(facts), *ON)
    assert "file-unreadable" in terminal.fails(*asked, str(tmp_path / "none.json"), *ON)
    assert not terminal.data_dir.exists()


def test_files_are_checked_and_tried_with_their_cases(terminal: Terminal, tmp_path: Path) -> None:
    shutil.copytree(POLICIES / "shared", tmp_path / "mine")
    mine = str(tmp_path / "mine")
    assert terminal.json("policies", "check", mine)["faults"] == []
    fees = tmp_path / "mine" / FEES
    text = fees.read_text("utf-8")
    fees.write_text(text.replace('at_most = "1%"', 'at_most = "2%"'), "utf-8")
    fees.with_name("authority.cases.toml").unlink()
    told = terminal.json("policies", "test", mine, code=1)["policies"]
    failed = {Path(each["file"]).name: each["failures"] for each in told if each["failures"]}
    assert failed.keys() == {"fees.toml", "authority.toml"}
    assert "write authority.cases.toml" in failed["authority.toml"][0]
    fees.write_text(text.replace("at_most", "at_mots", 1), "utf-8")
    told = terminal.json("policies", "check", mine, code=1)
    assert [f"{fees}:22: Unknown key 'at_mots'. Did you mean at_most?"] == told["faults"]
    asked = ("policies", "decide", "--policies", str(fees), "--facts", str(fees), *ON)
    assert "policy-faulty" in terminal.fails(*asked)
    assert terminal.run("policies", "test", mine).returncode == 1
    (tmp_path / "empty").mkdir()
    assert "no policy" in terminal.fails("policies", "check", str(tmp_path / "empty"))
