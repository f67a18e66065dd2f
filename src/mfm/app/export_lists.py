"""Exports of lists: as far as one sees, on one snapshot, in memory that does not grow."""

from collections.abc import AsyncIterator, Sequence
from typing import BinaryIO

from msgspec import Struct

from mfm.app.reads import action_of, reach_of
from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.money import decimal_text
from mfm.core.moved import Moved
from mfm.core.parties import Party
from mfm.core.permissions import Actor
from mfm.core.record import Noun, parse
from mfm.formats import listing
from mfm.formats.listing import Column, Form, Kind
from mfm.store import exports, reads
from mfm.store.database import Engine, Snapshot, snapshot
from mfm.store.reads import Page, Reach

NOUNS: dict[str, type[Noun]] = {
    "allocations": Allocation,
    "commitments": Commitment,
    "deposits": Deposit,
    "disbursements": Disbursement,
    "parties": Party,
}
JOURNAL = ("postings", "records")
LISTS = (*NOUNS, *JOURNAL)
"""What can be exported as a list."""
_PAGE_ROWS = 1_000

_FIGURES: dict[str, Kind] = {
    **dict.fromkeys(("seq", "reverses", "line", "iati_sign"), "count"),
    "amount": "money",
    "content": "json",
}
_RECORD = tuple(
    Column(name, _FIGURES.get(name, "text"))
    for name in (
        *("seq", "recorded_at", "effective_on", "verb", "party", "role", "key"),
        *("outcome", "refusal", "reverses", "funds", "content"),
    )
)
_POSTING = tuple(
    Column(name, _FIGURES.get(name, "text"))
    for name in (
        *("seq", "line", "effective_on", "verb", "fund", "currency", "debit", "debit_subject"),
        *("credit", "credit_subject", "amount", "iati_type", "iati_sign"),
    )
)
Rows = AsyncIterator[Sequence[Sequence[str]]]


class ExportedList(Struct, frozen=True):
    """What an export has written: how many rows, and up to which record."""

    rows: int
    seq: int


def action(what: str) -> str:
    """Return the action of the table of permissions that reads a list."""
    return "record.read" if what in JOURNAL else action_of(NOUNS[what])


async def export_list(
    engine: Engine, actor: Actor, what: str, form: Form, sink: BinaryIO
) -> ExportedList:
    """Write a list as a file.

    Args:
        engine: where to read.
        actor: who asks.
        what: one of LISTS.
        form: csv, jsonl or xlsx.
        sink: takes the bytes.

    Raises:
        Invalid: `role-not-allowed`, `export-too-large`.
    """
    reach = reach_of(actor, action(what))
    count = 0
    async with snapshot(engine) as connection:
        seq = await reads.head_seq(connection)
        columns, rows = _source(connection, what, reach)
        file = listing.listing(form, sink, columns)
        try:
            async for piece in rows:
                count += len(piece)
                file.write(piece)
        finally:
            file.close()
    return ExportedList(count, seq)


def _source(connection: Snapshot, what: str, reach: Reach) -> tuple[tuple[Column, ...], Rows]:
    if what == "records":
        return _RECORD, _records(connection, reach)
    if what == "postings":
        return _POSTING, _postings(connection, reach)
    noun = NOUNS[what]
    return listing.columns_of(noun), _nouns(connection, noun, reach)


async def _nouns(connection: Snapshot, noun: type[Noun], reach: Reach) -> Rows:
    after = (0, "")
    while found := await reads.page_of(connection, noun, Page(_PAGE_ROWS, after), reach):
        yield [listing.row_of(each) for each in found]
        after = (found[-1].seq, found[-1].id)


async def _records(connection: Snapshot, reach: Reach) -> Rows:
    after = (0, "")
    while found := await reads.records(connection, Page(_PAGE_ROWS, after), reach):
        yield [_record(content) for _, content in found]
        after = (found[-1][0], "")


def _record(content: bytes) -> tuple[str, ...]:
    record, body = parse(content)
    return (
        *(str(record.seq), record.at, str(body.effective_on or ""), body.verb),
        *(body.actor["party"], body.actor["role"], body.actor["key"], record.outcome),
        *(body.refusal.get("code", ""), str(body.reverses or "")),
        *(" ".join(link.fund for link in record.chain), content.decode()),
    )


async def _postings(connection: Snapshot, reach: Reach) -> Rows:
    async for piece in exports.moved(connection, reach.fund):
        yield [_posting(each) for each in piece]


def _posting(told: Moved) -> tuple[str, ...]:
    return (
        *(str(told.seq), str(told.line), str(told.on), told.verb, told.fund, told.currency),
        *(told.debit, told.debit_subject, told.credit, told.credit_subject),
        *(decimal_text(told.amount_minor, told.currency), told.iati_type, str(told.iati_sign)),
    )
