"""Periods: closing a fund's books up to a day."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TypeVar

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import earmarked
from mfm.core import periods as rules
from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.earmarked import Origins
from mfm.core.funds import Fund
from mfm.core.periods import ClosePeriod, Held, Period
from mfm.core.record import Draft, Noun
from mfm.store.sums import chain_end, sums

N = TypeVar("N", bound=Noun)


async def close(context: Context, command: ClosePeriod) -> Draft:
    """Close a fund's books up to a day, for good."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    act = context.act(None, fund)
    rules.check_days(act, command, fund)
    held = Held(
        head=await chain_end(context.unit, fund.id),
        balances=await sums(context.unit, fund.id, date.min, command.last_day),
        restricted=await _restricted(context, command),
    )
    return rules.close(act, command, fund, held)


async def _restricted(context: Context, command: ClosePeriod) -> dict[str, int]:
    """Return by code how much of what moved since the last year's end is earmarked money's."""
    years = [
        row
        for row in await context.unit.find_all(Period, "fund", [command.fund])
        if row.year and row.status == "closed"
    ]
    last = max(years, key=lambda row: row.last_day, default=None)
    since = date.min if last is None else last.last_day + timedelta(days=1)
    moved = await sums(context.unit, command.fund, since, command.last_day)
    if last is not None:
        moved = earmarked.unclosed(moved, last)
    commitments, deposits = earmarked.subjects(moved)
    fees = await _all(context, Deposit, deposits)
    spent = await _all(context, Commitment, commitments)
    allocations = await _all(context, Allocation, (made.allocation for made in spent.values()))
    sources = {share.contribution for each in allocations.values() for share in each.shares}
    sources |= {deposit.commitment for deposit in fees.values()}
    origins = Origins(spent | await _all(context, Commitment, sources), allocations, fees)
    return earmarked.restricted(moved, origins)


async def _all(context: Context, noun: type[N], ids: Iterable[str]) -> dict[str, N]:
    """Return those nouns that are there, by id, read with one query."""
    wanted = sorted(set(ids) - {""})
    await context.unit.load(noun, wanted)
    found = [await context.unit.find(noun, name) for name in wanted]
    return {row.id: row for row in found if row is not None}


VERBS = (Verb("period.close", ClosePeriod, close, "/funds/{fund}/periods", (Fund, "fund")),)
