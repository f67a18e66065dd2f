"""Detectors that look at money and control: what is a hit, and what is none."""

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec import structs

from mfm.core.overlap_control import shared_control
from mfm.core.overlap_costs import PROVED_MAX, CostLine, charged_twice
from mfm.core.overlap_exposure import AnnualBudget, Award, by_the_year, over_stretched
from mfm.core.traits import Trait

DAY = date(2026, 3, 1)
BILL = frozenset({("invoice", "1"), ("document", "2")})
LINE = CostLine("r1", "group", "grant-a", "USD", 40_000, DAY)


@pytest.mark.parametrize(
    ("other", "shared", "band"),
    [
        ({}, False, "possible"),
        ({"on": DAY + timedelta(31)}, False, "possible"),
        ({"on": DAY + timedelta(32)}, False, None),
        ({"amount_minor": 40_001}, False, None),
        ({"currency": "EUR"}, False, None),
        ({"spender": "other"}, False, None),
        ({"source": "grant-a"}, False, None),  # told again to one and the same grant
        ({}, True, None),  # shares of the cost were declared
        ({"proofs": BILL, "amount_minor": 1, "on": DAY + timedelta(400)}, False, "strong"),
        ({"proofs": BILL, "spender": "other"}, False, "strong"),
        ({"proofs": BILL, "source": "grant-a"}, False, None),
        ({"proofs": frozenset({("document", "7")}), "amount_minor": 1}, False, None),
        ({"proofs": frozenset({("document", "1")}), "amount_minor": 1}, False, None),
    ],
)
def test_one_cost_charged_twice(other: dict[str, Any], shared: bool, band: str | None) -> None:  # noqa: FBT001  # a column of the table
    one = structs.replace(LINE, proofs=BILL) if "proofs" in other else LINE
    two = structs.replace(LINE, **({"id": "r2", "source": "grant-b"} | other))
    declared = [frozenset(("grant-a", "grant-b"))] if shared else []
    found = charged_twice("same-cost", [two, one], declared)
    assert [(each.left, each.right, each.band) for each in found] == (
        [("r1", "r2", band)] if band else []
    )
    assert all(each.reasons and each.suggestions for each in found)


def test_nothing_spent_is_no_cost_and_one_document_is_told_once() -> None:
    nothing = [structs.replace(LINE, id=name, source=name, amount_minor=0) for name in "ab"]
    assert charged_twice("same-cost", nothing) == []
    both = [structs.replace(LINE, id=name, source=name, proofs=BILL) for name in "cab"]
    found = charged_twice("same-charge", both)
    assert [(each.left, each.right) for each in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert {(each.detector, each.band) for each in found} == {("same-charge", "strong")}
    assert found[0].reasons[2:] == ("for: one document proves both", "for: one invoice proves both")
    statutes = [
        structs.replace(LINE, id=f"{at:02}", source=str(at), amount_minor=at + 1, proofs=BILL)
        for at in range(PROVED_MAX + 1)
    ]
    assert charged_twice("same-charge", statutes) == []  # what all name proves nothing of two


ACCOUNT = "bank-account"


@pytest.mark.parametrize(
    ("traits", "hosted", "found"),
    [
        ([("a", ACCOUNT, "1"), ("b", ACCOUNT, "1")], [], [("a", "b", "strong")]),
        ([("b", ACCOUNT, "1"), ("a", ACCOUNT, "1")], [], [("a", "b", "strong")]),
        ([("a", ACCOUNT, "1"), ("b", ACCOUNT, "2")], [], []),
        ([("a", ACCOUNT, ""), ("b", ACCOUNT, "")], [], []),
        ([("a", "phone", "1"), ("b", "address", "1")], [], []),
        ([("a", "phone", "1"), ("b", "phone", "1")], [], [("a", "b", "possible")]),
        (
            [(party, kind, "1") for party in "ab" for kind in ("phone", "signatory")],
            [],
            [("a", "b", "strong")],
        ),
        ([("a", ACCOUNT, "1"), ("b", ACCOUNT, "1")], [("a", "b")], []),  # a declared host
        ([(party, ACCOUNT, "1") for party in "abh"], [("a", "h"), ("b", "h")], []),
        (
            [(party, ACCOUNT, "1") for party in "abh"],
            [("a", "h")],
            [("a", "b", "strong"), ("b", "h", "strong")],
        ),
        ([(str(at), "address", "1") for at in range(21)], [], []),  # a house of many
        (
            [(f"{at:02}", ACCOUNT, "1") for at in range(21)],  # but no account of many is usual
            [],
            [("00", f"{at:02}", "strong") for at in range(1, 21)],
        ),
    ],
)
def test_shared_control(
    traits: list[tuple[str, str, str]],
    hosted: list[tuple[str, str]],
    found: list[tuple[str, str, str]],
) -> None:
    told = shared_control([Trait(*each) for each in traits], {frozenset(each) for each in hosted})
    assert [(each.left, each.right, each.band) for each in told] == found


def exchange(amount_minor: int, source: str, target: str) -> int | None:
    return amount_minor if source == target else {"EUR": amount_minor * 2}.get(source)


YEAR = {"starts_on": DAY, "ends_on": DAY + timedelta(364)}


@pytest.mark.parametrize(
    ("awards", "percent"),
    [
        ([{"amount_minor": 200_000}], None),  # twice the budget is the most
        ([{"amount_minor": 202_000}], 202),
        ([{"amount_minor": 150_000}, {"amount_minor": 150_000, "fund": "n"}], 300),
        ([{"amount_minor": 300_000, "ends_on": DAY + timedelta(729)}], None),  # over two years
        ([{"amount_minor": 300_000, "ends_on": DAY + timedelta(90)}], 300),  # less than a year
        ([{"amount_minor": 300_000, "ends_on": DAY - timedelta(1)}], None),  # over
        ([{"amount_minor": 300_000, "starts_on": DAY + timedelta(1)}], None),  # to come
        ([{"amount_minor": 300_000, "starts_on": None, "ends_on": None}], 300),
        ([{"amount_minor": 150_000, "currency": "EUR"}], 300),
        ([{"amount_minor": 900_000, "currency": "KES"}], None),  # no rate is known
        ([{"amount_minor": 900_000, "party": "unknown"}], None),  # no budget was attested
    ],
)
def test_an_over_stretched_grantee(awards: list[dict[str, Any]], percent: int | None) -> None:
    budget = AnnualBudget("p.annual-budget", "p", "USD", 100_000)
    base: dict[str, Any] = {"party": "p", "fund": "g", "currency": "USD"} | YEAR
    made = [Award(**({"id": str(at)} | base | each)) for at, each in enumerate(awards)]
    found = over_stretched(made, {"p": budget}, exchange, DAY)
    assert [(each.left, each.right) for each in found] == (
        [("p", "p.annual-budget")] if percent else []
    )
    assert all(f"{percent} %" in each.reasons[0] for each in found)


def test_awards_without_a_rate_are_told_and_no_budget_divides_by_nothing() -> None:
    base = Award("a", "p", "g", "USD", 900, DAY, DAY + timedelta(364))
    awards = [base, structs.replace(base, id="b", currency="KES")]
    (found,) = over_stretched(awards, {"p": AnnualBudget("x", "p", "USD", 100)}, exchange, DAY)
    assert found.reasons[-1] == "against: 1 awards are not counted, for no rate is known"
    assert over_stretched(awards, {"p": AnnualBudget("x", "p", "USD", 0)}, exchange, DAY) == []
    assert by_the_year(structs.replace(base, ends_on=DAY + timedelta(729))) == 450
