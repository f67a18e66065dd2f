"""Detectors that look at applications: repeated, split, copied, and paid for twice."""

from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mfm.app.matching import lexicon, project_matcher
from mfm.core.applications import Application, Partner
from mfm.core.co_funding import Declarations, by_name, co_funded
from mfm.core.overlap_asks import AskedFor, by_words, copied, repeated, split
from mfm.core.overlap_keys import application_keys, close_pairs, hashed, keyed, nearest
from mfm.core.overlap_projects import ONE_TEXT_MAX, Beside, Given, Project, alike
from mfm.core.phases import phases
from mfm.core.project_matching import ProjectView, titled

DAY = date(2026, 3, 1)
ASK = AskedFor(id="1", lead="a", call="k", fund="f", amount_minor=4_000, ceiling_minor=5_000)


def asks(*changes: dict[str, Any]) -> list[AskedFor]:
    return [structs.replace(ASK, **({"id": str(at)} | each)) for at, each in enumerate(changes)]


@pytest.mark.parametrize(
    ("changes", "hit"),
    [
        ([{}, {}], False),
        ([{}, {}, {}], False),  # where the call sets no number, any is allowed
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


NOTHING = Given()


def exchange(amount_minor: int, source: str, target: str) -> int | None:
    """Change at par, dollars and euros alone."""
    return amount_minor if source == target or "JPY" not in (source, target) else None


def noticed(
    *changes: dict[str, Any], one_with: tuple[str, ...] = (), given: Given = NOTHING
) -> list[tuple[str, str]]:
    """Return (detector, band) of what is noticed of the pairs of such applications."""
    matcher = project_matcher()
    works = [
        structs.replace(WORK, **({"id": str(at)} | each)) for at, each in enumerate(changes, 1)
    ]
    projects = {
        each.id: Project(
            each,
            matcher.read(ProjectView(each.lead, each.title, each.starts_on, each.ends_on)),
            given,
        )
        for each in works
    }
    beside = Beside(Declarations(works, exchange), [frozenset(one_with)] if one_with else ())
    pairs = [(one.id, other.id) for one in works for other in works if one.id != other.id]
    return [(each.detector, each.band) for each in alike(projects, pairs, matcher, beside)]


STRONG, POSSIBLE = [("same-project", "strong")], [("same-project", "possible")]
LATER = {
    "title": TITLE + " phase II",
    "starts_on": DAY + timedelta(270),
    "ends_on": DAY + timedelta(600),
}
NAMED = {"co_financing": ("2",)}


@pytest.mark.parametrize(
    ("first", "change", "found"),
    [
        ({}, {"fund": "g", "call": "k2"}, STRONG),
        ({}, {"lead": "b", "partners": (Partner("a", "given", "k"),)}, STRONG),
        ({}, {"aid": "core"}, []),  # core support beside a project
        ({}, {"title": "A radio for fishing villages of the lake"}, []),
        ({}, {"starts_on": DAY + timedelta(300), "ends_on": DAY + timedelta(600)}, []),  # a sequel
        ({}, {"co_financing": ("elsewhere",)}, STRONG),
        ({}, {"lead": "b"}, [("same-text", "possible")]),
        ({}, {"lead": "a."}, POSSIBLE),  # whose name is nearly the same: names alone are not sure
        ({}, {"lead": "b", "title": TITLE[:24]}, []),
        # places and themes; none means anywhere and any
        ({"places": ("KE-30",)}, {"places": ("KE",)}, STRONG),
        ({"places": ("KE-30",)}, {"places": ()}, STRONG),
        ({"places": ("KE-30",)}, {"places": ("UG",)}, []),
        ({"themes": ("15170",)}, {"themes": ("15220",)}, []),
        ({"themes": ("15170",)}, {"themes": ("15220", "15170")}, STRONG),
        ({"themes": ("1",), "pillars": ("p",)}, {"themes": ("2",), "pillars": ("p",)}, STRONG),
        # a declared next phase
        ({"title": TITLE + " phase I"}, LATER, []),
        ({}, LATER, STRONG),  # one title alone says a phase
        ({"title": TITLE + " phase I"}, {"title": TITLE + " phase II"}, POSSIBLE),  # side by side
        ({**LATER, "title": TITLE + " phase I"}, {"title": TITLE + " phase II"}, POSSIBLE),
        ({"title": TITLE + " phase 2"}, LATER, STRONG),
        # shares that are declared: by both, and no more than the whole together
        (NAMED, {"co_financing": ("1",), "total_minor": 1_200}, []),
        (NAMED, {"co_financing": ("1",), "total_minor": 1_199}, STRONG),
        ({**NAMED, "total_minor": 600}, {"co_financing": ("1",), "total_minor": 99_999}, STRONG),
        (NAMED, {"co_financing": ("1",)}, POSSIBLE),  # nobody says what the whole costs
        ({}, {"co_financing": ("1",), "total_minor": 1_200}, POSSIBLE),  # one says so alone
        ({}, {"co_financing": ("1",), "total_minor": 1_199}, STRONG),
        (NAMED, {"co_financing": ("1",), "total_minor": 1_200, "currency": "EUR"}, []),
        (NAMED, {"co_financing": ("1",), "total_minor": 1_200, "currency": "JPY"}, POSSIBLE),
        (NAMED, {"co_financing": ("1",), "total_minor": 1_200, "lead": "b"}, []),  # jointly led
    ],
)
def test_projects_paid_twice_and_texts_handed_in_twice(
    first: dict[str, Any], change: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert noticed(first, {"fund": "g"} | change) == found


def test_shares_of_three_are_added_up() -> None:
    three = [
        {"total_minor": 1_800, "co_financing": tuple({"1", "2", "3"} - {str(at)})}
        for at in (1, 2, 3)
    ]
    assert noticed(*three) == []
    less = [each | {"total_minor": 1_799} for each in three]
    assert noticed(*less) == STRONG * 3


def test_what_a_call_gives_is_nobodys_text() -> None:
    two = {"lead": "a b"}, {"lead": "c d"}
    assert noticed(*two) == [("same-text", "possible")]
    units = {unit.key for unit in titled(TITLE, lexicon())}
    assert noticed(*two, given=Given(units)) == []
    text = f"Write here, such as: {TITLE.upper()}."
    assert noticed(*two, given=Given((), text)) == []
    own = {"title": f"{TITLE} with radio, theatre, football, embroidery and bread baking"}
    assert noticed(*(each | own for each in two), given=Given(units)) == [("same-text", "possible")]


def test_words_bear_a_title_out_or_not() -> None:
    (found,) = (copied(structs.replace(WORK, lead="b"), structs.replace(WORK, id="2"), 1_000, 9),)
    assert found
    text, other = (" ".join(f"{stem}{at}" for at in range(50)) for stem in ("word", "thing"))
    assert by_words(found, (text, "short"), "") == found == by_words(found, ("", ""), "")
    assert by_words(found, (text, other), "") is None
    assert by_words(found, (text, text), text) == found  # all of it is the call's
    copy = by_words(found, (text, f"Dear all, {text.upper()}!"), "")
    assert copy
    assert (copy.band, found.band) == ("strong", "possible")
    assert set(copy.facts) == {*found.facts, "words"}
    half = by_words(found, (text, f"{text[: len(text) // 2]} {other}"), "")
    assert half
    assert half.band == "possible"
    assert half.reasons[1].startswith("against: ")


def test_of_a_text_that_many_hand_in_each_is_told_with_the_first_alone() -> None:
    for many in (ONE_TEXT_MAX, ONE_TEXT_MAX + 1):
        found = noticed(*({"lead": f"{chr(97 + at) * 5}"} for at in range(many)))
        assert len(found) == (many - 1 if many > ONE_TEXT_MAX else many * (many - 1) // 2)


def test_names_alone_make_no_project_one_for_sure() -> None:
    """Ten groups with usual names and usual titles: a few are to be looked at, none is strong."""
    groups = (
        *("Women's group", "Women's Synergy for Peace", "Women for Peace", "Widows Association"),
        *("Peace Women Association", "Rural Women Network", "Mothers for Peace"),
        *("Women's Rights Network", "Young Women Leaders", "Women Peace Builders"),
    )
    titles = (
        *("Peace committees", "Women peace committees on the coast", "Training of women mediators"),
        *("Participation of women in the peace process", "Women's leadership and participation"),
    )
    works = [{"lead": group, "title": title} for group in groups for title in titles]
    found = [each for each in noticed(*works) if each[0] == "same-project"]
    mine = [each for title in titles for each in noticed({"title": title}, {"title": title})]
    assert mine == STRONG * len(titles)
    own = [noticed({"title": one}, {"title": other}) for one, other in combinations(titles, 2)]
    assert found.count(("same-project", "strong")) == len(groups) * own.count(STRONG)
    assert found.count(("same-project", "possible")) <= 30  # of 1,125 pairs of two groups
    twins = noticed(*works[:1], works[5], one_with=(groups[0], groups[1]))
    assert twins == STRONG


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


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Mediators, Phase II", {2}),
        ("Second phase of the mediators' training", {2}),
        ("Formation, phase 1", {1}),
        ("Deuxième tranche : formation", {2}),
        ("2e tranche de la formation", {2}),
        ("Formación, fase III", {3}),
        ("تدريب الوسيطات المرحلة الثانية", {2}),
        ("تدريب الوسيطات - المرحلة ٣", {3}),
        ("Mafunzo, awamu ya pili", {2}),
        ("Phases 1 and 2 of the training", {1}),
        ("Training in 2026", set()),
        ("Phase of 2026", set()),
        ("A round table of women", set()),
        ("A phase", set()),
        ("", set()),
    ],
)
def test_phases_that_a_title_says(title: str, said: set[int]) -> None:
    assert phases(title) == said
