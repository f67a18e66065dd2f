"""Random programs on the real journal and on a naive oracle: the same answers and balances."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mfm.app.entries import post_batch
from mfm.app.perform import refusal_of
from mfm.app.verify import verify_database
from mfm.core.entries import EntryItem
from mfm.core.errors import Invalid, Problem
from mfm.store import database
from mfm.store.journal import Made
from mfm.store.writer import Writer
from tests.conftest import Database
from tests.store.oracle import LARGEST, Answer, Item, Line, Oracle, Place, Voucher
from tests.support import Books, operator

CURRENCIES = {"f": "USD", "j": "JPY", "k": "KWD"}
EXPONENTS = {"USD": 2, "JPY": 0, "KWD": 3}
FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
DAYS = [FIRST, LAST, date(2026, 3, 2), date(2026, 3, 1), date(2026, 5, 31)]
OUTSIDE = [FIRST - timedelta(days=1), LAST + timedelta(days=1)]
TEXTS = ["", "", "", "rent"]


def wire(amount: int, currency: str) -> dict[str, str]:
    places = EXPONENTS[currency]
    digits = str(amount).rjust(places + 1, "0")
    cut = len(digits) - places
    return {"amount": digits[:cut] + ("." + digits[cut:] if places else ""), "currency": currency}


def entry_item(item: Item) -> EntryItem:
    """An item as a caller sends it."""
    voucher = item.voucher
    currency = CURRENCIES.get(voucher.fund, "USD")
    lines = [
        {"account": line.code, "subject": line.subject, line.side: wire(line.amount, currency)}
        for line in voucher.lines
    ]
    fields: dict[str, Any] = {"key": item.key, "group": item.group, "fund": voucher.fund}
    fields |= {"lines": lines, "effective_on": voucher.on, "description": voucher.text}
    return msgspec.convert(fields, EntryItem)


def answer(told: Made | Problem) -> Answer:
    """What the ledger said, in the oracle's words."""
    if isinstance(told, Problem):
        return Answer(0, told.code, pointer=told.pointer if told.code == "key-reused" else "")
    code = "" if told.accepted else refusal_of(told)[0]
    return Answer(told.seq, code, replayed=told.replayed)


def income(bank: str, source: str, amount: int) -> tuple[Line, ...]:
    return (
        Line("1100", bank, "debit", amount),
        Line("4500", "", "credit", amount),
        Line("9399", "", "debit", amount),
        Line("9300", source, "credit", amount),
    )


def cost(bank: str, source: str, amount: int) -> tuple[Line, ...]:
    return (
        Line("5700", "", "debit", amount),
        Line("1100", bank, "credit", amount),
        Line("9300", source, "debit", amount),
        Line("9340", "", "credit", amount),
    )


def owed(bank: str, source: str, amount: int) -> tuple[Line, ...]:
    return (
        Line("9300", source, "debit", amount),
        Line("5600", "", "debit", amount),
        Line("9340", "", "credit", amount),
        Line("2500", bank, "credit", amount),
    )


def settled(bank: str, _: str, amount: int) -> tuple[Line, ...]:
    return (Line("2500", bank, "debit", amount), Line("1100", bank, "credit", amount))


def moved(bank: str, source: str, amount: int) -> tuple[Line, ...]:
    to = "main" if source == "c" else "b"  # at times the same account: circular
    return (Line("1100", to, "debit", amount), Line("1100", bank, "credit", amount))


def there_and_back(bank: str, _: str, amount: int) -> tuple[Line, ...]:
    """Nothing in the end, but on its way it may fall below the floor."""
    return (
        Line("1100", bank, "credit", amount),
        Line("3100", "", "debit", amount),
        Line("3300", "", "credit", amount),
        Line("1100", bank, "debit", amount),
    )


def unidentified(bank: str, _: str, amount: int) -> tuple[Line, ...]:
    return (Line("1100", bank, "debit", amount), Line("2900", "", "credit", amount))


def equity(_: str, __: str, amount: int) -> tuple[Line, ...]:
    return (Line("3100", "", "debit", amount), Line("3300", "", "credit", amount))


def uncovered(bank: str, _: str, amount: int) -> tuple[Line, ...]:
    return (Line("5700", "", "debit", amount), Line("1100", bank, "credit", amount))


def unbalanced(bank: str, source: str, amount: int) -> tuple[Line, ...]:
    made = cost(bank, source, amount)
    return (*made[:-1], made[-1]._replace(amount=amount - 1 or 2))


def unknown(bank: str, _: str, amount: int) -> tuple[Line, ...]:
    return (Line("1101", "", "debit", amount), Line("1100", bank, "credit", amount))


