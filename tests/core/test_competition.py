"""Who competes in a call: the figures, what they say, and what outsiders are not shown."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.competition import (
    LEVELS,
    SMALLEST,
    Ask,
    Cell,
    Competition,
    cells,
    level_of,
    suppressed,
)
from mfm.core.overlap_calls import Window, clear_from

DAY = date(2026, 3, 1)


def picture(asks: list[Ask]) -> Competition:
    levels, everything, notes = cells(asks)
    return Competition(
        call="k", fund="f", currency="USD", levels=levels, all=everything, notes=notes
    )


def test_figures_by_level() -> None:
    asks = [
        Ask(level="international", asked_minor=900, indirect_minor=90),
        Ask(level="local", asked_minor=100, decided=True, days=10),
        Ask(level="local", asked_minor=300, decided=True, approved=True, awarded_minor=250, days=4),
        Ask(level="local", asked_minor=200, decided=True, approved=True, days=6),
    ]
    far, near = picture(asks).levels
    assert far == Cell(
        level="international",
        asks=1,
        asked_minor=900,
        awards=0,
        awarded_minor=0,
        median_asked_minor=900,
        overhead_per_mille=100,
    )
    assert near == Cell(
        level="local",
        asks=3,
        asked_minor=600,
        awards=1,
        awarded_minor=250,
        success_per_mille=666,
        median_asked_minor=200,
        median_awarded_minor=250,
        median_days=6,
        overhead_per_mille=0,
    )
    assert picture([]).all == Cell(level="all", asks=0, asked_minor=0, awards=0, awarded_minor=0)


@pytest.mark.parametrize(
    ("attested", "kind", "level"),
    [
        ("grassroots", "21", "community"),
        ("regional", "", "international"),
        ("", "21", "international"),
        ("", "22", "national"),
        ("", "11", "local"),
        ("", "80", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_how_far_an_organisation_works(attested: str, kind: str, level: str) -> None:
    assert level_of(attested, kind) == level


def many(level: str, asked: int, approved: int, of: int) -> list[Ask]:
    return [
        Ask(level=level, asked_minor=asked, decided=True, approved=at < approved)
        for at in range(of)
    ]


@pytest.mark.parametrize(
    ("far", "near", "notes"),
    [
        ((100, 3, 6), (100, 3, 6), 1),
        ((100, 6, 6), (100, 1, 6), 2),  # local ones succeed far less often
        ((100, 1, 6), (100, 6, 6), 1),  # more often is no sign
        ((100, 4, 4), (100, 0, 6), 1),  # too few were decided on
        ((600, 3, 6), (100, 3, 6), 2),  # asks are six times as large
        ((500, 3, 6), (100, 3, 6), 1),
        ((100, 3, 6), (100, 0, 0), 0),  # a window of one kind
        ((100, 0, 0), (100, 3, 6), 0),
    ],
)
def test_what_the_figures_say(
    far: tuple[int, int, int], near: tuple[int, int, int], notes: int
) -> None:
    told = picture([*many("international", *far), *many("community", *near)]).notes
    assert len(told) == notes


@given(st.dictionaries(st.sampled_from(LEVELS), st.integers(1, 12)))
def test_no_figure_and_no_difference_of_figures_is_of_few(sizes: dict[str, int]) -> None:
    whole = picture(
        [Ask(level=level, asked_minor=1) for level, many in sizes.items() for _ in range(many)]
    )
    told = suppressed(whole)
    shown = {cell.level: cell.asks for cell in told.levels if not cell.suppressed}
    hidden = {level: sizes[level] for level in sizes if level not in shown}
    assert all(asks is not None and asks >= SMALLEST for asks in shown.values())
    assert all(cell.asks is cell.asked_minor is None for cell in told.levels if cell.suppressed)
    if told.all.suppressed:
        assert told.all.asks is None
    elif hidden:
        assert len(hidden) > 1  # else the one is what the others lack of the sum
        assert sum(hidden.values()) >= SMALLEST
    if all(many >= SMALLEST for many in sizes.values()) and sizes:
        assert told == whole


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.booleans()), max_size=8),
    st.integers(0, 30),
)
def test_a_call_that_is_shifted_meets_no_other(
    days: list[tuple[int, int, bool]], length: int
) -> None:
    def window(name: str, first: int, more: int, *, here: bool = True) -> Window:
        last = DAY + timedelta(first + more)
        places = ("CD",) if here else ("KE",)
        return Window(
            id=name, fund="f", opens_on=DAY + timedelta(first), closes_on=last, places=places
        )

    others = [window(str(at), *told[:2], here=told[2]) for at, told in enumerate(days)]
    mine = window("mine", 10, length)
    moved = clear_from(mine, [*others, mine])
    rivals = [each for each in others if each.places == ("CD",)]
    assert moved >= mine.opens_on
    first = mine.opens_on
    while any(
        each.opens_on <= first + timedelta(length) and each.closes_on >= first for each in rivals
    ):
        first += timedelta(1)
    assert moved == first
