"""A backup put back, and carried on with: refused by whatever writes or signs, with what to do."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.terminal import Terminal, sentence
from tests.cli.test_serving import until_ready


@pytest.fixture
def own() -> Iterator[Terminal]:
    """A terminal whose server stops after every command, so that its files may be copied."""
    folder = Path(tempfile.mkdtemp(prefix="mfm-restore-"))
    folder.chmod(0o755)
    yield Terminal(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


def copy(source: Path, target: Path) -> None:
    """Copy a stopped server's files with their owners."""
    assert not (source / "data" / "postmaster.pid").exists()
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def register(own: Terminal, *names: str) -> None:
    for name in names:
        assert own.run("party", "register", "--name", name).returncode == 0


def test_case_26_yesterdays_backup_is_not_carried_on_with(own: Terminal, tmp_path: Path) -> None:
    live, backup = own.data_dir / "postgres", own.data_dir.parent / "backup"
    today = own.data_dir.parent / "today"
    register(own, "One")
    assert own.run("seal").returncode == 0
    copy(live, backup)
    register(own, "Two", "Three")
    first = own.run("seal").stdout
    copy(live, today)

    copy(backup, live)
    asked = [
        ("party", "register", "--name", "Else"),
        ("serve", "--port", "0"),
        ("seal",),
        ("trail", "rotate-key"),
        ("export", "trail", "-o", str(tmp_path / "export")),
    ]
    for args in asked:
        said = sentence(own.run(*args))
        assert "4 records were signed, but the journal ends at 2" in said, args
        assert "docs/how-to/restore.md" in said
    assert own.json("verify", "--database")["records"] == 2  # looking is free

    # Others wrote upon the backup, without the keys: it is as long again, and another.
    keys = own.data_dir / "keys"
    keys.rename(own.data_dir / "away")
    register(own, "Zwei", "Drei")
    shutil.rmtree(keys, ignore_errors=True)
    (own.data_dir / "away").rename(keys)
    for args in asked[:2]:
        assert "are not those that were signed" in sentence(own.run(*args)), args

    # What helps is today's copy; and then the trail goes on as if nothing had been.
    copy(today, live)
    register(own, "Four")
    assert own.run("seal").stdout.split("\n")[1] == "5"
    assert first.split("\n")[1] == "4"


def says(serving: subprocess.Popen[str], word: str) -> bool:
    """Read what a service logs until it says a word, or ends; it is ended after a minute."""
    assert serving.stderr is not None
    end = threading.Timer(60, serving.terminate)
    end.start()
    try:
        return any(word in line for line in serving.stderr)
    finally:
        end.cancel()


def stop_database(own: Terminal) -> None:
    """Stop PostgreSQL under whoever uses it."""
    os.kill(own.server_pid(), signal.SIGINT)
    while own.server_pid():
        time.sleep(0.05)


def served(own: Terminal, key: str) -> tuple[subprocess.Popen[str], httpx.Client]:
    """Serve, and give a client with a key."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {key}"}
    return own.start("serve", "--port", str(port)), httpx.Client(
        base_url=url, headers=headers, timeout=60
    )


def test_case_26_a_service_whose_database_went_back_stops_writing(own: Terminal) -> None:
    """PostgreSQL is stopped under it, yesterday's files put back, and started again."""
    live, backup = own.data_dir / "postgres", own.data_dir.parent / "backup"
    party = own.json("party", "register", "--name", "One")["ids"][0]
    key = own.run("key", "create", "--role", "administrator", "--party", party).stdout.strip()
    assert own.run("seal").returncode == 0
    copy(live, backup)
    serving, client = served(own, key)

    def ask(number: int) -> httpx.Response:
        headers = {"Idempotency-Key": f"k{number}"}
        return client.post("/v1/parties", json={"name": f"Party {number}"}, headers=headers)

    try:
        until_ready(str(client.base_url).rstrip("/"))
        assert [ask(number).status_code for number in range(3)] == [201] * 3
        assert own.run("seal").stdout.split("\n")[1] == "6"  # the service does it
        stop_database(own)
        copy(backup, live)
        assert own.run("trail", "policy").returncode == 0  # starts the server again
        answer = ask(9)
        assert (answer.status_code, answer.json()["code"]) == (503, "journal-restored")
        assert "the journal ends at 3" in answer.json()["detail"]
        assert client.get("/health/live").status_code == 200
        assert ask(9).status_code == 503
        assert says(serving, "trail-stopped")  # when it next looks at the database
    finally:
        client.close()
        serving.terminate()
        serving.communicate(timeout=60)
