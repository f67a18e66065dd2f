"""Money: integers of minor units with the ISO 4217 exponent; decimal strings at the edge."""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Annotated

from msgspec import Meta, Struct

from mfm.core.errors import Invalid

# ISO 4217 (2026): exponents other than 2. A code that is not here has two decimals.
_EXPONENTS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}

# ISO 4217 alphabetic codes of currencies in use, with a few that published history still names.
KNOWN = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN"
    " BWP BYN BYR BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD"
    " EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD"
    " IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LTL LVL LYD MAD"
    " MDL MGA MKD MMK MNT MOP MRO MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB"
    " PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP"
    " STD STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED"
    " VEF VES VND VUV WST XAF XCD XDR XOF XPF XSU XUA YER ZAR ZMK ZMW ZWG ZWL".split()
)

MAX_MINOR = 2**63 - 1
"""The largest amount or balance, in minor units: a signed 64-bit integer."""

Exchange = Callable[[int, str, str], int | None]
"""Turns minor units of one currency into those of another; None where no rate is known."""

_BASIS = 10_000
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,22})(\.([0-9]{1,4}))?")
_ZERO = re.compile(r"0(\.0{1,4})?")
_RATE = re.compile(r"(1/)?((0|[1-9][0-9]{0,11})(\.[0-9]{1,30})?)")

Amount = Annotated[str, Meta(max_length=24, description="A decimal string, such as 68174.00")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code")]


class Money(Struct, frozen=True, gc=False):
    """An amount on the wire: `{"amount": "68174.00", "currency": "USD"}`."""

    amount: Amount
    currency: Currency


def exponent(currency: str) -> int:
    """Return how many decimals the currency has (ISO 4217; 2 for codes that are not in it)."""
    return _EXPONENTS.get(currency, 2)


def minor(money: Money, pointer: str = "") -> int:
    """Return `money` as a positive integer of minor units.

    Raises:
        Invalid: `amount-malformed` (NaN, exponent, spaces ...), `amount-negative`, `amount-zero`,
            `amount-precision` (more decimals than the currency has), `amount-too-large`,
            `currency-unknown`.
    """
    text, currency = money.amount, money.currency
    if currency not in KNOWN:
        detail = f"{currency} is not an ISO 4217 currency."
        raise Invalid("currency-unknown", detail, f"{pointer}/currency")
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise _malformed(text, f"{pointer}/amount")
    places = _EXPONENTS.get(currency, 2)
    whole, fraction = found.group(1, 3)
    decimals = len(fraction) if fraction else 0
    if decimals > places:
        detail = f"{text} has {decimals} decimals; {currency} has {places}."
        raise Invalid("amount-precision", detail, f"{pointer}/amount")
    digits = whole + fraction if fraction else whole
    value = int(digits) if decimals == places else int(digits) * 10 ** (places - decimals)
    if value == 0:
        raise Invalid("amount-zero", "An amount of zero moves nothing.", f"{pointer}/amount")
    if value > MAX_MINOR:
        detail = f"{text} is more than the ledger can hold."
        raise Invalid("amount-too-large", detail, f"{pointer}/amount")
    return value


def _malformed(text: str, pointer: str) -> Invalid:
    """Return why a text is no positive amount."""
    if text.startswith("-") and _AMOUNT.fullmatch(text[1:]):
        return Invalid("amount-negative", f"{text} is below zero; amounts are positive.", pointer)
    detail = f"{text!r} is not a decimal amount such as 68174.00 (digits and one point)."
    return Invalid("amount-malformed", detail, pointer)


def signed_minor(amount: str, currency: str, pointer: str = "") -> int:
    """Return a decimal string that may be zero, or below, as minor units: a balance, a bank's line.

    Raises:
        Invalid: as `minor`, but for `amount-negative` and `amount-zero`.
    """
    sign, text = (-1, amount[1:]) if amount.startswith("-") else (1, amount)
    if currency in KNOWN and _ZERO.fullmatch(text):
        return 0
    return sign * minor(Money(text, currency), pointer)


def decimal_text(amount_minor: int, currency: str) -> str:
    """Return minor units as a decimal string with all the currency's decimals: -5, USD -> -0.05."""
    places = exponent(currency)
    sign, digits = ("-" if amount_minor < 0 else ""), str(abs(amount_minor)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else sign + digits


def money_of(amount_minor: int, currency: str) -> Money:
    """Return minor units in their wire form."""
    return Money(decimal_text(amount_minor, currency), currency)


def rounded(value: str, currency: str) -> tuple[int, bool]:
    """Return a decimal string in minor units, half to even, and whether decimals were lost.

    Reported history carries more decimals than its currency has; nothing else may use this.
    """
    with localcontext() as context:
        context.prec = max(64, len(value) + 8)  # never let the context round before we do
        exact = Decimal(value).scaleb(exponent(currency))
        whole = exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        return int(whole), whole != exact


def ratio(rate: str, pointer: str = "/rate") -> Fraction:
    """Return a rate, exactly: `1.10`, or `1/655.957` where it is published the other way round.

    Published tables carry up to 17 significant digits, behind as many zeros as inflation needs.

    Raises:
        Invalid: `rate-malformed`: not a positive decimal number of at most 30 decimals.
    """
    found = _RATE.fullmatch(rate)
    value = Fraction(found[2]) if found else Fraction(0)
    if found is None or not value:
        detail = f"{rate!r} is not a positive decimal rate with at most 30 decimals."
        raise Invalid("rate-malformed", detail, pointer)
    return 1 / value if found[1] else value


def convert(amount_minor: int, source: str, target: str, rate: str) -> int:
    """Convert minor units of `source` into minor units of `target` at `rate`, half to even.

    Args:
        amount_minor: what is converted, in minor units of `source`.
        source: the currency converted from.
        target: the currency converted to.
        rate: units of `target` for one unit of `source`, as `ratio` reads it.

    Raises:
        Invalid: `rate-malformed`.
    """
    scale = Fraction(10) ** (exponent(target) - exponent(source))
    return round(amount_minor * ratio(rate) * scale)


def share(amount_minor: int, basis_points: int) -> int:
    """Return `basis_points`/10000 of an amount, half to even: the rule for fees."""
    whole, rest = divmod(amount_minor * basis_points, _BASIS)
    return whole + (2 * rest > _BASIS or (2 * rest == _BASIS and whole % 2 == 1))


def split(total_minor: int, weights: list[int]) -> list[int]:
    """Split an amount by weights so that the parts sum to it (largest remainder, first wins ties).

    With `total_minor <= sum(weights)` no part is larger than its weight.

    Raises:
        ValueError: no weight is positive, or one is negative.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(weights)
    parts = [total_minor * weight // whole for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda i: (-(total_minor * weights[i] % whole), i)
    )
    for i in by_remainder[: total_minor - sum(parts)]:
        parts[i] += 1
    return parts
