"""How a fund's books begin: accounts of its own, and what it had before it came here."""

from collections.abc import Iterable

from msgspec import structs

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import chart_accounts, openings
from mfm.core.accounts import ADDED, Line, line_of
from mfm.core.chart_accounts import ChartAccount, OpenAccount, account_id
from mfm.core.entries import EntryLine
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.openings import OpenBalances
from mfm.core.record import Draft
from mfm.store.sums import holds_money


async def open_account(context: Context, command: OpenAccount) -> Draft:
    """Add an account to a fund's chart."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    name = account_id(fund.id, command.code)
    # Also one that was taken back: what a code was called stays what it is called.
    if await context.unit.find(ChartAccount, name) is not None:
        detail = f"Fund {fund.id} has, or had, an account {command.code}."
        raise Invalid("id-taken", detail, "/code")
    return chart_accounts.open_account(context.act(None, fund), command, fund)


async def added_accounts(
    context: Context, fund: str, lines: Iterable[EntryLine]
) -> dict[str, Line]:
    """Return a fund's own accounts among those that lines name, as lines of its chart."""
    added: dict[str, Line] = {}
    for code in {each.account for each in lines if ADDED.fullmatch(each.account)}:
        found = await context.unit.find(ChartAccount, account_id(fund, code))
        if found is not None and found.status != "reversed":
            added[code] = structs.replace(line_of(code), code=code, name=found.name)
    return added


async def open_balances(context: Context, command: OpenBalances) -> Draft:
    """Open a fund's books with what it had."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    act = context.act(command.effective_on, fund)
    added = await added_accounts(context, fund.id, command.lines)
    used = await holds_money(context.unit, fund.id)
    return openings.open_balances(act, command, fund, added, used=used)


VERBS = (
    Verb(
        "fund.open-balances",
        OpenBalances,
        open_balances,
        "/funds/{fund}/opening-balances",
        (Fund, "fund"),
    ),
    Verb("account.open", OpenAccount, open_account, "/funds/{fund}/accounts", (Fund, "fund")),
)
