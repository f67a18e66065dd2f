"""Random ways through a grant and a transfer: the books hold, and each step can be taken back."""

import asyncio
from datetime import date
from typing import Any
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.store import database
from mfm.store.facts import around
from mfm.store.unit import Unit
from mfm.store.writer import Writer
from tests.app.invariants import broken
from tests.conftest import Database
from tests.support import PERMIT, Books, operator, usd

ON = {"effective_on": "2026-03-09"}
LATE = date(2030, 1, 1)
"""A day on which every report that is not in is overdue."""
BEGIN: list[tuple[str, dict[str, Any]]] = [
    (PERMIT, {}),
    ("party.register", {"id": "donor", "name": "Donor"}),
    ("party.register", {"id": "agent", "name": "Agent"}),
    ("party.register", {"id": "group", "name": "Group"}),
    *(
        (
            "fund.open",
            {
                "id": fund,
                "name": fund,
                "tier": "local",
                "currency": "USD",
                "steward": "agent",
                "report_days": 10,
            },
        )
        for fund in "gn"
    ),
    (
        "commitment.sign",
        {"id": "c", "from_party": "donor", "to_fund": "g", "amount": usd("99.99"), **ON},
    ),
    ("deposit.receive", {"commitment": "c", "amount": usd("99.99"), **ON}),
    ("allocation.approve", {"id": "e", "fund": "g", "amount": usd("50.01"), **ON}),
    *(
        (
            "commitment.sign",
            {
                "id": name,
                "from_fund": "g",
                side: to,
                "amount": usd("20.00"),
                "allocation": "e",
                "tranches": [{"amount": usd(amount)} for amount in ("7.01", "9.00", "3.99")],
                **ON,
            },
        )
        for name, side, to in (("w", "to_party", "group"), ("t", "to_fund", "n"))
    ),
]
# (noun, status) -> what may be done then and by whom; what leads on is there more often.
BEFORE = ("return b", "reject b", "cancel a")
LEGAL: dict[tuple[str, str], tuple[str, ...]] = {
    ("disbursement", "requested"): ("review e", *BEFORE, *["approve b"] * 5),
    ("disbursement", "reviewed"): (*BEFORE, *["approve b"] * 5),
    ("disbursement", "returned"): (*["resubmit a"] * 3, "reject b", "cancel a"),
    ("disbursement", "approved"): ("return b", "cancel a", "instruct c", *["release c"] * 5),
    ("disbursement", "instructed"): ("bounce c", *["settle c"] * 3),
    ("disbursement", "released"): ("bounce c", *["confirm d"] * 5),
    ("disbursement", "confirmed"): ("resolve b", "resolve b", "submit d", "accept b"),
    ("disbursement", "reported"): ("resolve b", "submit d"),
    ("report", "submitted"): ("question b", *["decide b"] * 3),
    ("report", "questioned"): ("answer d", "decide b"),
    ("refund", "due"): ("receive c", "propose f"),
    ("write_off", "proposed"): ("approve b", "approve b", "reject b"),
}
FREE = (
    "report.submit d",
    "report.accept b",
    "refund.claim b",
    "refund.claim b",
    "write-off.propose f",
    "commitment.deobligate b",
    "fund.set-disbursing z",
)
OUTCOMES = ("arrived", "charges", "receivable")
Draw = tuple[int, int, int, int]
Step = tuple[str, str, dict[str, Any]]
"""A verb, whose key, and its fields."""


