"""Exchange rates: recording them, and finding the one that a verb names by its day."""

from datetime import date, timedelta
from typing import Any, TypeVar

from msgspec import structs

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import rates as rules
from mfm.core.errors import Invalid
from mfm.core.rates import Rate, RecordRate, rate_id
from mfm.core.record import Draft
from mfm.core.terms import Command

C = TypeVar("C", bound=Command)
_FRESH = 93
"""For so many days a published rate tells what a currency is worth."""


async def record(context: Context, command: RecordRate) -> Draft:
    """Record a published rate; a wrong one is taken back first."""
    context.require()
    name = rate_id(command.base, command.quote, command.rated_on, command.source)
    return rules.record(command, await context.unit.find(Rate, name))


async def recorded_rate(
    context: Context, pair: tuple[str, str], rated_on: date, source: str
) -> tuple[str, str]:
    """Return the recorded rate of a pair for a day, and who published it for which day.

    A table that has the pair the other way round will do: the rate is then told as `1/x`, so that
    it is still the published one, digit by digit.

    Args:
        context: the verb's.
        pair: from which currency into which.
        rated_on: the day that it was published for.
        source: who published it; "" where only one did.

    Raises:
        Invalid: `rate-missing`, `rate-ambiguous` when several have published one.
    """
    base, quote = pair
    found = [
        row
        for row in await context.unit.find_all(Rate, "rated_on", [rated_on])
        if row.status != "reversed"
        and {row.base, row.quote} == {base, quote}
        and source in ("", row.source)
    ]
    sources = sorted({row.source for row in found})
    if not found:
        by = f" by {source}" if source else ""
        detail = f"No rate of {base} into {quote} for {rated_on}{by} is recorded."
        raise Invalid("rate-missing", detail, "/rate_on")
    if len(sources) > 1:
        detail = f"{', '.join(sources)} have a rate of {base} into {quote} for {rated_on}."
        raise Invalid("rate-ambiguous", detail, "/rate_source")
    direct = next((row for row in found if row.base == base), None)
    rate = direct.rate if direct is not None else f"1/{found[0].rate}"
    return rate, f"{sources[0]} {rated_on}"


async def newest_rate(context: Context, pair: tuple[str, str], day: date) -> str:
    """Return the newest recorded rate of a pair up to a day, or "" without one of its quarter.

    The other way round it is told as `1/x`; of several of a day it is the last by name.
    """
    days = [day - timedelta(days=back) for back in range(min(_FRESH, day.toordinal()))]
    found = [
        row
        for row in await context.unit.find_all(Rate, "rated_on", days)
        if row.status != "reversed" and {row.base, row.quote} == {*pair}
    ]
    if not found:
        return ""
    newest = max(found, key=lambda row: (row.rated_on, row.base == pair[0], row.source))
    return newest.rate if newest.base == pair[0] else f"1/{newest.rate}"


async def with_rate(context: Context, command: C, pair: tuple[str, str]) -> C:
    """Return a command whose rate is the recorded one of `rate_on`, where it names that day.

    Args:
        context: the verb's.
        command: any with the fields `rate`, `rate_on` and `rate_source`.
        pair: from which currency into which.

    Raises:
        Invalid: as `recorded_rate`; `rate-needless` where a rate is stated too, or none applies.
    """
    told: Any = command
    if told.rate_on is None:
        return command
    if told.rate is not None:
        detail = "State the rate, or the day whose recorded rate is to be taken; not both."
        raise Invalid("rate-needless", detail, "/rate_on")
    if pair[0] == pair[1]:
        detail = f"Money in {pair[0]} needs no rate."
        raise Invalid("rate-needless", detail, "/rate_on")
    rate, rate_source = await recorded_rate(context, pair, told.rate_on, told.rate_source)
    return structs.replace(command, rate=rate, rate_source=rate_source)


RECORD = Verb("rate.record", RecordRate, record, "/rates")
VERBS = (RECORD,)
