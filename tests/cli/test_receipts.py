"""Receipts in the terminal: written, verified, and taken while a server signs."""

import csv
import signal
from pathlib import Path
from typing import Any

import pytest

from mfm.formats.csv import text_cell
from tests.cli.terminal import Terminal

FILES = ("tlog-proof", "entry", "disclosure.json", "html")


@pytest.fixture(scope="module")
def demo(terminal: Terminal) -> Terminal:
    """A terminal with the worked example's books."""
    terminal.json("demo", "--once", "--mechanism", "demo")
    return terminal


@pytest.fixture
def policy(demo: Terminal, tmp_path: Path) -> str:
    """The policy of who believes the log's key alone."""
    path = tmp_path / "policy"
    path.write_text(
        f"log {demo.run('trail', 'key', '--mechanism', 'demo').stdout.strip()}\nquorum none\n",
        "utf-8",
    )
    return str(path)


def test_a_receipt_is_written_and_verified(demo: Terminal, policy: str, tmp_path: Path) -> None:
    name = str(tmp_path / "dw.released")
    told = demo.json("receipt", "12", "-o", name, "--mechanism", "demo")
    assert told["files"] == [f"{name}.{suffix}" for suffix in FILES]
    assert all(Path(each).stat().st_size for each in told["files"])
    verdict = demo.json("verify", "receipt", name, "--policy", policy)
    assert verdict == verdict | {"ok": True, "size": told["size"], "root": told["root"], "seq": 12}
    assert verdict["problems"] == []
    assert verdict["decisions_not_rerun"] == 0
    said = demo.run("verify", "--policy", policy, "receipt", name)
    assert said.returncode == 0, said
    assert said.stdout.startswith(f"ok: {told['size']} records, root {told['root']}\n    record 12")
    entry = Path(f"{name}.entry")
    entry.write_bytes(entry.read_bytes().replace(b'"at":"2', b'"at":"3', 1))
    verdict = demo.json("verify", "receipt", name, "--policy", policy, code=1)
    (problem,) = verdict["problems"]
    assert problem == problem | {"code": "root", "seq": 12, "file": "dw.released.entry"}
    said = demo.run("verify", "receipt", name, "--policy", policy)
    assert (said.returncode, said.stdout.partition(":")[0]) == (1, "root")


def test_verify_tells_a_receipt_from_an_export(demo: Terminal, policy: str, tmp_path: Path) -> None:
    name = str(tmp_path / "receipt")
    demo.json("export", "trail", "-o", name, "--mechanism", "demo")
    size = demo.json("verify", name, "--policy", policy)["size"]
    demo.run("receipt", "3", "-o", name, "--mechanism", "demo")
    assert demo.json("verify", "receipt", name, "--policy", policy)["seq"] == 3
    shape = "mfm verify receipt NAME"
    assert shape in demo.fails("verify", "receipt", "--policy", policy)
    assert shape in demo.fails("verify", name, name, "--policy", policy, "--min-size", "3")
    assert shape in demo.fails("verify", "receipt", name, "--policy", policy, "--min-size", "3")
    assert "--policy" in demo.fails("verify", "receipt", name)
    assert size


def test_a_folder_called_receipt_is_written_with_its_place(
    demo: Terminal, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    demo.json("export", "trail", "-o", "receipt", "--mechanism", "demo")
    assert demo.json("verify", "./receipt", "--policy", policy)["ok"]
    assert demo.json("verify", "receipt/", "--policy", policy)["ok"]


def test_every_outcome_is_a_verdict(demo: Terminal, policy: str, tmp_path: Path) -> None:
    for path in ("receipt none", "none"):
        verdict = demo.json("verify", *path.split(), "--policy", policy, code=2)
        assert [each["code"] for each in verdict["problems"]] == ["unreadable"]
    verdict = demo.json("verify", "receipt", "none", "--policy", str(tmp_path / "no"), code=2)
    assert [each["code"] for each in verdict["problems"]] == ["unreadable"]
    demo.json("init", "--mechanism", "empty")
    for seq, mechanism in (("0", "demo"), ("99999", "demo"), ("2", "empty")):
        args = ("receipt", seq, "-o", str(tmp_path / "x"), "--mechanism", mechanism)
        assert "not-found" in demo.fails(*args)


def test_it_waits_for_the_server_that_signs(demo: Terminal, policy: str, tmp_path: Path) -> None:
    name = str(tmp_path / "new")
    server = demo.start("serve", "--mechanism", "demo", "--port", "0")
    try:
        assert server.stderr is not None
        assert "Serving demo" in server.stderr.readline()
        made = demo.json("party", "register", "--name", "New", "--mechanism", "demo")
        told = demo.json("receipt", str(made["seq"]), "-o", name, "--mechanism", "demo")
        assert told["size"] >= made["seq"]
        assert demo.json("verify", "receipt", name, "--policy", policy)["ok"]
        key = demo.run("trail", "key", "--mechanism", "demo").stdout.strip()
        assert key in Path(policy).read_text("utf-8")
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)


def test_statements_carry_the_tree_that_they_are_out_of(demo: Terminal) -> None:
    sealed: dict[str, Any] = {}
    seq = demo.json("party", "register", "--name", "Unsealed", "--mechanism", "demo")["seq"]
    assert demo.json("statement", "global", "--mechanism", "demo")["trail"] is None
    assert "Trail: not sealed yet" in demo.run("statement", "global", "--mechanism", "demo").stdout
    assert (
        "trail_root" not in demo.run("statement", "global", "--csv", "--mechanism", "demo").stdout
    )
    demo.run("seal", "--mechanism", "demo")
    for command in (["statement", "global"], ["history", "global", "1100"]):
        command += ["--mechanism", "demo"]
        told = demo.json(*command)["trail"]
        assert told == {"size": seq, "root": told["root"]}
        sealed[told["root"]] = None
        assert f"Trail: {seq} records, root {told['root']}" in demo.run(*command).stdout
        rows = list(csv.reader(demo.run(*command, "--csv").stdout.splitlines()))
        assert rows[-2][:2] == ["trail_size", str(seq)]
        assert rows[-1][:2] == ["trail_root", text_cell(told["root"])]
        assert {len(row) for row in rows} == {len(rows[0])}
    assert len(sealed) == 1
