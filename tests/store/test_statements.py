"""Statements out of the database: to the cent, as of any day, as known at any record."""

import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import NamedTuple

import asyncpg
import pytest
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from mfm.app import statements as app
from mfm.core.errors import Invalid
from mfm.core.histories import AccountQuery, HistoryQuery
from mfm.core.permissions import Actor
from mfm.core.statements import Scope, Statement, StatementQuery, balances
from mfm.store import database
from mfm.store import statements as store
from mfm.store.journal import Made
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(books: Books) -> AsyncIterator[AsyncEngine]:
    made = database.reader_engine(books.url, books.mechanism.id)
    yield made
    await made.dispose()


async def told(
    engine: AsyncEngine, fund: str, *, as_of: date | None = None, known_at: int | None = None
) -> Statement:
    query = StatementQuery(fund=fund, as_of=as_of, known_at=known_at)
    return await app.statement(engine, operator(), query)


def amounts(statement: Statement) -> dict[str, str]:
    return {each.line: each.amount for each in statement.sources_and_uses if each.amount != "0.00"}


# The worked example -------------------------------------------------------------------------------


async def test_the_worked_example_is_stated_to_the_cent(books: Books, engine: AsyncEngine) -> None:
    await books.chain()
    assert amounts(await told(engine, "g")) == {
        "Contributions from Donors": "990000.00",
        "Total source of funds": "990000.00",
        "Transfers to MDTFs": "535000.00",
        "Sub-total Transfers": "535000.00",
        "Administrative Agent Fee": "9900.00",
        "Total use of funds": "544900.00",
        "Balance with Administrative Agent": "445100.00",
        "Total Balance of Funds": "445100.00",
    }
    national = await told(engine, "n")
    assert amounts(national) == {
        "Transfers from other funds": "535000.00",
        "Total source of funds": "535000.00",
        "Transferred to Participating Organizations": "42800.00",
        "Sub-total Transfers": "42800.00",
        "Refunds from Participating Organizations": "-3210.00",
        "Total use of funds": "39590.00",
        "Balance with Administrative Agent": "495410.00",
        "PO: Transfers": "42800.00",
        "PO: Expenditure": "39590.00",
        "PO: Refunds": "3210.00",
        "PO: Total expenses": "42800.00",
        "Total Balance of Funds": "495410.00",
    }
    trial = {each.code: (each.debit, each.credit) for each in national.trial_balance["FIN"]}
    assert trial["1100"] == ("495410.00", "0.00")
    assert trial["4600"] == ("0.00", "535000.00")
    assert trial["1300"] == ("0.00", "0.00")
    assert (national.as_of, national.known_at) == (None, 26)


async def test_a_statement_asked_again_as_known_then_is_the_same(
    books: Books, engine: AsyncEngine
) -> None:
    await books.chain()
    before = await told(engine, "g")
    await interest(books, "g", "5.00", "2026-02-01")
    assert amounts(await told(engine, "g")) != amounts(before)
    assert await told(engine, "g", known_at=before.known_at) == before
    early = await told(engine, "g", as_of=date(2026, 2, 28))
    assert amounts(early)["Balance with Administrative Agent"] == "5.00"
    assert amounts(early)["Interest and Investment Income (from Fund)"] == "5.00"
    assert amounts(await told(engine, "g", as_of=date(2026, 1, 31))) == {}


async def test_a_reversed_payment_leaves_no_trace_in_sources_and_uses(
    books: Books, engine: AsyncEngine
) -> None:
    await books.chain()
    before = amounts(await told(engine, "g"))
    made = await interest(books, "g", "5.00", "2026-03-03")
    assert (await books.do("record.reverse", record=made.seq, effective_on="2026-03-04")).accepted
    assert amounts(await told(engine, "g")) == before
    between = await told(engine, "g", as_of=date(2026, 3, 3))
    assert amounts(between)["Total source of funds"] == "990005.00"


# Who may, and what is asked badly -----------------------------------------------------------------


