"""Chromium without a window, spoken to over its debugging pipe: pages as people see them."""

import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec import json

CHROMIUM = shutil.which("chromium")
_PATIENCE_SECONDS = 30


class Browser:
    """A running Chromium, with no network."""

    def __init__(self, folder: Path) -> None:
        """Start it, with a profile in an empty folder."""
        read, told = os.pipe()
        self._answers, wrote = os.pipe()
        self._commands = told
        flags = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"
        flags += " --remote-debugging-pipe --host-resolver-rules='MAP * ~NOTFOUND'"
        line = f"exec {CHROMIUM} {flags} --user-data-dir={folder} 3<&{read} 4>&{wrote}"
        self._process = subprocess.Popen(
            ["bash", "-c", line],
            pass_fds=(read, wrote),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read)
        os.close(wrote)
        self._number = 0
        self._rest = b""

    def __enter__(self) -> Self:
        """Use it within a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(_PATIENCE_SECONDS)
        os.close(self._commands)
        os.close(self._answers)

    def ask(self, method: str, session: str = "", **params: object) -> dict[str, Any]:
        """Give a command of the DevTools protocol; return its result."""
        self._number += 1
        told: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            told["sessionId"] = session
        os.write(self._commands, json.encode(told) + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], _PATIENCE_SECONDS)
            assert ready, "the browser does not answer"
            self._rest += os.read(self._answers, 2**16)
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.decode(message)
        return told

    def state_of(self, path: Path, *, script: bool = True) -> str:
        """Open a page; return what it says of itself, once it says so, or "" after a second."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        if not script:
            self.ask("Emulation.setScriptExecutionDisabled", session, value=True)
        self.ask("Page.navigate", session, url=path.as_uri())
        end, found = time.monotonic() + (2 if script else 0.5), ""
        asked = (
            "document.readyState === 'complete' && (document.documentElement.dataset.state || '')"
        )
        while not found and time.monotonic() < end:
            answer = self.ask("Runtime.evaluate", session, expression=asked, returnByValue=True)
            found = answer["result"].get("value") or ""
            time.sleep(0.02)
        self.ask("Target.closeTarget", targetId=target)
        return found
