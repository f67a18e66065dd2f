"""What the pages tell people to type: every command exists, and the sessions go as they are shown.

A block "```sh run" is run, all of a page's in one shell; a block "```json shown" or
"```text shown" after it is what it prints. JSON must hold what is shown, and may hold more, and
"..." stands for anything; of text each line that is shown must be there, and "..." for any lines.
"""

import argparse
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec import DecodeError, json

from mfm.cli.main import parser
from tests.house.tree import texts

BIN = Path(sys.executable).parent
SESSIONS = (
    "docs/how-to/adopt-and-close.md",
    "docs/how-to/contributions.md",
    "docs/how-to/disbursements.md",
    "docs/how-to/other-currencies.md",
    "docs/how-to/settle-overlap.md",
    "docs/how-to/start.md",
    "docs/how-to/terms.md",
    "docs/how-to/write-a-policy.md",
    "docs/reference/cli.md",
    "docs/reference/http.md",
    "docs/tutorial/first-chain.md",
)
_BLOCK = re.compile(r"^```(\w+) (run|shown)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|[\s`/])mfm ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)")
_PATIENCE_SECONDS = 300  # that a session ends at all; how long it takes is not asked
# `make demo` is `mfm demo`, once everything is installed; it serves until it is stopped.
_DEMO = """mfm demo --port "$PORT" > demo.txt & SERVER=$!
until curl -sf "http://127.0.0.1:$PORT/health/live" > alive.txt; do sleep 0.1; done; cat demo.txt
"""
_BEGIN = """set -eu
trap 'if [ -n "${SERVER:-}" ]; then kill $SERVER; wait $SERVER; fi' EXIT
"""


class Step(NamedTuple):
    """A block that is run, and what is shown after it: (language, text), or none."""

    run: str
    shown: tuple[str, str] | None


def steps_of(page: str) -> list[Step]:
    """Return the session of a page."""
    steps: list[Step] = []
    for language, kind, text in _BLOCK.findall(page):
        if kind == "run":
            steps.append(Step(text, None))
        else:
            assert steps, "shown, but nothing was run"
            steps[-1] = Step(steps[-1].run, (language, text))
    return steps


def holds(actual: object, shown: object) -> bool:
    """Tell whether a JSON value holds what is shown of it."""
    if shown == "...":
        return True
    if isinstance(shown, dict) and isinstance(actual, dict):
        return all(name in actual and holds(actual[name], each) for name, each in shown.items())
    if isinstance(shown, list) and isinstance(actual, list):
        whole = shown if shown[-1:] != ["..."] else shown[:-1]
        enough = len(actual) >= len(whole) if whole is not shown else len(actual) == len(whole)
        return enough and all(map(holds, actual, whole))
    return actual == shown


def fault(printed: str, shown: tuple[str, str]) -> str:
    """Return what is shown and was not printed, or nothing."""
    language, text = shown
    if language == "json":
        try:
            fits = holds(json.decode(printed), json.decode(text))
        except DecodeError as error:
            return f"{error}: {printed}"
        return "" if fits else f"shown:\n{text}\nprinted:\n{printed}"
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    for line in text.splitlines():
        words = " ".join(line.split())
        pattern = ".*".join(re.escape(part) for part in words.split("..."))
        if not any(re.fullmatch(pattern, each) for each in lines):
            return f"{words!r} is not in:\n{printed}"
    return ""


def words_of(made: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return a parser's sub-commands."""
    return {
        word: below
        for each in made._actions
        if isinstance(each, argparse._SubParsersAction)
        for word, below in each.choices.items()
    }


@functools.cache
def commands() -> dict[str, argparse.ArgumentParser]:
    """Return every command; making the parser takes longer than reading a page."""
    return words_of(parser())


def unknown_commands(page: str) -> list[str]:
    """Return the commands that a page names in code and that do not exist."""
    code = re.findall(r"`(mfm [^`]*)`", page)
    code += [
        line
        for block in re.findall(r"^```sh.*?\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    found = []
    for text in code:
        for told in _COMMAND.findall(text):
            first, *rest = told.split()
            below = commands().get(first)
            if below is None or (words_of(below) and rest and rest[0] not in words_of(below)):
                found.append(told)
    return found


def test_sessions_are_read_and_compared() -> None:
    page = "```sh run\na\n```\nx\n```json shown\n{}\n```\n```sh\nb\n```\n```sh run\nc\n```\n"
    assert steps_of(page) == [Step("a\n", ("json", "{}\n")), Step("c\n", None)]
    assert holds({"a": 1, "b": [1, 2]}, {"b": [1, "..."]})
    assert not holds({"a": 1}, {"a": 2})
    assert not holds([1, 2], [1])
    assert fault("one  two\nthree\n", ("text", "one two\n")) == ""
    assert fault("one 2\n", ("text", "one ...\n")) == ""
    assert fault("one\n", ("text", "two\n"))
    assert unknown_commands("`mfm nonsense` and `mfm party register`") == ["nonsense"]
    assert unknown_commands("```sh\nmfm key make --role x\n```\n") == ["key make"]


def test_every_command_that_a_page_names_exists() -> None:
    found = [
        f"{name}: mfm {told}"
        for name, page in (texts("docs/", ".md") | texts("README", ".md")).items()
        for told in unknown_commands(page)
    ]
    assert not found, "\n".join(found)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in which a page's session is held, with a `.venv` as in the repository."""
    folder = Path(tempfile.mkdtemp(prefix="mfm-docs-"))
    folder.chmod(0o755)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(BIN)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(not shutil.which("curl"), reason="the sessions are held with curl")
@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_goes_as_it_is_shown(name: str, place: Path) -> None:
    steps = steps_of(texts("docs/", ".md")[name])
    assert any(step.shown for step in steps)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
    script = _BEGIN
    for number, step in enumerate(steps):
        run = _DEMO if step.run.strip() == "make demo" else step.run.replace("8000", port)
        script += f"{{ {run}\n}} > out-{number}.txt\n"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MFM_")}
    told = {"MFM_DATA_DIR": str(place / "data"), "PORT": port, "PATH": f"{BIN}:{kept['PATH']}"}
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=place,
        env=kept | told,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as session:
        try:
            _, complaints = session.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(session.pid, signal.SIGTERM)  # the server that it started, too
            raise
    assert session.returncode == 0, complaints
    for number, step in enumerate(steps):
        if step.shown:
            printed = (place / f"out-{number}.txt").read_text("utf-8").replace(port, "8000")
            assert not (said := fault(printed, step.shown)), f"after\n{step.run}{said}"