async def test_statements_are_for_those_who_may_read_them(
    books: Books, engine: AsyncEngine
) -> None:
    await books.chain()
    query = StatementQuery(fund="g")
    found = await app.statement(engine, Actor("agent", "preparer", "k", "g"), query)
    assert found.fund == "g"
    with pytest.raises(Invalid, match="fund-not-allowed"):
        await app.statement(engine, Actor("agent", "preparer", "k", "n"), query)
    with pytest.raises(Invalid, match="role-not-allowed"):
        await app.history(
            engine, Actor("group", "grantee", "k"), HistoryQuery(fund="g", code="1100")
        )


async def test_what_is_not_there_is_said(books: Books, engine: AsyncEngine) -> None:
    await books.chain()
    with pytest.raises(Invalid, match="not-found: There is no fund nowhere"):
        await told(engine, "nowhere")
    with pytest.raises(Invalid, match="field-invalid: There is no record 99 yet"):
        await told(engine, "g", known_at=99)
    with pytest.raises(Invalid, match="currency-not-fund"):
        await app.statement(engine, operator(), StatementQuery(fund="g", currency="EUR"))
    with pytest.raises(Invalid, match="account-unknown"):
        await app.history(engine, operator(), HistoryQuery(fund="g", code="1000"))


async def test_another_mechanisms_books_are_out_of_sight(books: Books, engine: AsyncEngine) -> None:
    await books.chain()
    other = await database.create_mechanism(books.url, f"{books.mechanism.name}-other")
    stranger = database.reader_engine(books.url, other.id)
    with pytest.raises(Invalid, match="not-found"):
        await told(stranger, "g")
    await stranger.dispose()


# Any day, any record: against a replay of the records ---------------------------------------------


class Moved(NamedTuple):
    """One side of a posting, as a record's bytes tell it."""

    seq: int
    day: date
    fund: str
    code: str
    subject: str
    amount_minor: int


async def interest(books: Books, fund: str, amount: str, on: str, bank: str = "main") -> Made:
    """Post interest received, with the authority it gives."""
    made = await books.do(
        "entry.post",
        fund=fund,
        lines=[
            {"account": "1100", "subject": bank, "debit": usd(amount)},
            {"account": "4500", "credit": usd(amount)},
            {"account": "9399", "debit": usd(amount)},
            {"account": "9300", "subject": "free", "credit": usd(amount)},
        ],
        effective_on=on,
    )
    assert made.accepted
    return made


async def random_history(books: Books, chance: random.Random, vouchers: int = 40) -> None:
    """Post vouchers on random days in no order, some refused by a floor, some taken back."""
    await books.do("party.register", id="agent", name="Administrative agent")
    for fund in ("g", "n"):
        await books.do(
            "fund.open", id=fund, name=fund, tier="local", currency="USD", steward="agent"
        )
    made: list[int] = []
    for _ in range(vouchers):
        fund, bank = chance.choice("gn"), chance.choice(["main", "b2"])
        amount = f"{chance.randrange(1, 900)}.{chance.randrange(100):02}"
        on = str(date(2026, 1, 1) + timedelta(days=chance.randrange(12)))
        step = chance.randrange(10)
        if step < 4:
            made.append((await interest(books, fund, amount, on, bank)).seq)
        elif step < 6:
            await books.do("entry.post", fund=fund, effective_on=on, lines=[
                {"account": "5700", "debit": usd(amount)},
                {"account": "1100", "subject": bank, "credit": usd(amount)},
                {"account": "9300", "subject": "free", "debit": usd(amount)},
                {"account": "9340", "credit": usd(amount)},
            ])  # fmt: skip  # a voucher is read line by line
        elif step < 8:
            banks = ["main", "b2"] if bank == "main" else ["b2", "main"]
            await books.do("entry.post", fund=fund, effective_on=on, lines=[
                {"account": "1100", "subject": banks[0], "debit": usd(amount)},
                {"account": "1100", "subject": banks[1], "credit": usd(amount)},
            ])  # fmt: skip  # as above
        elif made:
            await books.do("record.reverse", record=chance.choice(made), effective_on=on)


