"""Chains, the donor's view and the log of reads, as they are typed."""

import pytest

from tests.cli.terminal import Terminal


@pytest.fixture(scope="module")
def played(terminal: Terminal) -> Terminal:
    assert terminal.run("demo", "--once").returncode == 0
    return terminal


def test_the_chain_as_json_is_as_it_is_promised(played: Terminal) -> None:
    told = played.json("chain", "contribution-1", "--direction", "down")
    assert list(told) == ["root", "edges", "boundary"]
    assert told["root"] == "contribution-1"
    for edge in told["edges"]:
        assert list(edge) == ["from", "to", "commitment", "stage", "amount", "fee", "days"]
        assert list(edge["amount"]) == list(edge["fee"]) == ["amount", "currency"]
        assert isinstance(edge["days"], int)
    assert [(edge["from"], edge["to"]) for edge in told["edges"]] == [
        *(("donor", "global"), ("global", "national"), ("national", "weavers"))
    ]
    assert told["edges"][0]["fee"] == {"amount": "9900.00", "currency": "USD"}
    assert list(told["boundary"]) == ["incoming", "internal", "outgoing"]
    up = played.json("chain", "grant-1", "--direction", "up")
    assert [edge["from"] for edge in up["edges"]] == ["national", "global", "donor"]


def test_the_chain_is_a_table_by_depth(played: Terminal) -> None:
    down, up, donor = played.each(
        ("chain", "donor"), ("chain", "weavers", "--direction", "up"), ("donor", "donor")
    )
    lines = [line for line in down.stdout.splitlines() if "-1" in line or "-to-" in line]
    assert [len(line) - len(line.lstrip()) for line in lines] == [2, 4, 6]
    assert "internal" in down.stdout
    assert up.stdout.index("grant-1") < up.stdout.index("contribution-1")
    assert "unallocated" in donor.stdout
    assert "weavers" in donor.stdout


def test_what_cannot_be_traced(played: Terminal) -> None:
    assert "not-found" in played.fails("chain", "nowhere")
    assert "chain-currencies" in played.fails("chain", "global", "--currency", "EUR")
    assert "not-found" in played.fails("donor", "nobody")
    assert "invalid choice" in played.fails("chain", "global", "--direction", "sideways")


def test_commands_are_in_the_log_of_reads(played: Terminal) -> None:
    assert played.run("statement", "national").returncode == 0
    found = played.json("reads", "--action", "statement.read")["items"]
    assert [(each["role"], each["subject"]) for each in found] == [
        ("operator", "mfm statement national")
    ]
    subjects = [each["subject"] for each in played.json("reads")["items"]]
    assert "mfm chain contribution-1 --direction down" in subjects
    assert "mfm donor donor" in subjects
    assert not any("nowhere" in subject for subject in subjects)  # it was told nothing
    assert "mfm donor donor" in played.run("reads").stdout
