"""Exchange rates as somebody published them for a day: facts that deposits and payments name."""

from datetime import date
from fractions import Fraction
from typing import Annotated

from msgspec import Meta

from mfm.core.errors import Invalid, Refused
from mfm.core.money import KNOWN, Currency, ratio
from mfm.core.record import Draft, Noun
from mfm.core.terms import Command

Decimals = Annotated[
    str, Meta(max_length=48, description="Units of quote for one unit of base, such as 1.10")
]
Publisher = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$(?!\n)",
        description="Who published it: un-operational, imf, ecb",
    ),
]
SMALLEST, LARGEST = Fraction(1, 10**15), Fraction(10**12)
"""Beyond these a rate is a slip: no pair of currencies has ever been further apart."""


class Rate(Noun, frozen=True, kw_only=True):
    """A published exchange rate.

    Attributes:
        base: the currency of which there is one.
        quote: the currency of which there are `rate`.
        rated_on: the day it was published for.
        rate: units of `quote` for one unit of `base`, digit by digit as published.
        source: who published it.
    """

    base: str
    quote: str
    rated_on: date
    rate: str
    source: str


class RecordRate(Command, frozen=True, kw_only=True):
    """Record a published exchange rate."""

    base: Currency
    quote: Currency
    rated_on: date
    rate: Decimals
    source: Publisher


def rate_id(base: str, quote: str, rated_on: date, source: str) -> str:
    """Return the id of a rate, which is all that tells it from others: eur-usd.2026-03-02.ecb."""
    return f"{base}-{quote}.{rated_on}.{source}".lower()


def check(command: RecordRate) -> None:
    """Hold a published rate to what a rate can be.

    Raises:
        Invalid: `currency-unknown`, `rate-needless`, `rate-malformed`, `rate-absurd`.
    """
    for name in ("base", "quote"):
        currency = getattr(command, name)
        if currency not in KNOWN:
            detail = f"{currency} is not an ISO 4217 currency."
            raise Invalid("currency-unknown", detail, f"/{name}")
    if command.base == command.quote:
        detail = f"{command.base} needs no rate into itself."
        raise Invalid("rate-needless", detail, "/quote")
    if command.rate.startswith("1/"):
        detail = "Record a rate as it was published; swap base and quote for its inverse."
        raise Invalid("rate-malformed", detail, "/rate")
    if not SMALLEST <= ratio(command.rate) <= LARGEST:
        detail = f"{command.rate} {command.quote} for one {command.base} cannot be."
        raise Invalid("rate-absurd", detail, "/rate")


def record(command: RecordRate, before: Rate | None) -> Draft:
    """Record a rate; it counts from the day it was published for.

    Args:
        command: what is asked.
        before: the rate of this pair, day and source as it stands, or None.

    Raises:
        Invalid: as `check`.
        Refused: `rate-recorded` when there is one already: a wrong one is taken back first.
    """
    check(command)
    if before is not None and before.status != "reversed":
        detail = f"Rate {before.id} is {before.rate} (record {before.seq})."
        raise Refused("rate-recorded", detail, "/rate")
    made = Rate(
        id=rate_id(command.base, command.quote, command.rated_on, command.source),
        status="recorded",
        base=command.base,
        quote=command.quote,
        rated_on=command.rated_on,
        rate=command.rate,
        source=command.source,
    )
    return Draft(effective_on=command.rated_on, sets=(made,))
