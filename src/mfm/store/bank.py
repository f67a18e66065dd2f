"""What the books moved at a bank account: the sums of its records on 1100 and 1110."""

from datetime import date
from typing import TypeAlias

import asyncpg
from sqlalchemy import Select, column, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

Driver: TypeAlias = asyncpg.Connection
"""The driver's own connection: what the layers above hand on without knowing what it is."""

_MOVED = (
    "SELECT p.seq, p.effective_on, sum(p.signed)::bigint FROM account a, LATERAL ("
    "  SELECT seq, effective_on, amount_minor AS signed FROM posting"
    "   WHERE mechanism_id = $1 AND debit_id = a.account_id"
    "  UNION ALL SELECT seq, effective_on, -amount_minor FROM posting"
    "   WHERE mechanism_id = $1 AND credit_id = a.account_id) p"
    " WHERE a.mechanism_id = $1 AND a.fund = $2 AND a.code IN ('1100', '1110')"
    " AND a.currency = $3 AND a.subject = $4"
    " GROUP BY 1, 2 HAVING sum(p.signed) <> 0 ORDER BY 1"
)


async def moved(
    connection: Driver, mechanism_id: int, fund: str, currency: str, bank_account: str
) -> list[tuple[int, date, int]]:
    """Return every record that moved money at a bank account, as (seq, day, minor units)."""
    rows = await connection.fetch(_MOVED, mechanism_id, fund, currency, bank_account)
    return [(row[0], row[1], int(row[2])) for row in rows]


async def driver_of(connection: AsyncConnection) -> tuple[Driver, int]:
    """Return the driver's connection under a reader's, within its snapshot, and the mechanism."""
    query: Select[int] = select(column("mechanism_id")).select_from(table("head"))
    number = (await connection.execute(query)).scalar_one()
    raw = await connection.get_raw_connection()
    return raw.driver_connection, int(number)
