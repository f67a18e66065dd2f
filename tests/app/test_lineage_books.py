"""Lineage over random books: played with the real verbs, held against the balances they left."""

import random
from collections import defaultdict
from typing import Any

import asyncpg
import pytest

from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.core.lineage import Given, Lineage, Obligation, Pool
from mfm.core.money import decimal_text
from mfm.core.tracing import ALLOCATED, COSTS, EARNED, UNALLOCATED, Roots, Trace, down
from mfm.store import database
from mfm.store import lineage as store
from tests.conftest import Database
from tests.support import Books, operator

pytestmark = pytest.mark.anyio

FUNDS = ("g", "h", "n", "l")
ON = {"effective_on": "2026-03-02"}


class Player:
    """Random verbs on real books: several donors, funds and levels."""

    def __init__(self, books: Books, seed: int) -> None:
        self.books = books
        self.random = random.Random(seed)  # noqa: S311  # play, not secrets
        self.count = 0
        self.accepted = 0
        self.ids: defaultdict[str, list[str]] = defaultdict(list)

    async def do(self, verb: str, key: str = "a", **fields: Any) -> bool:  # noqa: ANN401  # any verb's fields
        try:
            made = await self.books.do(verb, operator(key), **fields, **ON)
        except Invalid:  # such as a report on a transfer
            return False
        self.accepted += made.accepted
        return made.accepted

    def id(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def usd(self, most: int = 90_000) -> dict[str, str]:
        minor = self.random.choice((self.random.randint(1, most), self.random.randint(1, 999)))
        return {"amount": decimal_text(minor, "USD"), "currency": "USD"}

    def pick(self, kind: str) -> str:
        return self.random.choice(self.ids[kind])

    async def begin(self) -> None:
        await self.books.do("tests.permit")
        for name in ("x", "y", "z", "agent", "group", "other"):
            await self.books.do("party.register", id=name, name=name)
        for name in FUNDS:
            opened = {"id": name, "name": name, "tier": "global", "steward": "agent"}
            await self.books.do("fund.open", **opened, currency="USD")
        for fund in ("g", "g", "h", "n"):
            await self.contribute(fund)

    async def contribute(self, fund: str = "") -> None:
        name, fund = self.id("c"), fund or self.random.choice(FUNDS[:3])
        donor, amount = self.random.choice("xyz"), self.usd()
        if await self.do("commitment.sign", id=name, from_party=donor, to_fund=fund, amount=amount):
            self.ids["contribution"].append(name)
            await self.do("deposit.receive", id=f"d{name}", commitment=name, amount=amount)
            await self.do("deposit.charge-fee", deposit=f"d{name}")

    async def earn(self) -> None:
        fund = self.random.choice(FUNDS)
        await self.do("interest.earn", id=self.id("i"), fund=fund, amount=self.usd(999))

    async def spend(self) -> None:
        cost = {"kind": "direct", "amount": self.usd(999)}
        await self.do("cost.pay", id=self.id("k"), fund=self.random.choice(FUNDS), **cost)

    async def allocate(self) -> None:
        name, fund, amount = self.id("a"), self.random.choice(FUNDS), self.usd()
        fields: dict[str, Any] = {"id": name, "fund": fund, "amount": amount}
        if self.random.random() < 0.3:
            fields["shares"] = [{"contribution": self.pick("contribution"), "amount": amount}]
        if await self.do("allocation.approve", **fields):
            self.ids["allocation"].append(name)
            self.ids[name].append(fund)

    async def sign(self) -> None:
        if not self.ids["allocation"]:
            return
        name, allocation = self.id("t"), self.pick("allocation")
        fund = self.ids[allocation][0]
        to = {"to_party": self.random.choice(("group", "other"))}
        if self.random.random() < 0.5:
            to = {"to_fund": self.random.choice([each for each in FUNDS if each != fund])}
        fields = {"from_fund": fund, "allocation": allocation, "amount": self.usd(40_000), **to}
        if await self.do("commitment.sign", id=name, **fields):
            self.ids["agreement"].append(name)

    async def pay(self) -> None:
        if not self.ids["agreement"]:
            return
        name = self.id("p")
        if not await self.do(
            "disbursement.request", id=name, commitment=self.pick("agreement"), tranche=1
        ):
            return
        steps = (("approve", "b"), ("release", "c"), ("confirm", "a"))
        for verb, key in steps[: self.random.choice((0, 1, 2, 3, 3, 3))]:
            await self.do(f"disbursement.{verb}", key, disbursement=name)

    async def settle(self) -> None:
        if not self.ids["agreement"]:
            return
        name = self.pick("agreement")
        if self.random.random() < 0.5:
            await self.do("report.accept", "b", id=self.id("r"), commitment=name, direct=self.usd())
            return
        refund = self.id("f")
        if await self.do("refund.claim", "b", id=refund, commitment=name, amount=self.usd(9_000)):
            await self.do("refund.receive", "c", refund=refund)

    async def free(self) -> None:
        if self.ids["agreement"] and self.random.random() < 0.5:
            await self.do("commitment.deobligate", commitment=self.pick("agreement"))
        elif self.ids["allocation"]:
            name = self.pick("allocation")
            await self.do("allocation.return", allocation=name, amount=self.usd(9_000))

    async def play(self, steps: int) -> None:
        moves = [
            *(self.contribute, self.earn, self.spend, self.allocate, self.allocate, self.allocate),
            *(self.sign, self.sign, self.sign, self.sign, self.pay, self.pay, self.pay, self.pay),
            *(self.settle, self.settle, self.free),
        ]
        for _ in range(steps):
            await self.random.choice(moves)()


async def balances(db: Database, books: Books) -> dict[tuple[str, str], int]:
    """Return each fund's balance of each code, on its own side."""
    connection = await asyncpg.connect(db.admin_url)
    rows = await connection.fetch(
        "SELECT fund, code, sum(b.side * (debit_minor - credit_minor)) FROM mfm.account a"
        " JOIN mfm.balance b USING (mechanism_id, account_id) WHERE a.mechanism_id = $1"
        " GROUP BY 1, 2",
        books.mechanism.id,
    )
    await connection.close()
    held = {(fund, code): int(amount) for fund, code, amount in rows}
    for fund in FUNDS:  # what is approved is an advance and a payable: neither paid nor reported
        held[fund, "1300"] = held.get((fund, "1300"), 0) - held.get((fund, "2200"), 0)
    return held


CODES = {UNALLOCATED: "9300", ALLOCATED: "9310", COSTS: "5600", EARNED: "4500"}
UNPAID = {"signed": "9320", "requested": "9320", "approved": "9330"}
PAID = {"confirmed": "1300", "released": "1300", "reported": "5100", "claimed": "1500"}


def account_of(agreed: Obligation, stage: str) -> tuple[str, str]:
    """Return the fund and the code on which an agreement's money at a stage stands."""
    if stage in UNPAID:
        return agreed.from_fund, UNPAID[stage]
    if agreed.to_party:
        return agreed.from_fund, PAID[stage]
    return agreed.to_fund, "1120" if stage == "released" else ""


def parts(made: Given, traces: list[Trace]) -> defaultdict[tuple[str, str], int]:
    """Return what all traces together say that each fund's accounts hold."""
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for trace in traces:
        for (fund, what), amount in trace.rests.items():
            found[fund, CODES[what]] += amount
        for hop, (amount, fee) in trace.hops.items():
            agreed = made.obligations[hop.commitment]
            found[agreed.to_fund, "5400"] += fee
            if not agreed.from_party:
                found[account_of(agreed, hop.stage)] += amount
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_the_parts_of_all_donors_are_every_funds_balances(
    books: Books, db: Database, seed: int
) -> None:
    player = Player(books, seed)
    await player.begin()
    for _ in range(3):
        await player.play(60)
        engine = database.reader_engine(books.url, books.mechanism.id)
        async with database.snapshot(engine) as connection:
            made = await store.given(connection, set(FUNDS))
        await engine.dispose()
        lineage = Lineage(made)
        earned = {Pool(fund, "interest") for fund in FUNDS} & made.unallocated.keys()
        given = [Pool(o.to_fund, o.id) for o in made.obligations.values() if o.from_party]
        traces = [down(lineage, Roots(frozenset({pool}), (pool.source,))) for pool in given]
        traces += [down(lineage, Roots(frozenset({pool}))) for pool in earned]
        held, found = await balances(db, books), parts(made, traces)
        codes = ("9300", "9310", "9320", "9330", "1120", "1300", "1500", "5100", "5400", "5600")
        for fund in FUNDS:
            for code in (*codes, "4500"):
                assert found[fund, code] == held.get((fund, code), 0), (fund, code)
    assert player.accepted > 100
    verified = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert verified.difference is None
