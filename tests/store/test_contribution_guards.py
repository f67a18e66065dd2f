"""The database refuses what the rules for money in would never set: the second path."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.app.test_contributions import begin
from tests.conftest import Database
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio
ON = {"effective_on": "2026-03-02"}
STEPS = (
    ("commitment.sign", {"id": "c", "recognition": "on_compliance", "conditional": True}),
    ("commitment.meet-conditions", {"commitment": "c", "amount": usd("80.00")}),
    ("commitment.recognise", {"commitment": "c", "amount": usd("60.00")}),
    ("unidentified-receipt.record", {"id": "u", "fund": "g", "amount": usd("50.00")}),
    ("unidentified-receipt.identify", {"receipt": "u", "commitment": "c"}),
    ("donor-refund.decide", {"id": "z", "commitment": "c", "amount": usd("10.00")}),
    ("write-off.propose", {"id": "o", "commitment": "c", "amount": usd("5.00")}),
    ("write-off.approve", {"write_off": "o"}),
    ("interest.earn", {"fund": "g", "amount": usd("7.00")}),
    ("cost.pay", {"fund": "g", "kind": "direct", "amount": usd("3.00")}),
    ("in-kind.record", {"fund": "g", "donor": "donor", "hours": "1.5", "hour": usd("9.00")}),
)
SIGNED = {"from_party": "donor", "to_fund": "g", "amount": usd("100.00")}


@pytest.fixture
async def connection(books: Books, db: Database) -> AsyncIterator[asyncpg.Connection]:
    """A superuser inside a transaction that says it appends, over books with each noun."""
    await begin(books)
    for verb, fields in STEPS:
        told = {**SIGNED, **fields} if verb == "commitment.sign" else fields
        key = "b" if verb == "write-off.approve" else "a"
        made = await books.do(verb, operator(key), **told, **ON)
        assert made.accepted, made.content
    made = await asyncpg.connect(db.admin_url, server_settings={"search_path": "mfm"})
    transaction = made.transaction()
    await transaction.start()
    await made.execute("SET LOCAL mfm.appending = 'on'")
    yield made
    await transaction.rollback()
    await made.close()


GUARDED = {
    "commitment": (
        "conditional_minor = -1",
        "deferred_minor = -1",
        "written_off_minor = -1",
        "reduced_minor = -1",
        "recognition = 'sometimes'",
        "recognition = 'immediate'",
        "from_balance_minor = reduced_minor + 1",
        "conditional_minor = amount_minor - paid_minor",
        "deferred_minor = amount_minor - conditional_minor",
        "kind = 'grant', status = 'signed'",
        "status = 'received'",
        "status = 'signed'",
        "status = 'written_off'",
    ),
    "donor_refund": (
        "amount_minor = 0",
        "status = 'paid'",
        "status = 'lost'",
        "paid_by = 'b'",
        "paid_by = decided_by, status = 'paid'",
        "decided_by = ''",
    ),
    "unidentified_receipt": (
        "amount_minor = 0",
        "original_minor = 0",
        "deposit = ''",
        "status = 'unidentified'",
        "status = 'lost'",
    ),
    "interest": ("amount_minor = 0", "status = 'lost'"),
    "cost": ("amount_minor = 0", "status = 'lost'", "kind = 'gift'"),
    "in_kind": ("amount_minor = 0", "hour_minor = 0", "channel = '1'", "status = 'lost'"),
}


async def test_no_such_state_is_kept(books: Books, connection: asyncpg.Connection) -> None:
    for table, changes in GUARDED.items():
        for change in changes:
            savepoint = connection.transaction()
            await savepoint.start()
            sql = f"UPDATE {table} SET {change} WHERE mechanism_id = $1"
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(sql, books.mechanism.id)
            await savepoint.rollback()
