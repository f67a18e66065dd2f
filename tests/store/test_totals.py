"""Totals out of the ledger: what IATI would sum and count."""

from collections.abc import AsyncIterator
from datetime import date
from hashlib import sha256

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mfm.app import statements as app
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.permissions import Actor
from mfm.core.record import Draft
from mfm.core.reported import ReportedTransaction, report
from mfm.core.statements import StatementQuery
from mfm.core.totals import Total, dimensions
from mfm.store import database
from mfm.store.journal import Entry, Made
from mfm.store.unit import Unit
from tests.support import Books, operator

pytestmark = pytest.mark.anyio

ALL = dimensions("activity,iati_type,currency")


@pytest.fixture
async def engine(books: Books) -> AsyncIterator[AsyncEngine]:
    made = database.reader_engine(books.url, books.mechanism.id)
    yield made
    await made.dispose()


async def test_the_worked_examples_totals_are_what_its_funds_would_publish(
    books: Books, engine: AsyncEngine
) -> None:
    await books.chain()
    found = await app.totals(engine, operator(), ALL)
    assert {(each.activity, each.iati_type): (each.amount, each.count) for each in found} == {
        ("g", "1"): ("990000.00", 1),
        ("g", "2"): ("535000.00", 1),
        ("g", "3"): ("535000.00", 1),
        ("g", "4"): ("9900.00", 1),
        ("g", "11"): ("1000000.00", 1),
        ("g", "13"): ("0.00", 3),
        ("n", "1"): ("535000.00", 1),
        ("n", "2"): ("42800.00", 2),
        ("n", "3"): ("39590.00", 2),
        ("n", "11"): ("535000.00", 1),
    }
    assert await app.totals(engine, operator(), dimensions("currency")) == [
        Total(currency="USD", amount="4222290.00", count=14)
    ]


async def test_totals_are_for_those_who_may_read_them_and_of_one_mechanism(
    books: Books, engine: AsyncEngine
) -> None:
    await books.chain()
    with pytest.raises(Invalid, match="role-not-allowed"):
        await app.totals(engine, Actor("group", "grantee", "k"), ALL)
    other = await database.create_mechanism(books.url, f"{books.mechanism.name}-other")
    stranger = database.reader_engine(books.url, other.id)
    assert await app.totals(stranger, operator(), ALL) == []
    await stranger.dispose()


class Published:
    """An imported activity's book, written record by record as an import does."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.count = 0

    async def write(self, draft: Draft) -> Made:
        self.count += 1
        key = sha256(f"{self.books.mechanism.name}{self.count}".encode()).digest()

        async def job(unit: Unit) -> Made:
            entry = Entry("import.iati", operator().told(), (key[:16], key), {})
            return await unit.write(entry, draft, await unit.admit(draft))

        return await self.books.writer.run(job)

    async def open(self) -> None:
        fund = Fund(
            id="a1", status="open", name="A", currency="EUR", identifier="XX-1-A", reported=True
        )
        await self.write(Draft(effective_on=date(2020, 1, 1), sets=(fund,), funds=("a1",)))

    async def transaction(self, number: str, kind: str, currency: str, amount_minor: int) -> Made:
        row = ReportedTransaction(
            id=number,
            status="reported",
            fund="a1",
            iati_type=kind,
            currency=currency,
            amount_minor=amount_minor,
            digest="0" * 64,
        )
        return await self.write(report(row, date(2020, 1, 2), {}))


async def test_reported_totals_count_twins_zeros_and_negatives_and_not_what_was_taken_back(
    books: Books, engine: AsyncEngine
) -> None:
    published = Published(books)
    await published.open()
    for number, kind, currency, amount_minor in (
        ("t1", "3", "EUR", 1_000),
        ("t2", "3", "EUR", 1_000),
        ("t3", "3", "EUR", -250),
        ("t4", "3", "EUR", 0),
        ("t5", "3", "JPY", 70),
        ("t6", "99", "EUR", 5),
        ("t7", "1", "EUR", 0),
    ):
        await published.transaction(number, kind, currency, amount_minor)
    for number, amount_minor in (("t8", 9_999), ("t9", 0)):
        gone = await published.transaction(number, "4", "EUR", amount_minor)
        assert (await books.do("record.reverse", record=gone.seq)).accepted
    found = await app.totals(engine, operator(), ALL)
    assert [(each.iati_type, each.currency, each.amount, each.count) for each in found] == [
        ("1", "EUR", "0.00", 1),
        ("3", "EUR", "17.50", 4),
        ("3", "JPY", "70", 1),
        ("99", "EUR", "0.05", 1),
    ]
    assert {each.activity for each in found} == {"XX-1-A"}


async def test_a_reported_book_is_found_by_its_identifier_in_each_currency(
    books: Books, engine: AsyncEngine
) -> None:
    published = Published(books)
    await published.open()
    await published.transaction("t1", "3", "EUR", 1_000)
    await published.transaction("t2", "3", "JPY", 70)
    euros = await app.statement(engine, operator(), StatementQuery(fund="XX-1-A"))
    assert (euros.fund, euros.currency) == ("a1", "EUR")
    lines = {each.line: each.amount for each in euros.sources_and_uses}
    assert lines["Balance with Administrative Agent"] == "-10.00"
    assert lines["PO: Balance"] == "10.00"
    yen = await app.statement(engine, operator(), StatementQuery(fund="a1", currency="JPY"))
    assert yen.sources_and_uses[-1].amount == "0"
    assert yen.trial_balance["FIN"][0].credit == "70"
