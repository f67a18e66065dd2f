"""Statements, balances, histories and totals: for those who may read them."""

from msgspec import structs

from mfm.app.trail_reads import point_at
from mfm.core import accounts, histories
from mfm.core import statements as rules
from mfm.core import totals as rules_totals
from mfm.core.chart_accounts import ChartAccount
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.histories import AccountBalance, AccountQuery, History, HistoryQuery
from mfm.core.permissions import Actor, require
from mfm.core.statements import Scope, Statement, StatementQuery
from mfm.core.totals import Total
from mfm.store import reads
from mfm.store import statements as store
from mfm.store import totals as store_totals
from mfm.store.database import Engine, Snapshot, snapshot
from mfm.store.reads import Page, Reach

_ACCOUNTS_MOST = 10_000
"""More accounts of its own than any fund has."""


async def statement(engine: Engine, actor: Actor, query: StatementQuery) -> Statement:
    """Return a fund's Sources and Uses with its trial balances.

    Raises:
        Invalid: `not-found`, `fund-not-allowed`, `role-not-allowed`, `currency-not-fund`,
            `field-invalid` when `known_at` names a record that is not there yet.
    """
    async with snapshot(engine) as connection:
        scope = await _scope(connection, actor, query)
        flows = await store.flows(connection, scope)
        positions = await store.positions(connection, scope)
    return rules.statement(scope, flows, positions)


async def balance(engine: Engine, actor: Actor, query: AccountQuery) -> AccountBalance:
    """Return an account's balance, or a code's over all its subjects.

    Raises:
        Invalid: as `statement`, and `account-unknown`.
    """
    async with snapshot(engine) as connection:
        scope = await _scope(connection, actor, query)
        if query.code not in scope.names:
            accounts.line(query.code, "/code")
        balance_minor = await store.balance(connection, scope, query.code, query.subject)
    return histories.balance(scope, query, balance_minor)


async def history(engine: Engine, actor: Actor, query: HistoryQuery) -> History:
    """Return a page of an account's postings with the running balance.

    The pages of one history agree when each is asked with the `known_at` of the first.

    Raises:
        Invalid: as `balance`.
    """
    async with snapshot(engine) as connection:
        scope = await _scope(connection, actor, query)
        if query.code not in scope.names:
            accounts.line(query.code, "/code")
        opening_minor = 0
        if query.after:
            seen = structs.replace(scope, known_at=min(query.after, scope.known_at), current=False)
            opening_minor = await store.balance(connection, seen, query.code, query.subject)
        movements = await store.history(connection, scope, query)
    return histories.history(scope, query, opening_minor, movements)


async def totals(engine: Engine, actor: Actor, by: tuple[str, ...]) -> list[Total]:
    """Return the ledger's transactions summed by activity, iati_type and currency, or some of them.

    Args:
        engine: where to read.
        actor: who asks.
        by: some of the dimensions, as `core.totals.dimensions` reads them.

    Raises:
        Invalid: `role-not-allowed`.
    """
    require(actor, "totals.read")
    async with snapshot(engine) as connection:
        return rules_totals.totals(await store_totals.reported(connection), by)


async def _scope(connection: Snapshot, actor: Actor, query: StatementQuery) -> Scope:
    """Return the books and the moment that a query means, once the actor may see them."""
    fund = await named_fund(connection, query.fund)
    require(actor, "statement.read", (fund.id,))
    currency = query.currency or fund.currency
    own = currency == fund.currency or fund.reported
    if not own and not await store.keeps(connection, fund.id, currency):
        detail = f"Fund {fund.id} keeps its books in {fund.currency}, not {currency}."
        raise Invalid("currency-not-fund", detail, "/currency")
    head = await reads.head_seq(connection)
    known_at = head if query.known_at is None else query.known_at
    if known_at > head:
        detail = f"There is no record {known_at} yet; the newest is {head}."
        raise Invalid("field-invalid", detail, "/known_at")
    current = query.as_of is None and known_at == head
    page = Page(limit=_ACCOUNTS_MOST, filters={"fund": fund.id})
    rows = await reads.page_of(connection, ChartAccount, page, Reach())
    names = {row.code: row.name for row in rows if isinstance(row, ChartAccount)}
    point = await point_at(connection, known_at)
    return Scope(fund.id, currency, known_at, query.as_of, current, names, point)


async def named_fund(connection: Snapshot, name: str) -> Fund:
    """Return a fund by its id, or by the IATI identifier of its activity.

    Raises:
        Invalid: `not-found`.
    """
    page = Page(filters={"identifier": name})
    found = [await reads.one(connection, Fund, name, Reach())]
    found += await reads.page_of(connection, Fund, page, Reach())
    for fund in found:
        if isinstance(fund, Fund) and fund.status != "reversed":
            return fund
    raise Invalid("not-found", f"There is no fund {name}.", "/fund")
