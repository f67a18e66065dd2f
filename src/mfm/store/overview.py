"""Balances of all funds at a glance."""

from sqlalchemy import column, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection


async def balances_by_code(
    connection: AsyncConnection,
) -> list[tuple[str, str, str, str, str, int]]:
    """Return (fund, tier, currency, book, code, minor units debit-positive), summed over subjects.

    A fund without entries has one row with an empty book. Reported books are left out.
    """
    fund = table("fund", *map(column, ("id", "tier", "currency", "reported", "seq", "status")))
    account = table("account", *map(column, ("account_id", "fund", "book", "code", "currency")))
    balance = table("balance", *map(column, ("account_id", "debit_minor", "credit_minor")))
    amount = func.sum(balance.c.debit_minor - balance.c.credit_minor)
    query = (
        select(
            fund.c.id,
            fund.c.tier,
            fund.c.currency,
            func.coalesce(account.c.book, ""),
            func.coalesce(account.c.code, ""),
            func.coalesce(amount, 0),
        )
        .select_from(fund)
        .outerjoin(account, (account.c.fund == fund.c.id) & (account.c.currency == fund.c.currency))
        .outerjoin(balance, balance.c.account_id == account.c.account_id)
        .where(fund.c.reported.is_(False), fund.c.status != "reversed")
        .group_by(
            fund.c.id, fund.c.tier, fund.c.currency, fund.c.seq, account.c.book, account.c.code
        )
        .order_by(fund.c.seq, account.c.code)
    )
    rows = await connection.execute(query)
    return [(*row[:5], int(row[5])) for row in rows]