def controlled(bank: str, _: str, amount: int) -> tuple[Line, ...]:
    return (Line("1100", bank, "debit", amount), Line("1200", "c", "credit", amount))


def nothing(bank: str, _: str, __: int) -> tuple[Line, ...]:
    return (Line("1100", bank, "debit", 0), Line("1100", "b", "credit", 0))


SOUND = [income, income, cost, cost, owed, settled, moved, unidentified, equity]
ODD = [there_and_back, uncovered, unbalanced, unknown, controlled, nothing]


class Program(RuleBasedStateMachine):
    """Batches, reversals and periods, through two writers, whose memories grow old by turns."""

    db: Database

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        name = f"t-{uuid4().hex[:12]}"
        self.mechanism = await database.create_mechanism(self.db.app_url, name)
        self.writers = [Writer(self.db.app_url, self.mechanism) for _ in range(2)]
        for writer in self.writers:
            await writer.start()
        self.books = Books(self.db.app_url, self.mechanism, self.writers[0])
        self.look = await database.connect(self.db.app_url, "mfm_writer")
        await self.books.do("party.register", id="s", name="Steward")
        for fund, currency in CURRENCIES.items():
            fields = {"tier": "local", "currency": currency, "steward": "s"}
            await self.books.do("fund.open", id=fund, name=fund, **fields)
            period = {"open_from": FIRST, "open_until": LAST}
            await self.books.do("fund.set-period", fund=fund, **period)
        self.base = 1 + 2 * len(CURRENCIES)
        self.oracle = Oracle(self.base, dict.fromkeys(CURRENCIES, (FIRST, LAST)))

    def teardown(self) -> None:
        if hasattr(self, "look"):
            self.runner.run(self._end())
        self.runner.close()

    async def _end(self) -> None:
        found = await verify_database(self.db.app_url, self.mechanism, operator(), lambda *_: None)
        assert found.ok, found.difference
        for writer in self.writers:
            await writer.close()
        await self.look.close()

    # Drawing -------------------------------------------------------------------------------------

    def _voucher(self, data: st.DataObject) -> Voucher:
        rare = data.draw(st.integers(0, 19))
        fund = "nowhere" if rare == 0 else data.draw(st.sampled_from("fffjk"))
        shape = data.draw(st.sampled_from(ODD if rare < 5 else SOUND))
        bank, source = data.draw(st.sampled_from(["main", "b"])), data.draw(st.sampled_from("cd"))
        lines = shape(bank, source, self._amount(data, fund, bank, source))
        on = data.draw(st.sampled_from(OUTSIDE if rare in (5, 6) else DAYS))
        return Voucher(fund, lines, on, data.draw(st.sampled_from(TEXTS)))

    def _amount(self, data: st.DataObject, fund: str, bank: str, source: str) -> int:
        """Amounts at the edges of what stands there now, and anywhere."""
        edges = [1, 100, 1_000]
        for code, subject in (("1100", bank), ("9300", source), ("2500", bank)):
            held = self.oracle.held((fund, code, subject))
            edges += [held - 1, held, held + 1]
        largest = LARGEST - max(self.oracle.debits.values(), default=0)
        edges += [largest, largest + 1, LARGEST]
        return data.draw(st.sampled_from([e for e in edges if 0 < e <= LARGEST]))

    def _item(self, data: st.DataObject, group: str, drawn: list[Item]) -> Item:
        old = [Item(key, "", known.voucher) for key, known in self.oracle.keys.items()] + drawn
        if old and data.draw(st.integers(0, 4)) == 0:
            again = data.draw(st.sampled_from(old[-12:]))._replace(group=group)
            if data.draw(st.booleans()):
                return again
            other = self._voucher(data)
            field = data.draw(st.sampled_from(Voucher._fields))
            changed = again.voucher._replace(**{field: getattr(other, field)})
            return again._replace(voucher=changed)
        self.count += 1
        return Item(f"k{self.count}", group, self._voucher(data))

    def _batch(self, data: st.DataObject, drawn: list[Item]) -> list[Item]:
        shape = data.draw(
            st.lists(st.sampled_from(["", "", "", "x", "xx", "xxx"]), min_size=1, max_size=6)
        )
        split = data.draw(st.integers(0, 29)) == 0
        items: list[Item] = []
        for number, run in enumerate(shape):
            group = f"g{0 if split else number}" if run else ""
            for _ in run or "-":
                items.append(self._item(data, group, drawn + items))
        return items

    # Rules ---------------------------------------------------------------------------------------

    @rule(data=st.data(), which=st.integers(0, 3))
    def post(self, data: st.DataObject, which: int) -> None:
        """Up to three batches at once, which share a commit."""
        batches: list[list[Item]] = []
        for _ in range(data.draw(st.integers(1, 3))):
            batches.append(self._batch(data, [item for batch in batches for item in batch]))
        wanted = [self.oracle.post(batch) for batch in batches]
        writer = self.writers[which == 0]
        assert self.runner.run(self._post(writer, batches)) == wanted

    async def _post(self, writer: Writer, batches: list[list[Item]]) -> list[list[Answer] | str]:
        async def run(batch: list[Item]) -> list[Answer] | str:
            items = [entry_item(item) for item in batch]
            try:
                told = await writer.run(lambda unit: post_batch(unit, operator(), items))
            except Invalid as invalid:
                return invalid.code
            return [answer(each) for each in told]

        return await asyncio.gather(*map(run, batches))

    @rule(data=st.data(), on=st.sampled_from(DAYS + OUTSIDE), which=st.integers(0, 3))
    def reverse(self, data: st.DataObject, on: date, which: int) -> None:
        vouchers = [seq for seq, (_, pairs) in self.oracle.accepted.items() if pairs]
        choice = [*vouchers[-6:], *sorted(self.oracle.others)[-3:], self.oracle.seq + 1]
        seq = data.draw(st.sampled_from(choice))
        wanted = self.oracle.reverse(seq, on)
        self.books.writer = self.writers[which == 0]
        told: Made | Problem
        try:
            told = self.runner.run(self.books.do("record.reverse", record=seq, effective_on=on))
        except Invalid as invalid:
            told = invalid
        assert answer(told) == wanted

    @rule(fund=st.sampled_from("fj"), days=st.tuples(st.integers(0, 60), st.integers(150, 364)))
    def set_period(self, fund: str, days: tuple[int, int]) -> None:
        first, last = (FIRST + timedelta(days=day) for day in days)
        self.oracle.set_period(fund, (first, last))
        period = {"open_from": first, "open_until": last}
        made = self.runner.run(self.books.do("fund.set-period", fund=fund, **period))
        assert made.seq == self.oracle.seq

    # What always holds ---------------------------------------------------------------------------

    @invariant()
    def balances_are_equal(self) -> None:
        if hasattr(self, "look"):
            self.runner.run(self._compare())

    async def _compare(self) -> None:
        number = self.mechanism.id
        rows = await self.look.fetch(
            "SELECT fund, code, subject, debit_minor, credit_minor, version FROM account"
            " JOIN balance USING (mechanism_id, account_id) WHERE mechanism_id = $1",
            number,
        )
        places: set[Place] = {*self.oracle.debits, *self.oracle.credits}
        moves = [place for _, pair in self.oracle.history for place in pair[:2]]
        assert {tuple(row)[:3]: tuple(row)[3:] for row in rows} == {
            place: (
                self.oracle.debits.get(place, 0),
                self.oracle.credits.get(place, 0),
                moves.count(place),
            )
            for place in places
        }
        head = await self.look.fetchrow(
            "SELECT h.seq, h.accounts, count(r), min(r.seq), max(r.seq) FROM head h"
            " JOIN record r USING (mechanism_id) WHERE mechanism_id = $1 GROUP BY 1, 2",
            number,
        )
        seq = self.oracle.seq
        assert tuple(head) == (seq, len(places), seq, 1, seq)
        for day in (FIRST, date(2026, 3, 1), date(2026, 6, 30)):
            assert await self._as_of(day) == {
                place: net for place, net in self.oracle.as_of(day).items() if net
            }

    async def _as_of(self, day: date) -> dict[Place, int]:
        rows = await self.look.fetch(
            "SELECT fund, code, subject, sum(signed)::bigint FROM account JOIN ("
            " SELECT mechanism_id, debit_id AS account_id, amount_minor AS signed, effective_on"
            " FROM posting UNION ALL SELECT mechanism_id, credit_id, -amount_minor, effective_on"
            " FROM posting) p USING (mechanism_id, account_id)"
            " WHERE mechanism_id = $1 AND effective_on <= $2"
            " GROUP BY 1, 2, 3 HAVING sum(signed) <> 0",
            self.mechanism.id,
            day,
        )
        return {tuple(row)[:3]: row[3] for row in rows}


def test_the_journal_and_the_oracle_say_the_same(db: Database) -> None:
    run_state_machine_as_test(
        type("Program", (Program,), {"db": db}),
        settings=settings(
            max_examples=settings().max_examples * 3 // 5,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
