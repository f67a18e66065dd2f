"""What the tests of the terminal share: the command, run as a user does, in a place of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

MFM = Path(sys.executable).with_name("mfm")
_PATIENCE_SECONDS = 60


class Terminal:
    """A terminal whose data are in a folder of their own.

    Attributes:
        data_dir: the folder.
        environ: the environment of its commands.
    """

    def __init__(self, data_dir: Path, **more: str) -> None:
        self.data_dir = data_dir
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MFM_")}
        self.environ = kept | {"MFM_DATA_DIR": str(data_dir), **more}

    def run(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `mfm` to its end."""
        return subprocess.run(
            [MFM, *args],
            env=self.environ | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
            stdin=subprocess.DEVNULL,
        )

    def each(self, *commands: Sequence[str]) -> list[subprocess.CompletedProcess[str]]:
        """Run several `mfm` that have nothing to do with each other, two at a time."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda args: self.run(*args), commands))

    def json(self, *args: str, code: int = 0, **environ: str) -> Any:  # noqa: ANN401  # any JSON
        """Run `mfm ... --json`; return the one document that it prints."""
        done = self.run(*args, "--json", **environ)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)

    def fails(self, *args: str, code: int = 2, **environ: str) -> str:
        """Run `mfm` to a bad end; return its sentence."""
        return sentence(self.run(*args, **environ), code)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start `mfm`, and leave it running."""
        return subprocess.Popen(
            [MFM, *args],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def server_pid(self) -> int:
        """Return the embedded server's process, or 0 while it does not run."""
        path = self.data_dir / "postgres" / "data" / "postmaster.pid"
        return int(path.read_text("utf-8").split("\n", 1)[0]) if path.exists() else 0


def sentence(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """Return what a command said that came to a bad end."""
    assert done.returncode == code, done
    assert done.stdout == "", done
    assert done.stderr.strip(), done
    assert "Traceback" not in done.stderr, done
    return done.stderr
