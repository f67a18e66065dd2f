"""Money: strings in, integers kept, strings out; nothing is lost and nothing odd gets in."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.errors import Invalid
from mfm.core.money import (
    KNOWN,
    MAX_MINOR,
    Money,
    convert,
    decimal_text,
    exponent,
    minor,
    money_of,
    rounded,
    share,
    split,
)

BY_EXPONENT = {0: "JPY", 2: "USD", 3: "KWD", 4: "CLF"}
currencies = st.sampled_from(sorted(BY_EXPONENT.values()))
amounts = st.integers(1, MAX_MINOR)


def half_even(value: Decimal) -> int:
    with localcontext() as context:
        context.prec = 120
        return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


@pytest.mark.parametrize(("places", "currency"), BY_EXPONENT.items())
def test_exponents_are_those_of_iso_4217(places: int, currency: str) -> None:
    assert exponent(currency) == places
    assert currency in KNOWN


@given(amounts, currencies)
def test_wire_form_and_minor_units_are_each_others_inverse(amount: int, currency: str) -> None:
    assert minor(money_of(amount, currency)) == amount


@given(st.integers(-MAX_MINOR, MAX_MINOR), currencies)
def test_decimal_text_has_all_decimals_and_the_exact_value(amount: int, currency: str) -> None:
    text = decimal_text(amount, currency)
    assert len(text.partition(".")[2]) == exponent(currency)
    with localcontext() as context:
        context.prec = 40
        assert Decimal(text).scaleb(exponent(currency)) == amount
    assert rounded(text, currency) == (amount, False)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (-5, "USD", "-0.05"),
        (0, "USD", "0.00"),
        (7, "KWD", "0.007"),
        (7, "JPY", "7"),
        (-10_000, "CLF", "-1.0000"),
    ],
)
def test_decimal_text_of_small_amounts(amount: int, currency: str, text: str) -> None:
    assert decimal_text(amount, currency) == text


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("NaN", "USD", "amount-malformed"),
        ("Infinity", "USD", "amount-malformed"),
        ("1e3", "USD", "amount-malformed"),
        ("1E+3", "USD", "amount-malformed"),
        ("+1.00", "USD", "amount-malformed"),
        ("01.00", "USD", "amount-malformed"),
        (" 1.00", "USD", "amount-malformed"),
        ("1.00\n", "USD", "amount-malformed"),
        ("1,000.00", "USD", "amount-malformed"),
        ("1.", "USD", "amount-malformed"),
        (".5", "USD", "amount-malformed"),
        ("", "USD", "amount-malformed"),
        ("٣.00", "USD", "amount-malformed"),
        ("-1.00", "USD", "amount-negative"),
        ("-0.00", "USD", "amount-negative"),
        ("0.00", "USD", "amount-zero"),
        ("0", "JPY", "amount-zero"),
        ("1.001", "USD", "amount-precision"),
        ("1.0", "JPY", "amount-precision"),
        ("1.0001", "KWD", "amount-precision"),
        ("92233720368547758.08", "USD", "amount-too-large"),
        ("9223372036854775808", "JPY", "amount-too-large"),
        ("9999999999999999999999", "USD", "amount-too-large"),
        ("1.00", "QQQ", "currency-unknown"),
    ],
)
def test_bad_amounts_have_a_code_each(text: str, currency: str, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        minor(Money(text, currency), "/x")
    assert raised.value.code == code
    assert raised.value.pointer.startswith("/x/")


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("92233720368547758.07", "USD"),
        ("9223372036854775807", "JPY"),
        ("922337203685477.5807", "CLF"),
    ],
)
def test_the_largest_amount_is_taken(text: str, currency: str) -> None:
    assert minor(Money(text, currency)) == MAX_MINOR


@given(
    st.integers(-(10**30), 10**30),
    st.integers(0, 20),
    currencies,
)
def test_rounded_is_half_even_and_tells_what_it_lost(
    digits: int, places: int, currency: str
) -> None:
    with localcontext() as context:
        context.prec = 120
        value = Decimal(digits).scaleb(-places)
        scaled = value.scaleb(exponent(currency))
    whole, lost = rounded(f"{value:f}", currency)
    assert whole == half_even(scaled)
    assert lost == (scaled != whole)
    assert abs(scaled - whole) <= Decimal("0.5")


rates = st.decimals(Decimal("0.000000000001"), 9_999_999_999, places=12).map(lambda x: f"{x:f}")


@given(amounts, currencies, currencies, rates)
def test_convert_is_exact_arithmetic_rounded_once(
    amount: int, source: str, target: str, rate: str
) -> None:
    with localcontext() as context:
        context.prec = 120
        scaled = (Decimal(amount) * Decimal(rate)).scaleb(exponent(target) - exponent(source))
    assert convert(amount, source, target, rate) == half_even(scaled)


@given(amounts, currencies)
def test_convert_at_one_changes_nothing(amount: int, currency: str) -> None:
    assert convert(amount, currency, currency, "1") == amount


def test_convert_crosses_exponents() -> None:
    assert convert(1_000, "JPY", "USD", "0.0067") == 670
    assert convert(670, "USD", "JPY", "149.25") == 1_000  # 999.975
    assert convert(1_000, "KWD", "CLF", "0.085") == 850
    assert convert(90_000_000, "EUR", "USD", "1.10") == 99_000_000


@pytest.mark.parametrize(
    "rate",
    ["", "0", "0.0", "-1", "1e2", "NaN", "1." + "1" * 31, "01", "1.", "1" * 13, "1/0", "1/"],
)
def test_a_rate_is_a_positive_decimal(rate: str) -> None:
    with pytest.raises(Invalid) as raised:
        convert(100, "EUR", "USD", rate)
    assert raised.value.code == "rate-malformed"


@given(st.integers(0, MAX_MINOR), st.integers(0, 10_000))
def test_share_is_half_even(amount: int, basis_points: int) -> None:
    with localcontext() as context:
        context.prec = 60
        wanted = Decimal(amount) * basis_points / 10_000
    assert share(amount, basis_points) == half_even(wanted)
    assert 0 <= share(amount, basis_points) <= amount


weights_ = st.lists(st.integers(0, MAX_MINOR), min_size=1, max_size=12).filter(any)


@given(st.integers(0, MAX_MINOR), weights_)
def test_parts_sum_to_the_whole_and_are_within_one_of_exact(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    whole = sum(weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * whole - total * weight) < whole
        assert weight or not part


@given(weights_, st.data())
def test_no_part_is_larger_than_its_weight(weights: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(weights)))
    assert all(p <= w for p, w in zip(split(total, weights), weights, strict=True))


def test_the_first_wins_ties() -> None:
    assert split(1, [1, 1, 1]) == [1, 0, 0]
    assert split(5, [1, 1, 1]) == [2, 2, 1]
    assert split(100, [1, 2, 3]) == [17, 33, 50]


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [5, -1]])
def test_weights_must_be_positive(weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"\["):
        split(10, weights)
