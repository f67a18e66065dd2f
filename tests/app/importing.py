"""What the tests of imports share: small activity files, and what they leave in the books."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape, quoteattr

from mfm.app import statements
from mfm.app.imports import Imported, Progress, import_iati
from mfm.core.totals import dimensions
from mfm.store import database
from mfm.store.writer import Writer
from tests.support import Books, operator

DATA = Path(__file__).parents[2] / "../shared/data"
ALL = dimensions("activity,iati_type,currency")


def said(  # noqa: PLR0913 - the parts of a transaction
    kind: str = "3",
    value: str = "100.00",
    *,
    ref: str = "",
    on: str = "2020-01-05",
    currency: str = "",
    text: str = "",
    rest: str = "",
) -> str:
    """Write a transaction; what is "" is left out."""
    own = f" currency={quoteattr(currency)}" if currency else ""
    return (
        f"<transaction{f' ref={quoteattr(ref)}' if ref else ''}>"
        + (f"<transaction-type code={quoteattr(kind)}/>" if kind else "")
        + (f'<transaction-date iso-date="{on}"/>' if on else "")
        + f"<value{own}>{value}</value>"
        + (f"<description><narrative>{escape(text)}</narrative></description>" if text else "")
        + f"{rest}</transaction>"
    )


def activity(
    *transactions: str, identifier: str = "X-1", currency: str = "EUR", head: str = ""
) -> str:
    """Write an activity."""
    default = f" default-currency={quoteattr(currency)}" if currency else ""
    return (
        f"<iati-activity{default}><iati-identifier>{escape(identifier)}</iati-identifier>"
        f"{head}{''.join(transactions)}</iati-activity>\n"
    )


def published(*activities: str) -> bytes:
    """Write a file."""
    return f'<iati-activities version="2.03">\n{"".join(activities)}</iati-activities>'.encode()


class Imports:
    """A mechanism's books, and the files that are imported into them."""

    def __init__(self, books: Books, folder: Path) -> None:
        self.books = books
        self.folder = folder

    async def bring(
        self, xml: bytes | Path, schemas: Path | None = None, progress: Progress = lambda *_: None
    ) -> Imported:
        """Import a file."""
        path = xml if isinstance(xml, Path) else self.folder / "file.xml"
        if isinstance(xml, bytes):
            path.write_bytes(xml)
        return await import_iati(self.books.writer, operator(), path, schemas, progress)

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds; `$1` in it is the mechanism."""
        connection = await database.connect(self.books.url, "mfm_writer")
        try:
            found = await connection.fetch(query, self.books.mechanism.id, *values)
        finally:
            await connection.close()
        return [tuple(row) for row in found]

    async def totals(self) -> dict[tuple[str, str, str], tuple[Decimal, int]]:
        """Return the ledger's totals in the shape of `iati_sums.sums_of`."""
        engine = database.reader_engine(self.books.url, self.books.mechanism.id)
        try:
            found = await statements.totals(engine, operator(), ALL)
        finally:
            await engine.dispose()
        return {
            (str(t.activity), str(t.iati_type), t.currency): (Decimal(t.amount), t.count)
            for t in found
        }

    async def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that the books hold of imports, apart from where in the journal it was set."""
        return {
            "transactions": await self.rows(
                "SELECT id, status, fund, iati_type, currency, amount_minor, digest"
                " FROM reported_transaction WHERE mechanism_id = $1 ORDER BY 1"
            ),
            "activities": await self.rows(
                "SELECT id, status, identifier, content FROM reported_activity"
                " WHERE mechanism_id = $1 ORDER BY 1"
            ),
            "funds": await self.rows(
                "SELECT id, status, name, steward, currency, identifier, reported FROM fund"
                " WHERE mechanism_id = $1 ORDER BY 1"
            ),
            "parties": await self.rows(
                "SELECT id, name, identifier, kind FROM party WHERE mechanism_id = $1 ORDER BY 1"
            ),
            "imports": await self.rows(
                "SELECT id, file, activities, transactions, findings FROM import"
                " WHERE mechanism_id = $1 ORDER BY 1"
            ),
            "verbs": await self.rows(
                "SELECT verb, count(*) FROM record WHERE mechanism_id = $1 GROUP BY 1 ORDER BY 1"
            ),
            "balances": await self.rows(
                "SELECT fund, code, currency, debit_minor, credit_minor, version FROM account"
                " JOIN balance USING (mechanism_id, account_id) WHERE mechanism_id = $1"
                " ORDER BY 1, 2, 3"
            ),
        }


@asynccontextmanager
async def fresh(url: str, folder: Path) -> AsyncIterator[Imports]:
    """Give a new mechanism to import into."""
    mechanism = await database.create_mechanism(url, f"i-{uuid4().hex[:12]}")
    writer = Writer(url, mechanism)
    await writer.start()
    try:
        yield Imports(Books(url, mechanism, writer), folder)
    finally:
        await writer.close()
