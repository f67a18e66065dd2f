"""Rates, shares and differences, exactly: nothing is lost and nothing made by any rounding."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mfm.core.accounts import EXCHANGE, Account
from mfm.core.allocations import Allocation, Share
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.earmarked import Origins, restricted
from mfm.core.errors import Invalid, Refused
from mfm.core.exchange import Position, authority, bearers, differ
from mfm.core.funds import Fund
from mfm.core.journal import check
from mfm.core.money import convert, ratio
from mfm.core.periods import ends_year
from mfm.core.verify_rates import RATE, worth

FUND = Fund(id="f", status="open", name="F", currency="USD")
MINOR = st.integers(0, 10**15)
RATES = st.one_of(
    st.decimals("0.000000000000001", 999_999, places=15).map(lambda x: f"{x:f}"),
    st.integers(1, 10**12 - 1).map(str),
)


@given(st.integers(1, 10**15), st.sampled_from(["JPY", "USD", "KWD", "CLF"]), RATES)
def test_an_inverse_rate_divides_exactly(amount: int, currency: str, rate: str) -> None:
    assert ratio(f"1/{rate}") * ratio(rate) == 1
    there = convert(amount, currency, "EUR", f"1/{rate}")
    exact = Fraction(amount) / Fraction(rate)
    exact *= Fraction(10) ** (2 - {"JPY": 0, "USD": 2, "KWD": 3, "CLF": 4}[currency])
    assert abs(there - exact) <= Fraction(1, 2)
    assert abs(there - exact) != Fraction(1, 2) or there % 2 == 0


@given(amount=st.integers(1, 10**15), rate=RATES, turned=st.booleans())
def test_both_arithmetics_agree(amount: int, rate: str, *, turned: bool) -> None:
    told = f"1/{rate}" if turned else rate
    assert RATE.fullmatch(told)
    assert convert(amount, "EUR", "JPY", told) == worth(amount, "EUR", "JPY", told)


@pytest.mark.parametrize("rate", ["0", "0.00", "1/0", "1/0.0", "", "1/", "-1", "1/-1", "1,1"])
def test_neither_arithmetic_takes_what_is_no_rate(rate: str) -> None:
    assert RATE.fullmatch(rate) is None
    with pytest.raises(Invalid, match="rate-malformed"):
        ratio(rate)


@given(st.integers(1, 10**12), st.integers(-(10**12), 10**15), st.data())
def test_a_position_is_sold_piece_by_piece_to_nothing(
    units: int, carried: int, data: st.DataObject
) -> None:
    position, sold = Position("EUR", units, carried), 0
    while position.original_minor:
        part = data.draw(st.integers(1, position.original_minor))
        part = part if sold < 6 else position.original_minor
        cost = position.cost(part)
        exact = Decimal(position.carried_minor) * part / position.original_minor
        with localcontext() as context:
            context.prec = 60
            assert abs(cost - exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)) <= 1
        position = Position("EUR", position.original_minor - part, position.carried_minor - cost)
        sold += 1
    assert position.carried_minor == 0


def test_no_more_is_sold_than_there_is() -> None:
    with pytest.raises(Refused, match=r"balance-floor: The fund holds 5.00 EUR; 5.01 is asked."):
        Position("EUR", 500, 700).cost(501)


AVAILABLE = st.dictionaries(st.sampled_from(["a", "b", "c", EXCHANGE]), st.integers(1, 10**9))


@given(st.integers(-(10**9), 10**9), AVAILABLE)
def test_a_difference_moves_cash_and_authority_alike(
    gained: int, available: dict[str, int]
) -> None:
    assume(-gained <= sum(available.values()))
    shares = bearers(FUND, gained, available)
    borne = {share.contribution: share.amount_minor for share in shares}
    assert sum(borne.values()) == max(-gained, 0)
    assert all(0 < amount <= available[name] for name, amount in borne.items())
    # Earlier gains bear all that they can before anybody else does.
    spared = available.get(EXCHANGE, 0) - borne.get(EXCHANGE, 0)
    assert not spared or set(borne) <= {EXCHANGE}
    check([*differ(FUND, "EUR", gained), *authority(FUND, gained, shares)])


def test_a_loss_that_nobody_can_bear_is_refused() -> None:
    with pytest.raises(Refused, match="authority-exceeded"):
        bearers(FUND, -101, {"a": 60, EXCHANGE: 40})
    with pytest.raises(Refused, match="authority-exceeded"):
        bearers(FUND, -1, {})


# A year's end -------------------------------------------------------------------------------------


def contribution(name: str, income: str) -> Commitment:
    return Commitment(
        id=name,
        status="received",
        kind="contribution",
        from_party="d",
        to_fund="f",
        currency="USD",
        amount_minor=1,
        paid_minor=1,
        income=income,
    )


def origins(weights: Sequence[int]) -> Origins:
    """A grant w under an allocation whose shares are of e (earmarked) and o (not)."""
    shares = tuple(Share(name, weight) for name, weight in zip("eo", weights, strict=True))
    grant = Commitment(
        id="w",
        status="active",
        kind="grant",
        from_fund="f",
        to_party="p",
        currency="USD",
        amount_minor=1,
        paid_minor=0,
        allocation="al",
    )
    held = Allocation(
        id="al", status="approved", fund="f", currency="USD", amount_minor=1, shares=shares
    )
    fee = Deposit(
        id="d",
        status="received",
        commitment="e",
        fund="f",
        bank_account="main",
        currency="USD",
        amount_minor=1,
        settled_minor=1,
        original_currency="USD",
        original_minor=1,
    )
    made = {"e": contribution("e", "4110"), "o": contribution("o", "4100"), "w": grant}
    return Origins(made, {"al": held}, {"d": fee})


def fin(code: str, subject: str = "") -> Account:
    return Account("f", "FIN", code, "USD", subject)


@given(st.integers(-(10**12), 10**12), st.tuples(MINOR, MINOR))
def test_what_is_earmarked_is_a_part_by_largest_remainder(
    spent: int, weights: tuple[int, int]
) -> None:
    found = restricted({fin("5100", "w"): spent}, origins(weights)).get("5100", 0)
    whole = sum(weights)
    exact = Fraction(spent * weights[0], whole) if whole else Fraction(0)
    assert abs(found - exact) < 1
    assert abs(found) <= abs(spent)


def test_each_movement_is_of_the_money_it_is_about() -> None:
    moved = {
        fin("4110", "e"): -100,
        fin("4100", "o"): -50,
        fin("5400", "d"): 7,
        fin("5950", "e"): 5,
        fin("5950", "o"): 6,
        fin("5700"): 3,
        fin("5600"): 2,
        fin("4500"): -1,
        fin("5100", "w"): 9,
    }
    found = restricted(moved, origins((2, 1)))
    told = {code: minor for code, minor in found.items() if minor}
    assert told == {"4110": -100, "5400": 7, "5950": 5, "5100": 6}


@pytest.mark.parametrize(
    ("start", "day", "ends"),
    [
        ("01-01", "2024-12-31", True),
        ("01-01", "2024-12-30", False),
        ("07-01", "2024-06-30", True),
        ("03-01", "2024-02-29", True),
        ("03-01", "2023-02-28", True),
        ("03-01", "2024-02-28", False),
    ],
)
def test_a_fiscal_year_ends_the_day_before_the_next(start: str, day: str, *, ends: bool) -> None:
    fund = Fund(id="f", status="open", name="F", currency="USD", fiscal_year_start=start)
    assert ends_year(fund, date.fromisoformat(day)) is ends
