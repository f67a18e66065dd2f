"""Keeping a trail from the terminal: policy, witness by file, anchor, key, erasure, comparing."""

from pathlib import Path

import pytest

from mfm.verifier import key_of
from tests.cli.terminal import Terminal, sentence

pytestmark = pytest.mark.usefixtures("terminal")


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def policies(terminal: Terminal, tmp_path: Path) -> tuple[str, str]:
    """Make a witness that knows the log; return policies without and with it."""
    state = str(tmp_path / "witness")
    vkey = terminal.run("witness", "key", "--state", state, "--name", "example.org/w1").stdout
    policy = terminal.run("trail", "policy").stdout
    assert policy.endswith("quorum none\n")
    written(tmp_path / "witness" / "policy", policy)
    believed = policy.replace("quorum none", f"witness w1 {vkey.strip()}\nquorum w1")
    return written(tmp_path / "none", policy), written(tmp_path / "mine", believed)


def test_checkpoints_are_cosigned_by_file(terminal: Terminal, tmp_path: Path) -> None:
    """The checkpoint goes to the witness, the line comes back; then the next one with its proof."""
    run, state, line = terminal.run, str(tmp_path / "witness"), str(tmp_path / "line")
    assert run("party", "register", "--name", "One").returncode == 0
    _, mine = policies(terminal, tmp_path)
    one = written(tmp_path / "one", run("seal").stdout)
    size = int((tmp_path / "one").read_text().split("\n")[1])
    assert run("witness", "cosign", one, "--state", state, "-o", line).returncode == 0
    told = terminal.json("trail", "cosign", "--line", line, "--policy", mine)
    assert told == {"size": size, "witnesses": ["example.org/w1"]}

    assert run("party", "register", "--name", "Two").returncode == 0
    two = written(tmp_path / "two", run("seal").stdout)
    assert run("witness", "cosign", two, "--state", state).returncode == 1
    proof = written(tmp_path / "proof", run("trail", "proof", "--old", str(size)).stdout)
    done = run("witness", "cosign", two, "--proof", proof, "--state", state, "-o", line)
    assert done.returncode == 0, done
    done = run("trail", "cosign", "--line", line, MFM_TRAIL_POLICY=mine)
    assert done.stdout == f"The checkpoint of {size + 1} records is cosigned by example.org/w1.\n"
    said = sentence(run("trail", "cosign", "--line", line, "--size", str(size), "--policy", mine))
    assert "cosignature-unknown" in said
    assert "policy-missing" in sentence(run("trail", "cosign", "--line", line))

    assert run("trail", "compare", one, two, "--proof", proof).stdout.startswith("extends: ")
    assert run("trail", "compare", two, two, "--policy", mine).stdout.startswith("same: ")
    assert "proof-missing" in sentence(run("trail", "compare", one, two))
    export = str(tmp_path / "export.tar")
    assert run("export", "trail", "-o", export).returncode == 0
    assert run("verify", export, "--policy", mine).returncode == 0
    unnamed = run("verify", export)
    assert "policy-missing" in sentence(unnamed)
    assert "`mfm trail policy` prints one" in unnamed.stderr


def test_a_timestamp_is_asked_for_by_file(terminal: Terminal, tmp_path: Path) -> None:
    run, query = terminal.run, tmp_path / "query.tsq"
    assert run("party", "register", "--name", "Somebody").returncode == 0
    assert run("trail", "anchor", "--request", str(query)).returncode == 0
    assert len(query.read_bytes()) == 59
    assert "anchor-malformed" in sentence(run("trail", "anchor", "--response", str(query)))
    assert "MFM_TIMESTAMP_URL" in sentence(run("trail", "anchor"))


def test_the_key_is_changed_and_policies_follow(terminal: Terminal, tmp_path: Path) -> None:
    run = terminal.run
    assert run("party", "register", "--name", "Somebody").returncode == 0
    none, mine = policies(terminal, tmp_path)
    first = run("trail", "key").stdout.strip()
    before = written(tmp_path / "before", run("seal").stdout)
    changed = terminal.json("trail", "rotate-key")
    second = run("trail", "key").stdout.strip()
    assert changed["key"] == second != first
    assert key_of(second).name == key_of(first).name
    assert f"log {first}\nlog {second}\n" in run("trail", "policy").stdout
    later = str(tmp_path / "later")
    assert run("export", "trail", "-o", later).returncode == 0
    assert run("verify", later, "--policy", mine).returncode == 3  # its head is not cosigned yet
    assert run("verify", later, "--policy", none).returncode == 0
    assert run("trail", "compare", before, later).stdout.startswith("extends: ")


def test_a_text_is_erased_and_withheld_from_the_terminal(
    terminal: Terminal, tmp_path: Path
) -> None:
    run = terminal.run
    made = terminal.json("party", "register", "--name", "Mistaken")["seq"]
    told = terminal.json("record", "reverse", "--record", str(made), "--reason", "Amina asked")
    again = terminal.json("party", "register", "--name", "Mistaken too")["seq"]
    terminal.json("record", "reverse", "--record", str(again), "--reason", "Amina asked again")
    erase = ["payload", "erase", "--record", str(told["seq"]), "--fields", '["reason"]']
    assert run(*erase, "--legal-basis", "GDPR Art. 17(1)(b)").returncode == 0
    assert "erasure-done" in run(*erase, "--legal-basis", "again").stdout
    export = tmp_path / "export"
    done = run("export", "trail", "-o", str(export), "--withhold", "reason")
    assert done.returncode == 0, done
    shown = (export / "disclosures.jsonl").read_text()
    assert "Amina" not in shown
    assert shown.count('"withheld":true') == 1
    policy = written(tmp_path / "policy", run("trail", "policy").stdout)
    verdict = terminal.json("verify", str(export), "--policy", policy)
    assert (verdict["disclosures"]["withheld"], verdict["disclosures"]["erased"]) == (1, 1)
    assert run("verify", "--database").returncode == 0
