"""Exports from the terminal: a file that is whole, and the schema's judgement of it."""

import json
from pathlib import Path

import pytest

from tests.app.importing import DATA, activity, published, said
from tests.cli.terminal import Terminal

SCHEMAS = DATA / "iati-standard"
needs_schemas = pytest.mark.skipif(not SCHEMAS.is_dir(), reason=f"no IATI schemas in {SCHEMAS}")


@pytest.fixture(scope="module")
def stocked(terminal: Terminal, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Books with one imported activity."""
    path = tmp_path_factory.mktemp("export") / "came.xml"
    path.write_bytes(published(activity(said(value="100.00"), said("1", "500.00"))))
    assert terminal.run("import", "iati", str(path)).returncode == 0
    return terminal


def test_a_file_is_written_and_told(stocked: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "out.xml"
    done = stocked.run("export", "iati", "-o", str(out))
    assert done.returncode == 0
    assert done.stdout.startswith(f"{out}: 1 activities with 2 transactions, up to record ")
    assert "title-missing; first in X-1: " in done.stderr
    assert out.read_bytes().count(b"<transaction>") == 2
    assert [each.name for each in tmp_path.iterdir()] == ["out.xml"]
    told = stocked.json("export", "iati", "--fund", "X-1", "-o", str(out))
    assert told["export"]["transactions"] == 2
    assert told["fault"] == ""
    journal = tmp_path / "books.journal"
    assert stocked.run("export", "hledger", "-o", str(journal)).returncode == 0
    assert "Cash at bank  -100.00 EUR" in journal.read_text("utf-8")


@needs_schemas
def test_the_schema_judges_what_was_written(stocked: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "out.xml"
    done = stocked.run("export", "iati", "--schemas", str(SCHEMAS), "-o", str(out))
    assert done.returncode == 0
    # A schema of another opinion: the first fault, with its line.
    for each in SCHEMAS.glob("*.xsd"):
        text = each.read_text("utf-8").replace('name="activity-status"', 'name="activity-state"')
        (tmp_path / each.name).write_text(text.replace('"activity-status"', '"activity-state"'))
    words = ("export", "iati", "--schemas", str(tmp_path), "-o", str(out), "--json")
    done = stocked.run(*words)
    assert done.returncode == 1
    line = next(
        n for n, text in enumerate(out.read_text("utf-8").splitlines(), 1) if "y-status" in text
    )
    assert f"Line {line}: " in json.loads(done.stdout)["fault"]
    assert f"{out}: Line {line}: " in done.stderr


def test_a_failure_leaves_what_was_there(stocked: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "out.xml"
    out.write_text("before")
    assert "nothing" in stocked.fails("export", "iati", "--fund", "nothing", "-o", str(out))
    assert out.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["out.xml"]
    said = stocked.fails("export", "iati", "-o", str(tmp_path / "no" / "out.xml"))
    assert "cannot be written" in said
    said = stocked.fails("export", "iati", "--schemas", str(tmp_path), "-o", str(out))
    assert "No IATI schema can be read" in said
