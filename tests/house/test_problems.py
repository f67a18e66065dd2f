"""Problems: every code is raised somewhere, known, and documented."""

import ast
import re

import pytest

from mfm.web.problems import KINDS
from tests.house.pages import MARK, PAGES
from tests.house.tree import ROOT, texts

RAISERS = {"Invalid", "Refused", "Problem"}
_CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+|stale|internal|overloaded|unavailable")


def codes_raised(text: str) -> set[str]:
    """Return the codes that problems are made with: each a literal where it is made."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in RAISERS
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def codes_told(text: str) -> set[str]:
    """Return every string that looks like a code."""
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _CODE.fullmatch(node.value)
    }


def test_codes_are_found_in_source() -> None:
    text = 'raise Invalid("not-found", detail)\nx = e.Refused("stale", "")\nOther("no-code")'
    assert codes_raised(text) == {"not-found", "stale"}
    assert codes_told('code = "batch-too-large" if x else "No code"') == {"batch-too-large"}


def test_every_code_that_is_raised_is_known() -> None:
    unknown = {
        f"{path}: {code}"
        for path, text in texts("src/mfm/", ".py").items()
        for code in codes_raised(text) - KINDS.keys()
    }
    assert not unknown, "\n".join(sorted(unknown))


def test_every_known_code_is_raised_somewhere() -> None:
    told = {code for text in texts("src/mfm/", ".py").values() for code in codes_told(text)}
    assert KINDS.keys() <= told, KINDS.keys() - told


def test_kinds_are_said_in_whole_sentences() -> None:
    for code, kind in KINDS.items():
        assert _CODE.fullmatch(code), code
        assert 400 <= kind.status < 600, code
        assert kind.title[0].isupper(), code
        assert not kind.title.endswith("."), code
        assert kind.next.endswith("."), code


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_source_is_up_to_date(name: str) -> None:
    _, _, made = (ROOT / name).read_text("utf-8").partition(MARK)
    assert made.strip() == PAGES[name]().strip(), "run `.venv/bin/python -m tests.house.pages`"
