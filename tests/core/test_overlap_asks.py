"""Detectors that look at applications: repeated, split, copied, and paid for twice."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mfm.app.matching import lexicon, project_matcher
from mfm.core.applications import Application, Partner
from mfm.core.co_funding import by_name, co_funded, shared_soundly
from mfm.core.overlap_asks import AskedFor, repeated, split
from mfm.core.overlap_keys import application_keys, close_pairs, hashed, keyed, nearest
from mfm.core.overlap_projects import Project, alike
from mfm.core.project_matching import ProjectView

DAY = date(2026, 3, 1)
ASK = AskedFor(id="1", lead="a", call="k", fund="f", amount_minor=4_000, ceiling_minor=5_000)


def asks(*changes: dict[str, Any]) -> list[AskedFor]:
    return [structs.replace(ASK, **({"id": str(at)} | each)) for at, each in enumerate(changes)]


@pytest.mark.parametrize(
    ("changes", "hit"),
    [
        ([{}, {}], False),  # two are the most where the call sets no number
        ([{}, {}, {}], True),
        ([{"most": 1}, {"most": 1}], True),
        ([{"most": 3}] * 3, False),
        ([{}, {}, {"lead": "b"}], False),
        ([{}, {}, {"call": "other"}], False),
    ],
)
def test_repeated_applications(changes: list[dict[str, Any]], hit: bool) -> None:  # noqa: FBT001  # a column of the table
    found = repeated(asks(*changes))
    assert [(each.left, each.right) for each in found] == ([("a", "k")] if hit else [])


@pytest.mark.parametrize(
    ("changes", "hit"),
    [
        ([{}, {}], True),
        ([{}, {"call": "k2"}], True),  # over two calls of one fund
        ([{}, {"fund": "g"}], False),
        ([{}, {"lead": "b"}], False),
        ([{"amount_minor": 2_500}, {"amount_minor": 2_500}], False),  # together at the ceiling
        ([{"amount_minor": 2_500}, {"amount_minor": 2_501}], True),
        ([{"ceiling_minor": 0}, {"ceiling_minor": 0}], False),  # no ceiling is passed
        ([{"themes": ("15170",)}, {"themes": ("15180",)}], False),
        ([{"ends_on": DAY}, {"starts_on": DAY + timedelta(1)}], False),  # one after the other
        ([{"ends_on": DAY}, {"starts_on": DAY}], True),
    ],
)
def test_split_applications(changes: list[dict[str, Any]], hit: bool) -> None:  # noqa: FBT001  # as above
    found = split(asks(*changes))
    assert [(each.left, each.right) for each in found] == ([("a", "k")] if hit else [])


TITLE = "Training women mediators in the peace committees of Fizi"
WORK = Application(
    id="1",
    status="submitted",
    call="k",
    fund="f",
    lead="a",
    title=TITLE,
    currency="USD",
    amount_minor=600,
    starts_on=DAY,
    ends_on=DAY + timedelta(300),
)


@pytest.mark.parametrize(
    ("change", "detector"),
    [
        ({"fund": "g", "call": "k2"}, "same-project"),
        ({"lead": "b", "partners": (Partner("a", "given", "k"),)}, "same-project"),
        ({"aid": "core"}, None),  # core support beside a project
        ({"title": "A radio for fishing villages of the lake"}, None),
        ({"starts_on": DAY + timedelta(300), "ends_on": DAY + timedelta(600)}, None),  # a sequel
        ({"co_financing": ("1",)}, None),
        ({"co_financing": ("1",), "total_minor": 1_200}, None),
        ({"co_financing": ("1",), "total_minor": 1_199}, "same-project"),  # more than the whole
        ({"co_financing": ("elsewhere",)}, "same-project"),
        ({"lead": "b"}, "same-text"),
        ({"lead": "a."}, "same-project"),  # whose name is nearly the same
        ({"lead": "b", "title": TITLE[:24]}, None),
    ],
)
def test_projects_paid_twice_and_texts_handed_in_twice(
    change: dict[str, Any], detector: str | None
) -> None:
    matcher = project_matcher()
    works = [WORK, structs.replace(WORK, **({"id": "2"} | change))]
    projects = {
        each.id: Project(
            each,
            matcher.read(ProjectView(each.lead, each.title, each.starts_on, each.ends_on)),
        )
        for each in works
    }
    found = alike(projects, [("2", "1"), ("1", "2")], matcher)
    assert [(each.detector, each.left, each.right) for each in found] == (
        [(detector, "1", "2")] if detector else []
    )


def test_shares_of_a_cost_that_several_bear() -> None:
    other = structs.replace(WORK, id="2", fund="g", status="awarded", commitment="grant")
    gone = structs.replace(WORK, id="3", status="withdrawn")
    euro = structs.replace(WORK, id="4", currency="EUR")
    own = structs.replace(
        WORK, id="5", total_minor=1_000, co_financing=("grant", "3", "4", "far", "5")
    )
    told = co_funded(own, by_name([other, gone, euro, own]))
    assert [(each.application, each.per_mille) for each in told.shares] == [
        ("5", 600),
        ("2", 600),
        ("4", None),
    ]
    assert (told.covered_per_mille, told.over) == (1_200, True)
    assert told.elsewhere == ("3", "far", "5")
    assert not co_funded(structs.replace(own, total_minor=1_200), by_name([other])).over
    assert shared_soundly(other, structs.replace(own, total_minor=0))
    assert not shared_soundly(other, own)
    assert not shared_soundly(other, structs.replace(own, co_financing=()))


KEYS = st.lists(st.frozensets(st.integers(0, 12), max_size=5), max_size=14)


@given(KEYS, st.integers(1, 4))
def test_pairs_are_the_nearest_of_each(things: list[frozenset[int]], most: int) -> None:
    pairs = close_pairs(things, most)
    assert all(one < other and things[one] & things[other] for one, other in pairs)
    for place, keys in enumerate(things):
        near = [each for each, _ in nearest(things, keys, len(things)) if each != place]
        mine = [one + other - place for one, other in pairs if place in (one, other)]
        weights = dict(nearest(things, keys, len(things)))
        heaviest = sorted((weights[each] for each in mine), reverse=True)[: len(near[:most])]
        assert heaviest == [weights[each] for each in near[:most]]
        assert set(mine) <= set(near)


def test_keys_are_numbers_of_64_bits_that_two_kinds_do_not_share() -> None:
    keys = application_keys(structs.replace(WORK, partners=(Partner("b"),)), lexicon())
    assert {"o:a", "o:b"} <= keys
    made = keyed("application", "1", keys)
    assert len(made.keys) == len(keys)
    assert all(-(2**63) <= key < 2**63 for key in made.keys)
    assert hashed("party", "w:peace") == hashed("party", "w:peace") != hashed("call", "w:peace")
    again = keyed("application", "2", application_keys(WORK, lexicon()))
    assert close_pairs([made.keys, (), again.keys]) == {(0, 2)}
