"""Killed at random moments under load: nothing acknowledged is lost, and nothing forks.

Whatever is killed (the server, PostgreSQL under it, a sealer by itself) is started again as a
supervisor would, while clients go on asking, each until its request is answered. MFM_KILL_ROUNDS
says how often; one round of each victim is what the suite takes.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest
from msgspec import json

from mfm.verifier import WIDTH, Options, checkpoint_of, tile_path, verify
from tests.cli.terminal import Terminal
from tests.cli.test_serving import until_ready

VICTIMS = ("server", "postgres", "sealer")
ROUNDS = int(os.environ.get("MFM_KILL_ROUNDS", "3"))
SEED = int(os.environ.get("MFM_KILL_SEED", "1325"))
_CLIENTS = 3
_PATIENCE_SECONDS = 60


class Load:
    """Clients that register parties, each asking with the same key until it is answered.

    Attributes:
        acknowledged: record -> the name that it registered.
        checkpoints: those that were seen on the way.
    """

    def __init__(self, url: str, key: str) -> None:
        self.acknowledged: dict[int, str] = {}
        self.checkpoints: set[str] = set()
        self._url = url
        self._key = key
        self._enough = threading.Event()
        self._failed: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(number,)) for number in range(_CLIENTS)
        ]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for each in self._threads:
            each.join()
        assert not self._failed, self._failed

    def _guarded(self, number: int) -> None:
        try:
            self._ask(number)
        except BaseException as error:  # noqa: BLE001  # the main thread raises it
            self._failed.append(error)

    def _ask(self, number: int) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        count = 0
        while not self._enough.is_set():
            count += 1
            name = f"Party {number}-{count}"
            seq = self._until_answered(name, headers | {"Idempotency-Key": name.replace(" ", "-")})
            assert self.acknowledged.setdefault(seq, name) == name, "two records have one number"
            if not count % 10:
                self.look()

    def _until_answered(self, name: str, headers: dict[str, str]) -> int:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = httpx.post(
                    f"{self._url}/v1/parties", json={"name": name}, headers=headers, timeout=10
                )
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.is_success:  # 200 says that it was done before
                return int(answer.json()["seq"])
            assert answer.status_code in (429, 503), answer.text
            time.sleep(0.05)
        raise AssertionError(f"{name} was not answered in {_PATIENCE_SECONDS} s")

    def look(self) -> None:
        """Keep the newest checkpoint, if there is one to be had."""
        try:
            answer = httpx.get(f"{self._url}/v1/trail/checkpoint", timeout=10)
        except httpx.TransportError:
            return
        if answer.is_success:
            self.checkpoints.add(answer.text)


class Operated:
    """A terminal, and a server over its data that is started again whenever it was killed."""

    def __init__(self, folder: Path) -> None:
        self.terminal = Terminal(folder / "data")
        party = self.terminal.json("party", "register", "--name", "One")["ids"][0]
        made = self.terminal.run("key", "create", "--role", "administrator", "--party", party)
        self.key = made.stdout.strip()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.serving: subprocess.Popen[str] | None = None

    def serve(self) -> None:
        """Start the server, and wait until it answers."""
        self.serving = self.terminal.start("serve", "--port", str(self.port))
        until_ready(self.url)

    def kill_server(self) -> None:
        """Kill it; nothing of it is left to tidy up."""
        assert self.serving is not None
        self.serving.kill()
        self.serving.communicate()
        self.serving = None

    def kill(self, victim: str, draw: random.Random) -> None:
        """Kill a victim, and start it again."""
        if victim == "postgres":
            os.kill(self.terminal.server_pid(), signal.SIGKILL)
            done = self.terminal.run("trail", "policy")  # whatever needs it starts it again
            assert done.returncode == 0, done
            until_ready(self.url)
            return
        self.kill_server()
        if victim == "sealer":
            sealing = self.terminal.start("seal")
            time.sleep(draw.uniform(0, 2))
            sealing.kill()
            sealing.communicate()
        self.serve()

    def close(self) -> None:
        """Stop the server as a supervisor does."""
        if self.serving is not None:
            self.serving.send_signal(signal.SIGTERM)
            self.serving.communicate(timeout=_PATIENCE_SECONDS)


@pytest.fixture
def operated() -> Iterator[Operated]:
    """A served mechanism in a place of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mfm-killed-"))
    folder.chmod(0o755)
    made = Operated(folder)
    made.serve()
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


def names_in(export: Path) -> dict[int, str]:
    """Return what each record of an export registered: record -> name."""
    size = checkpoint_of((export / "checkpoint").read_bytes()).size
    names: dict[int, str] = {}
    for first in range(0, size, WIDTH):
        path = export / tile_path("entries", first // WIDTH, min(WIDTH, size - first))
        content, at = path.read_bytes(), 0
        while at < len(content):
            end = at + 2 + int.from_bytes(content[at : at + 2], "big")
            told = json.decode(content[at + 2 : end])
            names[int(told["seq"])] = told["body"].get("command", {}).get("name", "")
            at = end
    return names


def test_killed_at_any_moment_nothing_acknowledged_is_lost(
    operated: Operated, tmp_path: Path
) -> None:
    draw = random.Random(SEED)  # noqa: S311  # the moments to kill at
    with Load(operated.url, operated.key) as load:
        for number in range(ROUNDS):
            time.sleep(draw.uniform(0.1, 1))
            before = len(load.acknowledged)
            operated.kill(VICTIMS[number % len(VICTIMS)], draw)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while len(load.acknowledged) <= before and time.monotonic() < deadline:
                time.sleep(0.05)
            assert len(load.acknowledged) > before, "nothing is written any more"
            load.look()
    export = tmp_path / "export"
    done = operated.terminal.run("export", "trail", "-o", str(export))
    assert done.returncode == 0, done
    names = names_in(export)
    lost = {seq: name for seq, name in load.acknowledged.items() if names.get(seq) != name}
    assert not lost
    assert len({*load.acknowledged.values()}) == len(load.acknowledged)
    registered = [name for name in names.values() if name.startswith("Party ")]
    assert len(registered) == len({*registered}), "a request was done twice"
    policy = f"log {operated.terminal.run('trail', 'key').stdout.strip()}\nquorum none\n"
    assert load.checkpoints
    for note in load.checkpoints:  # what was signed on the way is the beginning of what there is
        code, told = verify(export, policy, Options(since=note.encode()))
        assert (code, told["problems"]) == (0, [])
    assert operated.terminal.run("verify", "--database").returncode == 0
