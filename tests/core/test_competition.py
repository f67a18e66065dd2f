"""Who competes in a call: the figures, what they say, and what outsiders are not shown."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mfm.core.competition import (
    DECIDING,
    LEVELS,
    OPEN,
    SMALLEST,
    Ask,
    Cell,
    cells,
    cells_outside,
    level_of,
)
from mfm.core.overlap_calls import Window, clear_from, overlapping_calls
from mfm.core.overlap_chains import Agreement, Asked, intermediaries

DAY = date(2026, 3, 1)


def test_figures_by_level() -> None:
    asks = [
        Ask(level="international", asked_minor=900, indirect_minor=90),
        Ask(level="local", asked_minor=100, decided=True, days=10),
        Ask(level="local", asked_minor=300, decided=True, approved=True, awarded_minor=250, days=4),
        Ask(level="local", asked_minor=200, decided=True, approved=True, days=6),
    ]
    gone = Ask(level="local", asked_minor=5, withdrawn=True)
    (far, near), _, _ = cells([*asks, gone])
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
    assert cells([])[1] == Cell(level="all", asks=0, asked_minor=0, awards=0, awarded_minor=0)


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
    told = cells([*many("international", *far), *many("community", *near)])
    assert len(told[2]) == notes


ASKS = st.lists(
    st.builds(
        Ask,
        level=st.sampled_from(LEVELS),
        asked_minor=st.integers(1, 10**6),
        decided=st.just(True),  # noqa: FBT003  # a strategy's only argument
        approved=st.booleans(),
        awarded_minor=st.integers(1, 10**6),
        days=st.integers(0, 99),
    ).map(lambda ask: structs.replace(ask, awarded_minor=ask.awarded_minor * ask.approved)),
    max_size=40,
)
FIGURES = {
    "asks": lambda _: True,
    "asked_minor": lambda _: True,
    "awards": lambda ask: ask.decided,
    "awarded_minor": lambda ask: ask.awarded_minor > 0,
}
"""Figures that add up -> which asks they are of."""


@given(ASKS)
def test_no_figure_and_no_difference_of_figures_is_of_few(asks: list[Ask]) -> None:
    levels, everything, _ = cells_outside(asks, over=True)
    for name, of in FIGURES.items():
        sizes = {cell.level: sum(of(a) for a in asks if a.level == cell.level) for cell in levels}
        shown = {cell.level for cell in levels if getattr(cell, name) is not None}
        hidden = sum(many for level, many in sizes.items() if level not in shown)
        assert all(sizes[level] == 0 or sizes[level] >= SMALLEST for level in shown)
        if getattr(everything, name) is not None:
            # What the others lack of the sum is of none or enough, and no single level's.
            assert sum(sizes.values()) == 0 or sum(sizes.values()) >= SMALLEST
            assert hidden == 0 or hidden >= SMALLEST
            assert len({*sizes} - shown) != 1
    for cell in (*levels, everything):
        of_awards = (cell.awarded_minor, cell.median_awarded_minor)
        assert cell.asked_minor is not None or cell.median_asked_minor is None
        assert of_awards[0] is not None or of_awards[1] is None
        told = (cell.asked_minor, cell.median_asked_minor, *of_awards)
        assert all(len(str(each).rstrip("0")) <= 2 for each in told if each is not None)


@given(ASKS, st.integers(0, 39))
def test_no_step_after_the_window_closed_moves_what_outsiders_read(
    asks: list[Ask], which: int
) -> None:
    waiting = [
        structs.replace(ask, decided=False, approved=False, awarded_minor=0, days=None)
        for ask in asks
    ]
    levels, everything, notes = cells_outside(waiting, over=True)
    awards = ("awards", "awarded_minor", "success_per_mille", "median_days")
    if waiting:
        assert notes == (DECIDING,)
        assert {getattr(cell, name) for cell in (*levels, everything) for name in awards} == {None}
        one = which % len(waiting)
        for step in (asks[one], structs.replace(waiting[one], withdrawn=True)):
            moved = [*waiting[:one], step, *waiting[one + 1 :]]
            if not all(ask.settled for ask in moved):
                assert cells_outside(moved, over=True) == (levels, everything, notes)
    nothing = ((), Cell(level="all", suppressed=True), (OPEN,))
    assert cells_outside(asks, over=False) == cells_outside([], over=False) == nothing


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
    assert moved is not None
    rivals = [each for each in others if each.places == ("CD",)]
    assert moved >= mine.opens_on
    first = mine.opens_on
    while any(
        each.opens_on <= first + timedelta(length) and each.closes_on >= first for each in rivals
    ):
        first += timedelta(1)
    assert moved == first


def test_the_calendars_end_is_no_end_of_the_looking() -> None:
    ever = Window(id="ever", fund="f", opens_on=DAY, closes_on=date.max)
    late = Window(id="late", fund="g", opens_on=date.max - timedelta(9), closes_on=date.max)
    mine = Window(id="mine", fund="g", opens_on=DAY, closes_on=DAY + timedelta(9))
    assert clear_from(mine, [ever, late]) is None
    assert clear_from(late, [mine]) == late.opens_on
    before = Window(id="before", fund="f", opens_on=DAY, closes_on=date.max - timedelta(9))
    assert clear_from(mine, [before]) is None  # one day too few is left
    room = Window(id="before", fund="f", opens_on=DAY, closes_on=date.max - timedelta(10))
    assert clear_from(mine, [room]) == date.max - timedelta(9)
    assert len(overlapping_calls([ever, late, mine], near_days=9)) == 2
    asked = [Asked(name, "f", DAY, date.max) for name in ("one", "other")]
    assert len(intermediaries(asked, [Agreement("one", "other")])) == 1
