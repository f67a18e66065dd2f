"""What detectors notice, and what they do not: cases, and a slower way that agrees."""

from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mfm.app.matching import org_matcher
from mfm.core.org_likeness import OrgView
from mfm.core.overlap_calls import Window, competes, overlapping_calls
from mfm.core.overlap_chains import Agreement, Asked, Inflow, counted_twice, intermediaries
from mfm.core.overlap_parties import Registered, same_organisations

DAY = date(2026, 3, 1)


def window(call: str, first: int = 0, last: int = 30, **more: object) -> Window:
    days = {"opens_on": DAY + timedelta(first), "closes_on": DAY + timedelta(last)}
    return Window(id=call, **({"fund": "g"} | days | more))  # type: ignore[arg-type]  # checked by use


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({}, {}, True),
        ({"places": ("CD",)}, {"places": ("CD-NK",)}, True),
        ({"places": ("CD-SK",)}, {"places": ("CD-NK",)}, False),
        ({"places": ("CD",)}, {}, True),
        ({"themes": ("15170", "15180")}, {"themes": ("15180",)}, True),
        ({"themes": ("15170", "15180", "15220")}, {"themes": ("15180",)}, False),
        ({"types": ("women-led",)}, {"types": ("academia",)}, False),
        ({"levels": ("international",)}, {"levels": ("local", "grassroots")}, False),
        ({"levels": ("international", "local")}, {"levels": ("local",)}, True),
    ],
)
def test_calls_compete_for_the_same_applicants_only(
    one: dict[str, object], other: dict[str, object], *, meet: bool
) -> None:
    found = overlapping_calls([window("a", **one), window("b", **other)])
    assert bool(found) is meet
    assert competes(window("b", **other), window("a", **one)) is meet


def test_days_and_suggestions_of_calls_are_told() -> None:
    local = window("b", 30, 60, tier="national", fund="n")
    (found,) = overlapping_calls([local, window("a", tier="global")])
    assert (found.left, found.right) == ("a", "b")
    assert found.reasons[0] == "for: 1 days in common, from 2026-03-31"
    assert found.suggestions == ("shift", "merge", "reserve-local-window")
    later = window("c", 33, 60)
    assert overlapping_calls([window("a"), later]) == []
    (near,) = overlapping_calls([window("a"), later], near_days=3)
    assert near.reasons[0] == "for: 2 days between them"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), max_size=12), st.integers(0, 5))
def test_the_sweep_finds_what_comparing_all_finds(days: list[tuple[int, int]], near: int) -> None:
    windows = [window(str(at), first, first + more) for at, (first, more) in enumerate(days)]
    found = {(each.left, each.right) for each in overlapping_calls(windows, near)}
    slow = {
        tuple(sorted((one.id, other.id)))
        for one, other in combinations(windows, 2)
        if one.opens_on <= other.closes_on + timedelta(near)
        and other.opens_on <= one.closes_on + timedelta(near)
    }
    assert found == slow


def test_common_words_of_groups_in_one_country_raise_no_question() -> None:
    names = """
    Women's Voice;Women for Change
    Rural Women Association;Widows and Orphans Aid;Mothers Union;Coast Women Forum
    Young Women Peace Builders;Women Peace Network;Gender Justice Initiative;Girls Education Trust
    Women Mediators Network;Women's Rights Awareness Programme;Peace Ambassadors;Women in Law
    Women Land Rights Group;Women with Disabilities Network;Pastoralist Women Council
    Women Entrepreneurs Forum;Lake Women Cooperative;Grandmothers Circle;Survivors Network
    """
    register = [
        Registered(f"{at:02}", OrgView(name.strip(), "KE"))
        for at, name in enumerate(names.strip().replace("\n", ";").split(";"))
    ]
    again = Registered("99", OrgView("Sauti ya Wanawake", "KE"))
    pairs = list(combinations(range(len(register) + 1), 2))
    found = same_organisations([*register, again], pairs, org_matcher(), lambda _: None)
    assert [(each.left, each.right) for each in found] == [("00", "99")]


def test_an_intermediary_beside_its_own_sub_grantee_is_noticed_through_others_too() -> None:
    chain = [Agreement("a", "b"), Agreement("b", "c"), Agreement("c", "a"), Agreement("x", "y")]
    asked = [Asked("a", "fund", DAY, DAY), Asked("c", "fund", DAY, DAY), Asked("y", "fund")]
    (found,) = [each for each in intermediaries(asked, chain) if "y" not in (each.left, each.right)]
    assert (found.left, found.right) == ("a", "c")
    assert found.reasons == ("for: c gives to a", "for: both turn to fund")  # the shortest
    apart = [Asked("a", "fund", DAY, DAY), Asked("c", "other", DAY, DAY)]
    assert intermediaries(apart, chain) == []
    late = DAY + timedelta(200)
    assert intermediaries([asked[0], Asked("c", "fund", late, late)], chain) == []
    deep = [Agreement(str(at), str(at + 1)) for at in range(9)]
    asked = [Asked(str(at), "fund") for at in (0, 5, 6)]
    pairs = {(each.left, each.right) for each in intermediaries(asked, deep)}
    assert pairs == {("0", "5"), ("5", "6")}


