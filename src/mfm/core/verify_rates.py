"""Verification, rates: an amount at a rate, by arithmetic of its own."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from mfm.core.money import exponent

RATE = re.compile(r"(1/)?(?!0+(\.0+)?$)[0-9]{1,12}(\.[0-9]{1,30})?")
"""A rate above zero; with `1/` before it, its inverse."""


def product(amount_minor: int, factor: str, places: int) -> Decimal:
    """Return minor units times a decimal string, with so many more decimals, half to even.

    `1/x` divides. With so many digits only an exact half ever looks like one: x has 43 at most.
    """
    by, over = Decimal(factor.removeprefix("1/")), factor.startswith("1/")
    with localcontext() as context:
        context.prec = 120
        exact = Decimal(amount_minor) / by if over else Decimal(amount_minor) * by
        return exact.scaleb(places).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)


def worth(original_minor: int, source: str, target: str, rate: str) -> Decimal:
    """Return minor units of one currency in those of another, at a rate that `RATE` matches."""
    return product(original_minor, rate, exponent(target) - exponent(source))
