"""Earmarks: which of a fund's sources may be drawn on for a purpose."""

from mfm.app.context import Context
from mfm.core import earmarks as rules
from mfm.core.allocations import ShareTerm
from mfm.core.commitments import Commitment
from mfm.core.earmarks import Earmark
from mfm.core.entries import PostEntry
from mfm.core.funds import Fund
from mfm.core.money import Money


async def sources(
    context: Context,
    fund: Fund,
    purpose: Earmark,
    asked: tuple[Money, tuple[ShareTerm, ...]],
) -> dict[str, int]:
    """Return what a fund has unallocated of the sources that admit a purpose, in minor units.

    Args:
        context: the verb's.
        fund: whose money.
        purpose: what it is to be used for.
        asked: the amount that is to be drawn, and the sources that the command names, if any.

    Raises:
        Invalid: as `Fund.amount`.
        Refused: `earmark-not-met` where one that is named does not admit it, or those that do
            hold too little.
    """
    amount, named = asked
    amount_minor = fund.amount(amount, "/amount")
    available_minor = await context.unit.unallocated(fund)
    names = [term.contribution for term in named]
    bounds = await bounds_of(context, [*names, *available_minor])
    rules.must_admit(purpose, names, bounds)
    admitted_minor = rules.sources(purpose, available_minor, bounds)
    if not named:
        rules.must_suffice(amount_minor, available_minor, admitted_minor)
    return admitted_minor


async def bounds_of(context: Context, names: list[str]) -> dict[str, Earmark]:
    """Return the earmarks of contributions and transfers; what is neither has none."""
    await context.unit.load(Commitment, names)
    found = [await context.unit.find(Commitment, name) for name in dict.fromkeys(names)]
    return {made.id: made.earmark for made in found if made is not None}


async def check_voucher(context: Context, command: PostEntry) -> None:
    """Hold that no voucher spends earmarked money past its earmark: it goes through allocations.

    Raises:
        Refused: `earmark-not-met`.
    """
    lines = {
        line.subject: at
        for at, line in enumerate(command.lines)
        if line.account == "9300" and line.subject and line.debit is not None
    }
    if lines:
        bounds = await bounds_of(context, list(lines))
        for name, at in lines.items():
            outer = bounds.get(name, rules.OPEN)
            pointer = f"/lines/{at}/subject"
            rules.must_be_inside(rules.OPEN, outer, f"money of {name}", pointer)
