"""The terminal's fixtures: a place of its own, and one whose server is kept running."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfm.store import embedded
from tests.cli.terminal import Terminal


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for data that the server's own user may enter too."""
    folder = Path(tempfile.mkdtemp(prefix="mfm-cli-"))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def terminal(place: Path) -> Iterator[Terminal]:
    """A terminal whose server runs on between commands, which saves a second each."""
    server = embedded.start(place)
    try:
        yield Terminal(place)
    finally:
        server.close(discard=True)
