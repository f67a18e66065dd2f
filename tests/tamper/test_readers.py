"""Whoever reads what others made is not led astray: no memory without end, no terminal moved."""

import argparse
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import json

from mfm.app import compare, receipt_files
from mfm.app.receipt_files import DISCLOSURE, ENTRY, PROOF
from mfm.cli import verify as command
from mfm.core.errors import Invalid
from mfm.core.merkle import inclusion, leaf_hash, root_of
from mfm.formats import receipts
from mfm.formats.receipts import Proof
from mfm.store import remote
from mfm.verifier import commitment
from tests.tamper.forging import FIRST, Files, World, chained, put, records_of, told_of

STEERING = "paid\x1b[2J\x9b31m\u202e\r\nand more"
"""Clears the screen, colours it, turns its direction."""


def run(*argv: str | Path) -> int:
    """Run `mfm verify`, as the terminal does where there is no database."""
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["verify", *map(str, argv)])
    code: int = args.offline(args)
    return code


def kept(files: Files, leaf: int, folder: Path) -> Path:
    """Write a receipt of a record of an export."""
    records = records_of(files)
    leaves = [leaf_hash(each) for each in records]
    hashes = [root_of(leaves[low:high]) for low, high in inclusion(leaf, len(leaves))]
    proof = receipts.encode(Proof(leaf, hashes, files["checkpoint"].decode()))
    name = folder / "receipt"
    receipt_files.beside(name, PROOF).write_text(proof, "utf-8")
    receipt_files.beside(name, ENTRY).write_bytes(records[leaf])
    return name


@pytest.fixture
def policy(world: World, tmp_path: Path) -> Path:
    """The policy of who believes both of the log's keys."""
    path = tmp_path / "policy"
    logs = "".join(f"log {key.vkey}\n" for _, key in world.keys)
    path.write_text(f"{logs}quorum none\n", "utf-8")
    return path


def test_a_receipts_text_does_not_steer_the_terminal(
    world: World, tmp_path: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, salt = told_of(world.files), bytes(32)
    told[1]["body"]["commit"] = {"reason": commitment("reason", salt, STEERING)}
    files = world.signed(chained(told))
    name = kept(files, 1, tmp_path)
    opening = {"reason": {"salt": b64encode(salt).decode(), "value": STEERING}}
    receipt_files.beside(name, DISCLOSURE).write_bytes(json.encode(opening))
    assert run("receipt", name, "--policy", policy) == 0
    said = capsys.readouterr().out
    assert "and more" in said
    assert all(sign.isprintable() or sign == "\n" for sign in said)


def test_an_exports_names_do_not_steer_the_terminal(
    world: World, tmp_path: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = told_of(world.files)
    told[1]["body"]["sets"]["party"][0] |= {"id": STEERING, "prev": "1"}
    path = put(world.signed(chained(told)), tmp_path / "export")
    assert run(path, "--policy", policy) == 1
    said = capsys.readouterr().out
    assert said.startswith("state-order: record 2")
    assert all(sign.isprintable() or sign == "\n" for sign in said)


def test_a_detail_is_no_longer_than_somebody_reads(
    world: World, tmp_path: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = told_of(world.files)
    told[1]["body"]["sets"]["party"][0] |= {"id": "x" * 9_000, "prev": "1"}
    path = put(world.signed(chained(told)), tmp_path / "export")
    assert run(path, "--policy", policy) == 1
    assert len(capsys.readouterr().out) < 1_000


def enlarge(path: Path) -> None:
    """Make a file a terabyte long, of holes."""
    with path.open("r+b") as file:
        file.truncate(2**40)


@pytest.mark.parametrize("suffix", [PROOF, ENTRY, DISCLOSURE])
def test_a_receipts_file_without_end(
    suffix: str, world: World, tmp_path: Path, policy: Path
) -> None:
    name = kept(world.files, 1, tmp_path)
    receipt_files.beside(name, DISCLOSURE).write_bytes(b"{}")
    assert receipt_files.verify(name, policy.read_text("utf-8"))[0] == 0
    enlarge(receipt_files.beside(name, suffix))
    code, told = receipt_files.verify(name, policy.read_text("utf-8"))
    assert (code, told["problems"][0]["code"]) == (1, "file-size")


def dripping(line: socket.socket) -> None:
    """Answer with headers without end, a byte now and then."""
    caller, _ = line.accept()
    with caller, suppress(OSError):
        caller.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            caller.sendall(b"x")
            time.sleep(0.05)


def test_a_service_that_answers_a_byte_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_PATIENCE_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as line:
        thread = threading.Thread(target=dripping, args=(line,))
        thread.start()
        with pytest.raises(Invalid, match="remote-silent"):
            remote.post(f"http://127.0.0.1:{line.getsockname()[1]}/", b"x", "text/plain")
        thread.join()


def test_comparing_files_without_end(world: World, tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.write_bytes(world.files[f"checkpoints/{world.rotated}"])
    for name in ("checkpoint", FIRST):
        path = put(world.files, tmp_path / name.replace("/", "-"))
        assert compare.compare(compare.held(path), compare.held(older)).verdict == "extends"
        enlarge(path / name)
        with pytest.raises(Invalid, match="compare-unreadable"):
            compare.compare(compare.held(path), compare.held(older))
    enlarge(older)
    with pytest.raises(Invalid, match="compare-unreadable"):
        compare.held(older)


def test_verifying_an_export_begins_without_the_libraries_of_the_service(
    world: World, tmp_path: Path, policy: Path
) -> None:
    """They take more memory and time than the work: once in, they are hard to see."""
    lines = (
        "import runpy, sys",
        "try: runpy.run_module('mfm', run_name='__main__')",
        "except SystemExit as end: print(end.code, *sys.modules)",
    )
    path = put(world.files, tmp_path / "export")
    argv = [sys.executable, "-c", "\n".join(lines), "verify", path, "--policy", policy]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0"
    assert "msgspec" in modules
    assert not {"sqlalchemy", "asyncpg", "alembic", "litestar", "structlog"} & {*modules}
