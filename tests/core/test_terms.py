"""Earmarks nest, markers cross, schedules sum and fit: the terms of commitments by themselves."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, convert, structs

from mfm.core import earmarks, markers, schedules
from mfm.core.commitments import Commitment
from mfm.core.earmarks import DIMENSIONS, OPEN, Earmark, narrowed, outside
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.markers import SCHEMES, Crossed, crosswalk
from mfm.core.money import Money
from mfm.core.record import canonical, plain_struct
from mfm.core.schedules import MAX_STATE_BYTES, Tranche, TrancheTerm
from mfm.core.verify_terms import leaks

FUND = Fund(id="g", status="open", name="Global", currency="USD", steward="me")

places = st.sampled_from(["KE", "KE-30", "KE-30-1", "KEN", "SN", "S"])
few = st.lists(places, max_size=3).map(tuple)


@st.composite
def any_earmark(draw: st.DrawFn) -> Earmark:
    return Earmark(
        phase=tuple(draw(st.sets(st.sampled_from(["development", "implementation"])))),
        place=draw(few),
        theme=draw(few),
    )


# Earmarks -----------------------------------------------------------------------------------------


@given(any_earmark(), any_earmark(), any_earmark())
def test_inside_is_an_order_and_open_admits_all(a: Earmark, b: Earmark, c: Earmark) -> None:
    assert not outside(a, a)
    assert not outside(a, OPEN)
    if not outside(a, b) and not outside(b, c):
        assert not outside(a, c)


@given(any_earmark(), any_earmark())
def test_what_says_nothing_itself_has_the_outer_bounds(own: Earmark, outer: Earmark) -> None:
    made = narrowed(own, outer)
    if own == OPEN:
        assert made == outer
    assert bool(outside(made, outer)) == any(
        getattr(own, name) and outside(made, outer) == name for name in DIMENSIONS
    )


@given(any_earmark(), any_earmark())
def test_verification_judges_as_the_rule_does(inner: Earmark, outer: Earmark) -> None:
    assert leaks(inner, outer) == bool(outside(inner, outer))


@pytest.mark.parametrize(
    ("value", "bound", "inside"),
    [
        ("KE-30", "KE", True),
        ("KE", "KE-30", False),
        ("KEN", "KE", False),
        ("KE-30-1", "KE-30", True),
    ],
)
def test_a_place_lies_in_its_country(value: str, bound: str, inside: bool) -> None:  # noqa: FBT001  # a table
    assert (outside(Earmark(place=(value,)), Earmark(place=(bound,))) == "") is inside
    assert outside(Earmark(theme=(value,)), Earmark(theme=(bound,))) == "theme"


def test_a_refusal_names_the_dimension_and_both_values() -> None:
    outer = Earmark(phase=("development",), place=("KE", "SN"))
    with pytest.raises(Refused, match=r"Contribution c is for place KE or SN; here it is UG\."):
        earmarks.must_be_inside(
            Earmark(phase=("development",), place=("UG",)), outer, "contribution c", "/x"
        )
    with pytest.raises(Refused, match="for phase development; here it is not said"):
        earmarks.must_be_inside(OPEN, outer, "contribution c", "/x")


@pytest.mark.parametrize(
    "wrong", [{"phase": ["third"]}, {"place": ["K E"]}, {"donor": ["x"]}, {"line": ["x"] * 13}]
)
def test_an_earmark_is_of_known_dimensions_and_codes(wrong: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        convert(wrong, Earmark)


# Markers ------------------------------------------------------------------------------------------

CROSSED = {
    ("un-gem", "3", "oecd-dac"): Crossed("2", lossy=False),
    ("un-gem", "2", "oecd-dac"): Crossed("1", lossy=False),
    ("un-gem", "1", "oecd-dac"): Crossed("0", lossy=True),
    ("un-gem", "n/a", "oecd-dac"): Crossed("", lossy=True),
    ("un-2a2b", "2a", "oecd-dac"): Crossed("1", lossy=False),
    ("un-2a2b", "2b", "un-gem"): Crossed("3", lossy=False),
    ("cbpf-gm", "4", "un-gem"): Crossed("n/a", lossy=False),
    ("cbpf-gm", "3", "un-gem"): Crossed("n/a", lossy=True),
    ("cbpf-gam", "4", "oecd-dac"): Crossed("1", lossy=True),
    ("oecd-dac", "2", "cbpf-gam"): Crossed("", lossy=True),
    ("oecd-dac", "0", "un-gem"): Crossed("0", lossy=False),
}


@pytest.mark.parametrize("asked", CROSSED)
def test_scores_cross_as_the_table_says(asked: tuple[str, str, str]) -> None:
    assert crosswalk(*asked) == CROSSED[asked]  # type: ignore[arg-type]  # the table's words


def test_what_is_not_lossy_comes_back_as_it_was() -> None:
    for scheme, scores in SCHEMES.items():
        for target in SCHEMES:
            for score in scores:
                there = crosswalk(scheme, score, target)  # type: ignore[arg-type]  # as above
                if not there.lossy:
                    assert crosswalk(target, there.score, scheme) == Crossed(score, lossy=False)  # type: ignore[arg-type]  # as above


def test_a_score_means_nothing_outside_its_scheme() -> None:
    for scheme, score in (("oecd-dac", "3"), ("un-gem", "2a"), ("cbpf-gam", "n/a"), ("un-gem", "")):
        with pytest.raises(Invalid, match="score-unknown"):
            markers.check(scheme, score)  # type: ignore[arg-type]  # as above


# Schedules ----------------------------------------------------------------------------------------


def monthly(count: int, *, reports: bool) -> Commitment:
    days = [date(2026, 1, 1) + timedelta(days=30 * number) for number in range(count)]
    tranches = tuple(
        Tranche(number, 1_000_000_000, day, report_due_on=day if reports else None)
        for number, day in enumerate(days, 1)
    )
    return Commitment(
        id="w" * 20,
        status="signed",
        kind="grant",
        from_fund="g" * 20,
        to_party="group",
        currency="USD",
        amount_minor=count * 1_000_000_000,
        allocation="a" * 20,
        tranches=tranches,
    )


def fits(made: Commitment) -> bool:
    try:
        schedules.check_room(made)
    except Invalid:
        return False
    return True


@pytest.mark.parametrize(("reports", "least"), [(False, 100), (True, 80)])
def test_ten_years_and_more_fit_and_what_fits_still_fits_when_all_is_taken(
    *, reports: bool, least: int
) -> None:
    most = max(count for count in range(1, 240) if fits(monthly(count, reports=reports)))
    assert least <= most < 130  # quarters of twenty years in any case; see docs/reference/http.md
    with pytest.raises(Invalid, match="schedule-too-large"):
        schedules.check_room(monthly(most + 1, reports=reports))
    made = monthly(most, reports=reports)
    taken = tuple(structs.replace(each, disbursement="d" * 32) for each in made.tranches)
    size = len(canonical(plain_struct(structs.replace(made, tranches=taken))))
    assert size <= MAX_STATE_BYTES


def term(amount: str, due: date | None = None) -> TrancheTerm:
    return TrancheTerm(Money(amount, "USD"), due)


def test_a_schedule_sums() -> None:
    made = schedules.schedule((term("1.00"), term("2.50")), FUND, 350)
    assert [each.amount_minor for each in made] == [100, 250]
    assert [each.number for each in made] == [1, 2]
    with pytest.raises(Invalid, match="tranches-differ"):
        schedules.schedule((term("1.00"), term("2.50")), FUND, 351)
    with pytest.raises(Invalid, match="amount-zero"):
        schedules.schedule((term("1.00"), term("0.00")), FUND, 100)


def test_a_new_schedule_keeps_what_is_taken_and_every_condition() -> None:
    before = (
        Tranche(1, 100, None, "x"),
        Tranche(2, 100, conditions=("k",)),
        Tranche(3, 100),
    )
    after = schedules.schedule((term("1.00"), term("0.50"), term("0.50"), term("1.00")), FUND, 300)
    made = schedules.rescheduled(before, after)
    assert [each.amount_minor for each in made] == [100, 50, 50, 100]
    assert (made[0].disbursement, made[1].conditions) == ("x", ("k",))
    other = schedules.schedule((term("1.50"), term("1.50")), FUND, 300)
    with pytest.raises(Refused, match="tranche-taken"):
        schedules.rescheduled(before, other)
    short = schedules.schedule((term("1.00"),), FUND, 100)
    with pytest.raises(Refused, match="tranche-conditioned"):
        schedules.rescheduled(before, short)
    assert len(schedules.rescheduled(before[:1], short)) == 1