class Walk:
    """A random walk through the life of what is paid."""

    def __init__(self, books: Books, connection: asyncpg.Connection) -> None:
        self.books = books
        self.connection = connection
        self.done: list[int] = []
        self.count = 0

    async def rows(self, table: str) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.connection.fetch(
            f"SELECT * FROM mfm.{table} WHERE mechanism_id = $1 AND status <> 'reversed'"
            " ORDER BY id",
            self.books.mechanism.id,
        )
        return rows

    async def balances(self) -> list[tuple[object, ...]]:
        rows = await self.connection.fetch(
            "SELECT fund, code, subject, debit_minor - credit_minor FROM mfm.account"
            " JOIN mfm.balance USING (mechanism_id, account_id)"
            " WHERE mechanism_id = $1 AND debit_minor <> credit_minor ORDER BY 1, 2, 3",
            self.books.mechanism.id,
        )
        return [tuple(row) for row in rows]

    async def remembers(self) -> None:
        """What is remembered around decisions is what a fresh look finds."""

        async def look(unit: Unit) -> None:
            for party in ("group", "agent"):
                kept = await around(unit, (party,), "g", LATE)
                del unit.memory.around[party]
                assert kept == await around(unit, (party,), "g", LATE)

        await self.books.writer.run(look)

    async def step(self, draw: Draw) -> None:
        """Try one thing; where it is accepted, take it back, see that nothing is left, do it."""
        await self.remembers()
        verb, key, fields = await self.chosen(draw)
        before = await self.balances()
        for again in (True, False):
            self.count += 1
            try:
                made = await self.books.do(verb, operator(key), **fields)
            except Invalid:
                return
            if not made.accepted:
                return
            if verb == "fund.set-disbursing":
                return  # an administrator's: it is set anew, not taken back
            if again:
                back = await self.books.do("record.reverse", record=made.seq, **ON)
                assert back.accepted, (verb, back.content)
                assert await self.balances() == before, verb
                fields = {**fields, "id": f"{fields['id']}b"} if "id" in fields else fields
            else:
                self.done.append(made.seq)

    async def chosen(self, draw: Draw) -> Step:
        """Ask for a tranche, go on with something, or do something that needs nothing before."""
        kind, which, how, cents = draw
        ways = [
            (table, row, step)
            for table in ("disbursement", "report", "refund", "write_off")
            for row in await self.rows(table)
            for step in LEGAL.get((table, row["status"]), ())
        ]
        if kind < 2 or not ways:
            fields = {"commitment": "wt"[which % 2], "tranche": 1 + how % 3}
            fields |= {"reimbursement": cents % 4 == 0, "id": f"x{self.count}"}
            return "disbursement.request", "a", fields | ON
        if kind < 9:
            return self.onward(*ways[how % len(ways)], cents)
        verb, key = FREE[how % len(FREE)].split()
        return verb, key, self.free(verb, which, cents)

    def onward(self, table: str, row: asyncpg.Record, told: str, cents: int) -> Step:
        """Return a step that leads on from where something stands."""
        step, key = told.split()
        fields: dict[str, Any] = {table: row["id"]}
        if step in ("submit", "accept"):
            fields = {"commitment": row["commitment"], "disbursement": row["id"]}
            fields |= {"direct": usd(f"{cents / 100:.2f}"), "id": f"r{self.count}"}
            return f"report.{step}", key, fields | ON
        if step == "propose":
            fields |= {"commitment": row["commitment"], "id": f"m{self.count}"}
            return "write-off.propose", key, fields | ON
        if step == "confirm" and cents % 2:
            arrived = row["amount_minor"] - cents % 7
            fields["received"] = usd(f"{arrived / 100:.2f}")
        if step == "decide" and cents % 3:
            fields |= {"direct": usd("0.01"), "rejected": usd("0.01")}
        more = {"return": {"needs": "documents"}, "resolve": {"outcome": OUTCOMES[cents % 3]}}
        return f"{table.replace('_', '-')}.{step}", key, fields | more.get(step, {}) | ON

    def free(self, verb: str, which: int, cents: int) -> dict[str, Any]:
        """Return the fields of something that needs nothing before."""
        amount = usd(f"{cents / 100:.2f}")
        if verb == "fund.set-disbursing":
            model = ("advance", "expense_on_payment")[which % 2]
            return {"fund": "g", "advance_model": model, "review": cents % 5 == 0}
        if verb == "commitment.deobligate":
            return {"commitment": "wt"[which % 2], "amount": amount, **ON}
        made: dict[str, Any] = {"commitment": "w", "id": f"m{self.count}", **ON}
        if verb.startswith("report."):
            more = {"rejected": usd("0.02")} if verb == "report.accept" and cents % 2 else {}
            return made | {"direct": amount} | more
        expensed = {"expensed": cents % 3 == 0} if verb == "refund.claim" else {}
        return made | {"amount": amount} | expensed

    async def sound(self) -> None:
        assert await broken(self.connection, self.books.mechanism) == []
        found = await verify_database(
            self.books.url, self.books.mechanism, operator(), lambda *_: None
        )
        assert found.ok, found.difference


async def walk(db: Database, draws: list[Draw]) -> None:
    mechanism = await database.create_mechanism(db.app_url, f"t-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    connection = await database.connect(db.app_url, "mfm_writer")
    try:
        books = Books(db.app_url, mechanism, writer)
        for verb, fields in BEGIN:
            assert (await books.do(verb, **fields)).accepted, verb
        there = Walk(books, connection)
        before = await there.balances()
        for draw in draws:
            await there.step(draw)
        await there.sound()
        for seq in reversed(there.done):
            assert (await books.do("record.reverse", record=seq, **ON)).accepted
        assert await there.balances() == before
        await there.sound()
    finally:
        await connection.close()
        await writer.close()


DRAWS = st.tuples(st.integers(0, 10), st.integers(0, 1), st.integers(0, 200), st.integers(1, 900))


@settings(
    max_examples=max(15, settings.default.max_examples // 10),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(draws=st.lists(DRAWS, min_size=15, max_size=50))
def test_any_way_through_holds_and_leads_back(db: Database, draws: list[Draw]) -> None:
    asyncio.run(walk(db, draws))
