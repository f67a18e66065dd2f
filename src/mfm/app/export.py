"""Exports: the books as IATI activity files and as journals for hledger, as of the last record."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import BinaryIO

from msgspec import Struct

from mfm.app.export_own import pages
from mfm.app.export_publication import Publication
from mfm.app.reads import reach_of
from mfm.app.statements import named_fund
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.permissions import Actor, require
from mfm.core.record import instant
from mfm.formats import hledger
from mfm.formats.iati_write import Finding, Writing
from mfm.store import exports, reads
from mfm.store.database import Engine, Snapshot, snapshot
from mfm.store.reads import Reach


class Exported(Struct, frozen=True):
    """What an export has written.

    Attributes:
        seq: the record it goes up to.
        activities: how many.
        transactions: how many.
        findings: what could not be written as it was given.
    """

    seq: int
    activities: int
    transactions: int
    findings: list[Finding]


class Source(Struct, frozen=True):
    """What is exported.

    Attributes:
        mechanism: its name.
        fund: one fund, by its id or its activity's IATI identifier; "" for all.
    """

    mechanism: str
    fund: str = ""


Export = Callable[[Engine, Actor, Source, BinaryIO], Awaitable[Exported]]
"""What writes a file: from where, for whom, what, and where to."""


async def iati(engine: Engine, actor: Actor, source: Source, sink: BinaryIO) -> Exported:
    """Write an IATI 2.03 activity file, in memory that does not grow with it.

    Own books come as activities of three hierarchies: fund, allocation, grant. Reported books go
    out as they came in.

    Args:
        engine: where to read.
        actor: who asks.
        source: what is exported.
        sink: takes the bytes.

    Raises:
        Invalid: `role-not-allowed`, `fund-not-allowed`, `not-found`, `export-empty`.
    """
    async with snapshot(engine) as connection:
        only = await _only(connection, actor, "export.iati", source.fund)
        seq, at = await exports.head(connection)
        if at is None:
            raise _empty()
        with Writing(sink, instant(at)) as writing:
            publication = Publication(connection, source.mechanism, writing)
            await publication.prepare()
            async for fund in _funds(connection, only):
                if not fund.reported:
                    await publication.own(fund)
            async for fund in _funds(connection, only):
                if fund.reported:
                    await publication.reported(fund, alone=bool(only))
            publication.end()
    if not writing.activities:
        raise _empty()
    found = list(writing.findings.values())
    return Exported(seq, writing.activities, writing.transactions, found)


async def journal(engine: Engine, actor: Actor, source: Source, sink: BinaryIO) -> Exported:
    """Write the books as a journal for hledger, in memory that does not grow with it.

    Args:
        engine: where to read.
        actor: who asks.
        source: what is exported.
        sink: takes the bytes.

    Raises:
        Invalid: `role-not-allowed`, `fund-not-allowed`, `not-found`.
    """
    count = 0
    async with snapshot(engine) as connection:
        only = await _only(connection, actor, "export.hledger", source.fund)
        seq, _ = await exports.head(connection)
        sink.write(hledger.title(source.mechanism, seq).encode())
        async for currencies in exports.currencies(connection, only):
            sink.write(hledger.commodities(currencies).encode())
        async for accounts in exports.accounts(connection, only):
            sink.write(hledger.accounts(accounts).encode())
        async for rows in exports.moved(connection, only):
            sink.write(hledger.transactions(rows).encode())
            count += len({row.seq for row in rows})
    return Exported(seq, 0, count, [])


def _empty() -> Invalid:
    return Invalid("export-empty", "There is no activity to publish.")


async def _only(connection: Snapshot, actor: Actor, action: str, fund: str) -> str:
    """Return the id of the one fund that is exported, "" for all.

    A key that is bound to a fund exports that one.
    """
    if not fund:
        return reach_of(actor, action).fund
    found = await named_fund(connection, fund)
    require(actor, action, (found.id,))
    return found.id


async def _funds(connection: Snapshot, only: str) -> AsyncIterator[Fund]:
    if only:
        found = await reads.one(connection, Fund, only, Reach())
        if isinstance(found, Fund):
            yield found
        return
    async for page in pages(connection, Fund):
        for each in page:
            if isinstance(each, Fund):
                yield each
