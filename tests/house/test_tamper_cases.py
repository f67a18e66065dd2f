"""Every known way of tampering is a test, and stands in the table that says what catches it."""

import re

from tests.house.tree import texts

PAGE = "docs/explanation/trail.md"
CASES = {*range(1, 51)}


def listed(page: str) -> list[int]:
    """The numbers of a table's rows, in order."""
    return [int(number) for number in re.findall(r"^\| ([0-9]+) \|", page, re.MULTILINE)]


def named(sources: list[str]) -> set[int]:
    """The cases that test functions have in their names."""
    found = re.compile(r"^(?:async )?def test_case_([0-9]{2})_\w+\(", re.MULTILINE)
    return {int(number) for text in sources for number in found.findall(text)}


def test_numbers_are_read() -> None:
    assert listed("| case | x |\n|---|---|\n| 1 | a |\n| 12 | b |\n") == [1, 12]
    sources = ["def test_case_07_x() -> None: ...\nasync def test_case_31_y(a) -> None: ..."]
    assert named(sources) == {7, 31}
    assert named(["# test_case_08_z(", "def test_case_9_w(): ..."]) == set()


def test_every_case_is_listed_once_and_tested() -> None:
    found = named([*texts("tests/", ".py").values()])
    assert listed(texts("docs/", ".md")[PAGE]) == sorted(CASES)
    assert found == CASES, (CASES - found, found - CASES)
