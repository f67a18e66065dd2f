"""The demonstration and the server: started, asked, and stopped as a user does."""

import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from msgspec import json

from tests.cli.terminal import Terminal

PATIENCE_SECONDS = 30


def until_ready(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"{url} does not get ready")


def stopped(process: subprocess.Popen[str], how: signal.Signals) -> tuple[int, str, str]:
    """Stop a process; return its exit code and what it said."""
    process.send_signal(how)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


def test_the_demonstration_plays_once_at_any_scale(place: Path) -> None:
    terminal = Terminal(place)
    once = terminal.json("demo", "--once")
    assert terminal.server_pid() == 0  # the last who used it has stopped it
    assert once["balanced"] is True
    funds = {fund["fund"]: fund for fund in once["funds"]}
    assert funds["global"]["cash"] == funds["global"]["unallocated"] == "445100.00"
    assert funds["national"]["tier"] == "national"
    assert funds["national"]["cash"] == "495410.00"
    assert funds["global"]["balances"]["BUD"]["9300"] == -44_510_000
    scaled = terminal.json("demo", "--once", "--scale", "3")
    assert scaled["mechanism"] != once["mechanism"]
    assert scaled["records"] == once["records"]
    for fund in scaled["funds"]:
        for book, balances in fund["balances"].items():
            before = funds[fund["fund"]]["balances"][book]
            assert balances == {code: 3 * amount for code, amount in before.items()}


def test_the_demonstration_serves_and_is_found_again(place: Path) -> None:
    terminal = Terminal(place)
    process = terminal.start("demo", "--port", "0", "--json")
    assert process.stdout is not None
    told = ""
    while not told.endswith("\n}\n"):
        line = process.stdout.readline()
        assert line, process.communicate()
        told += line
    first = json.decode(told)
    until_ready(first["url"])
    assert terminal.server_pid()
    keys = {key["role"]: key["secret"] for key in first["keys"]}
    funds = httpx.get(
        f"{first['url']}/v1/funds", headers={"Authorization": f"Bearer {keys['auditor']}"}
    )
    assert [fund["id"] for fund in funds.json()["items"]] == ["global", "national", "local"]
    code, out, err = stopped(process, signal.SIGTERM)
    assert (code, out) == (0, "")
    assert not any(secret in err for secret in keys.values())
    assert terminal.server_pid() == 0

    process = terminal.start("demo", "--port", "0")
    assert process.stdout is not None
    seen = [process.stdout.readline() for _ in range(10)]
    text = "".join(seen)
    assert "69 records" in text
    assert "mfm_" not in text
    url = next(line for line in seen if "/docs" in line).split("/v1")[0].split()[-1]
    until_ready(url)
    assert httpx.get(f"{url}/docs").status_code == 200
    assert stopped(process, signal.SIGINT)[0] == 0
    assert terminal.server_pid() == 0


def test_a_server_tells_where_it_is_and_stops_tidily(place: Path) -> None:
    terminal = Terminal(place)
    process = terminal.start("--verbose", "serve", "--port", "0", "--mechanism", "demo")
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("Serving demo on http://127.0.0.1:")
    url = line.split()[-1]
    until_ready(url)
    secret = terminal.json(
        "key", "create", "--role", "preparer", "--party", "agent", "--mechanism", "demo"
    )["secret"]
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "over-the-wire"}
    body = {"name": "A name that is in no log"}
    made = httpx.post(f"{url}/v1/parties", json=body, headers=headers)
    assert made.status_code == 201, made.text
    taken = terminal.fails("serve", "--mechanism", "demo", "--port", url.rpartition(":")[2])
    assert "ddress already in use" in taken
    code, out, err = stopped(process, signal.SIGTERM)
    assert (code, out) == (0, "")
    assert terminal.server_pid() == 0
    answered = [json.decode(each) for each in err.splitlines()]
    assert ("POST", "/v1/parties", 201) in [
        (each.get("method"), each.get("path"), each.get("status")) for each in answered
    ]
    assert secret not in err
    assert body["name"] not in err


def test_who_is_interrupted_leaves_no_server_behind(place: Path) -> None:
    terminal = Terminal(place)
    process = terminal.start("demo", "--once", "--scale", "7")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not terminal.server_pid() and time.monotonic() < deadline:
        time.sleep(0.02)
    code, _, err = stopped(process, signal.SIGTERM)
    assert code in {0, 130}, err
    assert "Traceback" not in err
    assert terminal.server_pid() == 0