def test_money_told_as_new_by_two_funds_is_noticed() -> None:
    told = [
        Inflow("1", "nl", "global", "EUR", 100_000, DAY),
        Inflow("2", "nl", "national", "EUR", 99_500, DAY + timedelta(20)),
        Inflow("3", "nl", "global", "EUR", 100_000, DAY),
        Inflow("4", "no", "national", "EUR", 100_000, DAY),
        Inflow("5", "nl", "national", "EUR", 100_000, DAY + timedelta(60)),
        Inflow("6", "nl", "national", "EUR", 90_000, DAY),
        Inflow("7", "nl", "local", "USD", 109_000, DAY + timedelta(1)),  # of 1.10 a euro
        Inflow("8", "nl", "local", "KES", 100_000, DAY),  # no rate is known
        Inflow("9", "nl", "local", "USD", 120_000, DAY),
    ]
    found = counted_twice(told, exchange)
    assert [(each.left, each.right) for each in found] == [
        *(("1", "7"), ("1", "2"), ("3", "7"), ("2", "3"), ("2", "7"))
    ]
    assert found[0].reasons[1] == "for: EUR 100000 and USD 109000 (minor units)"


def exchange(amount_minor: int, source: str, target: str) -> int | None:
    rates = {("USD", "EUR"): (10, 11), ("EUR", "USD"): (11, 10)}
    up, down = rates.get((source, target), (0, 0))
    return amount_minor * up // down if down else None


def test_twins_and_shared_numbers_in_a_register() -> None:
    def party(party_id: str, name: str, number: str = "", country: str = "LB") -> Registered:
        numbers = (number,) if number else ()
        return Registered(party_id, OrgView(name, country, registrations=numbers))

    register = [
        party("a", "ABAAD Resource Center For Gender Equality"),
        party("b", "ABAAD - Resource Centre for Gender Equality"),
        party("c", "Mouvement Social", "LB-MOI-9"),
        party("d", "Tripoli Fishermen Union", "LB-MOI-9"),
        party("e", "Alight Foundation Beirut", "LB-MOI-3"),
    ]
    ticks: list[int] = []
    found = same_organisations(register, combinations(range(5), 2), org_matcher(), ticks.append)
    assert [(each.detector, each.left, each.right) for each in found] == [
        ("same-organisation", "a", "b"),
        ("one-number-two-names", "c", "d"),
    ]
    assert ticks == [5]


@pytest.mark.parametrize(
    ("terms", "above", "below", "hit"),
    [
        ({}, {}, {}, True),
        ({}, {"places": ("CO",)}, {"places": ("KE-30",)}, False),
        ({}, {"places": ("KE",)}, {"places": ("KE-30",)}, True),
        ({}, {"themes": ("1",)}, {"themes": ("2",)}, False),
        ({}, {"starts_on": DAY, "ends_on": DAY}, {"starts_on": DAY + timedelta(1)}, False),
        ({"places": ("UG",)}, {"places": ("KE",)}, {}, False),
        ({"themes": ("2",)}, {"themes": ("1", "2")}, {}, True),
        ({"last": DAY - timedelta(1)}, {"first": DAY}, {}, False),  # over before the window
        ({"last": DAY}, {"first": DAY}, {}, True),
        ({"first": DAY + timedelta(9)}, {"ends_on": DAY + timedelta(8)}, {}, False),
        ({"first": DAY + timedelta(9)}, {"first": DAY, "last": DAY}, {}, True),  # planned
    ],
)
def test_an_intermediary_is_one_for_the_like_of_what_is_asked(
    terms: dict[str, Any],
    above: dict[str, Any],
    below: dict[str, Any],
    hit: bool,  # noqa: FBT001  # a column of the table
) -> None:
    asked = [
        structs.replace(Asked("a", "fund"), **above),
        structs.replace(Asked("b", "fund"), **below),
    ]
    chain = [structs.replace(Agreement("a", "b"), **terms)]
    assert bool(intermediaries(asked, chain)) is hit
    assert not intermediaries(asked, [Agreement("a", "c")])


def test_calls_of_one_fund_are_possible_alone_and_of_is_told_of() -> None:
    """One fund's lots; and pairs with one of some calls are those of all pairs."""
    one, other = window("a", 0, 30), window("b", 10, 40)
    assert [each.band for each in overlapping_calls([one, other])] == ["possible"]
    (told,) = overlapping_calls([one, structs.replace(other, fund="else")])
    assert told.band == "strong"
    many = [
        window(f"{at:02}", at % 7, at % 7 + 3, themes=(f"t{at % 5}", "t")[: at % 3])
        for at in range(40)
    ]
    whole = overlapping_calls(many)
    slow = [
        {one.id, other.id}
        for one, other in combinations(many, 2)
        if one.opens_on <= other.closes_on
        and other.opens_on <= one.closes_on
        and competes(one, other)
    ]
    assert len(whole) == len(slow) > 0
    assert all({each.left, each.right} in slow for each in whole)
    some = {"03", "17"}
    assert overlapping_calls(many, of=some) == [
        each for each in whole if some & {each.left, each.right}
    ]
