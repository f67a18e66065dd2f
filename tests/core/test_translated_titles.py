"""Titles of projects that say the same in four languages: how many meet, and that no others do."""

from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from mfm.app.matching import project_matcher
from mfm.core.project_matching import ProjectView, ReadProject

LANGUAGES = ("en", "fr", "es", "ar")
DAYS = date(2026, 1, 1), date(2026, 12, 31)


def blocks() -> list[list[str]]:
    """Return the titles, a list a project."""
    text = Path(__file__).with_name("translated_titles.txt").read_text(encoding="utf-8")
    return [each.split("\n") for each in text.partition("\n")[2].strip().split("\n\n")]


@pytest.fixture(scope="module")
def read() -> list[list[ReadProject]]:
    matcher = project_matcher()
    return [
        [matcher.read(ProjectView("Synergie des Femmes", title, *DAYS)) for title in block]
        for block in blocks()
    ]


def meet(one: ReadProject, other: ReadProject) -> bool:
    return project_matcher().judge(one, other).band != "none"


@pytest.mark.parametrize(
    # As many as met when they were written; 80 are wanted, and need speakers.
    ("languages", "percent"),
    [(LANGUAGES, 40), (LANGUAGES[:3], 58)],
)
def test_so_many_translations_of_one_title_meet(
    read: list[list[ReadProject]], languages: tuple[str, ...], percent: int
) -> None:
    assert len(read) == 16
    assert {len(block) for block in read} == {len(LANGUAGES)}
    sides = [pair for block in read for pair in combinations(block[: len(languages)], 2)]
    assert 100 * sum(meet(*pair) for pair in sides) >= percent * len(sides)


def test_no_two_projects_meet_in_any_languages(read: list[list[ReadProject]]) -> None:
    wrong = [
        (one.view.title, other.view.title)
        for here, there in combinations(read, 2)
        for one in here
        for other in there
        if meet(one, other)
    ]
    assert wrong == []