async def replayed(books: Books) -> tuple[list[Moved], int]:
    """Read every record's bytes; return what they moved, and the last record's number."""
    connection = await asyncpg.connect(books.url, server_settings={"role": "mfm_writer"})
    rows = await connection.fetch(
        "SELECT content FROM mfm.record WHERE mechanism_id = $1 ORDER BY seq", books.mechanism.id
    )
    await connection.close()
    moved: list[Moved] = []
    for (content,) in rows:
        record = json.loads(content)
        body = record["body"]
        day = date.fromisoformat(body["effective_on"])
        for posting in body.get("postings", []):
            for side, sign in (("debit", 1), ("credit", -1)):
                fund, _, code, _, subject = posting[side]
                signed = sign * int(posting["amount_minor"])
                moved.append(Moved(int(record["seq"]), day, fund, code, subject, signed))
    return moved, len(rows)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_balance_as_of_any_day_known_at_any_record_is_the_replays(
    books: Books, engine: AsyncEngine, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  # a history that can be repeated, not a secret
    await random_history(books, chance)
    moved, head = await replayed(books)
    accounts = sorted({(each.fund, each.code, each.subject) for each in moved})
    assert len(accounts) > 8
    days = [None, *(date(2026, 1, 1) + timedelta(days=n) for n in (-1, 0, 3, 7, 11, 12))]
    async with database.snapshot(engine) as connection:
        for day in days:
            for known_at in (0, 3, head, *chance.sample(range(4, head), 5)):
                seen = [
                    each
                    for each in moved
                    if each.seq <= known_at and (day is None or each.day <= day)
                ]
                one: Counter[tuple[str, str, str]] = Counter()
                for each in seen:
                    one[each[2:5]] += each.amount_minor
                for fund in "gn":
                    current = known_at == head and day is None
                    scope = Scope(fund, "USD", known_at, day, current)
                    for _, code, subject in (each for each in accounts if each[0] == fund):
                        found = await store.balance(connection, scope, code, subject)
                        assert found == one[fund, code, subject], (scope, code, subject)
                    codes: Counter[str] = Counter()
                    for (at, code, _), amount_minor in one.items():
                        if at == fund:
                            codes[code] += amount_minor
                    assert balances(await store.flows(connection, scope)) == codes
                    assert await store.balance(connection, scope, "1100") == codes["1100"]


@pytest.mark.parametrize("subject", ["main", None])
async def test_a_history_is_the_replays_whatever_the_page(
    books: Books, engine: AsyncEngine, subject: str | None
) -> None:
    await random_history(books, random.Random(4), 90)  # noqa: S311  # as above
    moved, head = await replayed(books)
    day = date(2026, 1, 10)
    wanted = [
        (each.seq, each.amount_minor)
        for each in moved
        if each[2:4] == ("g", "1100") and each.day <= day and subject in (None, each.subject)
    ]
    assert len(wanted) > 6
    query = HistoryQuery(fund="g", code="1100", subject=subject, as_of=day, known_at=head, limit=3)
    rows: list[tuple[int, int]] = []
    after: int | None = 0
    balance = 0
    while after is not None:
        page = await app.history(engine, operator(), structs.replace(query, after=after))
        assert page.opening == text_of(balance)
        for row in page.rows:
            signed = cents(row.debit) - cents(row.credit)
            balance += signed
            assert row.balance == text_of(balance)
            rows.append((row.seq, signed))
        assert page.closing == text_of(balance)
        after = page.next
    told_now = await app.balance(engine, operator(), account_of(query))
    assert told_now.balance == text_of(balance)
    assert Counter(rows) == Counter(wanted)
    assert [seq for seq, _ in rows] == sorted(seq for seq, _ in wanted)


def account_of(query: HistoryQuery) -> AccountQuery:
    return AccountQuery(fund=query.fund, code=query.code, subject=query.subject, as_of=query.as_of)


def cents(text: str) -> int:
    return int(text.replace(".", ""))


def text_of(amount_minor: int) -> str:
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{abs(amount_minor) // 100}.{abs(amount_minor) % 100:02}"
