"""Exports, publication: which activities an IATI file has, in order, each with its transactions."""

from collections.abc import Sequence

from mfm.app import export_reported
from mfm.app.export_names import Known, Names, Redaction
from mfm.app.export_own import OwnBooks, Published
from mfm.app.export_transactions import transactions
from mfm.core.allocations import Allocation
from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.core.reported import ReportedActivity
from mfm.formats.iati_model import Transaction
from mfm.formats.iati_write import Writing
from mfm.store import exports
from mfm.store.database import Snapshot
from mfm.store.exports import Told

_RECEIVED = frozenset({"1", "11"})


class Publication:
    """An IATI file's content while it is written."""

    def __init__(self, connection: Snapshot, mechanism: str, writing: Writing) -> None:
        """Publish from a snapshot of a mechanism's books into a file."""
        self._connection, self._writing = connection, writing
        self._known = Known(connection)
        self._names = Names(self._known, mechanism)
        self._redaction = Redaction(())
        self._own: set[str] = set()

    async def prepare(self) -> None:
        """Learn who is at risk."""
        self._redaction = Redaction(await exports.at_risk(self._connection))

    def end(self) -> None:
        """Tell how much of what others had published was redacted."""
        for _ in range(self._redaction.count):
            detail = "What names a party at risk is told by its pseudonym, or left out."
            self._writing.note("redacted", detail)

    async def own(self, fund: Fund) -> None:
        """Write a fund of this mechanism: its own activity, its allocations' and their grants'."""
        await self._known.load_funds({fund.id})
        books = OwnBooks(self._known, self._names, self._redaction, fund)
        made = await books.fund_activity()
        self._own.add(made.activity.identifier)
        with self._writing.activity(made.activity, made.since):
            self._check_reporter(fund)
            async for rows in exports.published(self._connection, fund.id):
                await books.refresh()
                for each in await transactions(books, rows):
                    self._writing.transaction(each)
                    self._check_giver(each)
        for allocation in await books.allocations():
            await self._allocation(books, allocation)

    async def _allocation(self, books: OwnBooks, allocation: Allocation) -> None:
        self._bare(await books.allocation_activity(allocation))
        async for grants in books.grants(allocation):
            for made in await books.grant_activities(grants):
                self._bare(made)

    def _bare(self, made: Published) -> None:
        """Write an activity that has no transactions of its own."""
        self._own.add(made.activity.identifier)
        with self._writing.activity(made.activity, made.since):
            pass

    def _check_giver(self, said: Transaction) -> None:
        if said.type in _RECEIVED and said.provider and not said.provider.activity:
            detail = f"Transaction {said.ref}: its commitment names no activity of the giver's own."
            self._writing.note("giver-activity-unknown", detail)

    def _check_reporter(self, fund: Fund) -> None:
        steward = self._known.get(Party, fund.steward)
        if steward is None or not steward.identifier:
            detail = f"{fund.steward or fund.id} needs an IATI identifier before this is published."
            self._writing.note("reporter-without-identifier", detail)

    async def reported(self, fund: Fund, *, alone: bool) -> None:
        """Write a reported book as it came in.

        Args:
            fund: the book.
            alone: whether nothing else is in the file; else the mechanism's own activities
                are told by itself.
        """
        for told in await exports.named(self._connection, ReportedActivity, [fund.id]):
            if told.identifier in self._own and not alone:
                detail = f"{told.identifier} is this mechanism's own; its own books are written."
                self._writing.note("own-activity", detail)
                continue
            content = await exports.blobs(self._connection, [told.content])
            said = export_reported.header(content[told.content])
            said = export_reported.redacted_header(said, self._redaction)
            since = await exports.first_told(self._connection, fund.id)
            since = since or (await exports.days(self._connection, [told.seq]))[told.seq]
            with self._writing.activity(said, since):
                async for rows in exports.told(self._connection, fund.id):
                    await self._told(rows)

    async def _told(self, rows: Sequence[Told]) -> None:
        said = [export_reported.said_of(row) for row in rows]
        blobs = await exports.blobs(
            self._connection, {each for each in said if isinstance(each, str)}
        )
        for row, each in zip(rows, said, strict=True):
            whole = export_reported.from_blob(blobs[each]) if isinstance(each, str) else each
            made = export_reported.transaction(row, whole)
            self._writing.transaction(export_reported.redacted(made, self._redaction))
