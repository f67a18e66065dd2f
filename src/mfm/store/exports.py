"""What exports read: rows of any number, streamed on one snapshot, and the nouns they name.

Every read is for a connection of mfm_reader or mfm_auditor, which row-level security keeps within
one mechanism.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from msgspec import convert
from sqlalchemy import ARRAY, Text, any_, column, literal, select, table, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.moved import Moved
from mfm.core.nouns import KINDS
from mfm.core.parties import Party
from mfm.core.record import Noun

N = TypeVar("N", bound=Noun)

PIECE = 500
"""Rows that are held at a time."""


class Told(NamedTuple):
    """A reported transaction that stands: its state, its day, what it says, and its free text.

    Attributes:
        seq: the record that tells it.
        iati_type: TransactionType code, verbatim.
        currency: verbatim.
        amount_minor: signed.
        on: the day it is dated.
        content: that record's bytes.
        texts: its free text as JSON, or "".
    """

    seq: int
    iati_type: str
    currency: str
    amount_minor: int
    on: date
    content: bytes
    texts: str


_MOVED = """
SELECT p.seq, p.line, p.effective_on, r.verb, p.iati_type, p.iati_sign, p.amount_minor,
       d.fund, d.currency, d.code, d.subject, c.code, c.subject
  FROM posting p
  JOIN account d ON d.mechanism_id = p.mechanism_id AND d.account_id = p.debit_id
  JOIN account c ON c.mechanism_id = p.mechanism_id AND c.account_id = p.credit_id
  JOIN record r ON r.mechanism_id = p.mechanism_id AND r.seq = p.seq
 WHERE (d.fund = :fund OR :fund = '')
"""
# What was taken back, and what took it back, is not published: a file tells what is known now.
_PUBLISHED = (
    _MOVED
    + """
   AND p.iati_type <> '' AND r.reverses IS NULL
   AND NOT EXISTS (
         SELECT FROM record b WHERE b.mechanism_id = p.mechanism_id AND b.reverses = p.seq)
"""
)
_IN_ORDER = " ORDER BY p.seq, p.line"
_TOLD = """
SELECT t.seq, t.iati_type, t.currency, t.amount_minor, r.effective_on, r.content,
       coalesce(published_text(t.seq), '')
  FROM reported_transaction t
  JOIN record r ON r.mechanism_id = t.mechanism_id AND r.seq = t.seq
 WHERE t.fund = :fund AND t.status = 'reported'
 ORDER BY t.seq
"""
_ACCOUNTS = """
SELECT fund, code, subject FROM account WHERE fund = :fund OR :fund = ''
 GROUP BY fund, code, subject ORDER BY fund, code, subject
"""
_CURRENCIES = """
SELECT DISTINCT currency FROM account WHERE fund = :fund OR :fund = '' ORDER BY currency
"""
_FIRST_TOLD = """
SELECT min(r.effective_on) FROM reported_transaction t
  JOIN record r ON r.mechanism_id = t.mechanism_id AND r.seq = t.seq
 WHERE t.fund = :fund AND t.status = 'reported'
"""
_SPANS = """
SELECT a.subject, min(p.effective_on), max(p.effective_on)
  FROM account a JOIN posting p ON p.mechanism_id = a.mechanism_id AND p.credit_id = a.account_id
 WHERE a.fund = :fund AND a.code = :code AND a.subject = ANY (:subjects)
 GROUP BY a.subject
"""
_FIRST = """
SELECT min(p.effective_on)
  FROM account a JOIN posting p ON p.mechanism_id = a.mechanism_id AND p.debit_id = a.account_id
 WHERE a.fund = :fund
"""


async def head(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """Return the last record, and when it was made: the moment that an export speaks of."""
    query = "SELECT seq, recorded_at FROM record ORDER BY seq DESC LIMIT 1"
    row = (await connection.execute(text(query))).first()
    return (int(row[0]), row[1]) if row else (0, None)


async def named(
    connection: AsyncConnection, noun: type[N], ids: Collection[str], field: str = "id"
) -> list[N]:
    """Return the nouns whose field has one of these values, by id; reversed ones come too."""
    if not ids:
        return []
    source = table(KINDS[noun], *map(column, noun.__struct_fields__))
    among = source.c[field] == any_(literal(sorted(ids), ARRAY(Text)))
    rows = await connection.execute(select(*source.c).where(among).order_by(source.c.id))
    return [convert(dict(row), noun, strict=False) for row in rows.mappings()]


async def at_risk(connection: AsyncConnection) -> list[Party]:
    """Return the parties that are never named in public."""
    source = table("party", *map(column, Party.__struct_fields__))
    rows = await connection.execute(select(*source.c).where(source.c.at_risk == true()))
    return [convert(dict(row), Party, strict=False) for row in rows.mappings()]


async def spans(
    connection: AsyncConnection, fund: str, code: str, subjects: Sequence[str]
) -> dict[str, tuple[date, date]]:
    """Return the first and last day on which each subject's account of a code was credited."""
    told = {"fund": fund, "code": code, "subjects": list(subjects)}
    rows = await connection.execute(text(_SPANS), told)
    return {subject: (first, last) for subject, first, last in rows}


async def days(connection: AsyncConnection, seqs: Collection[int]) -> dict[int, date]:
    """Return the days that some records count from."""
    query = "SELECT seq, effective_on FROM record WHERE seq = ANY (:seqs)"
    rows = await connection.execute(text(query), {"seqs": sorted(seqs)})
    return {seq: on for seq, on in rows}  # noqa: C416  # rows are no pairs to mypy


async def first_day(connection: AsyncConnection, fund: str) -> date | None:
    """Return the first day on which something moved in a fund's books."""
    found = await connection.execute(text(_FIRST), {"fund": fund})
    return found.scalar()


async def first_told(connection: AsyncConnection, fund: str) -> date | None:
    """Return the first day that a reported book's transactions are dated."""
    found = await connection.execute(text(_FIRST_TOLD), {"fund": fund})
    return found.scalar()


async def contents(connection: AsyncConnection, seqs: Collection[int]) -> dict[int, bytes]:
    """Return the bytes of some records."""
    if not seqs:
        return {}
    query = "SELECT seq, content FROM record WHERE seq = ANY (:seqs)"
    rows = await connection.execute(text(query), {"seqs": sorted(seqs)})
    return {seq: bytes(content) for seq, content in rows}


async def blobs(connection: AsyncConnection, digests: Collection[str]) -> dict[str, bytes]:
    """Return larger content by its SHA-256 (hex)."""
    if not digests:
        return {}
    told = {"digests": [bytes.fromhex(each) for each in digests]}
    query = "SELECT sha256, content FROM blob WHERE sha256 = ANY (:digests)"
    return {row[0].hex(): bytes(row[1]) for row in await connection.execute(text(query), told)}


def published(connection: AsyncConnection, fund: str) -> AsyncIterator[list[Moved]]:
    """Give a fund's postings that IATI counts and that stand, in order, some records at a time."""
    return _moved(connection, _PUBLISHED + _IN_ORDER, fund)


def moved(connection: AsyncConnection, fund: str) -> AsyncIterator[list[Moved]]:
    """Give all postings of a fund, or of all (""), in order, some records at a time."""
    return _moved(connection, _MOVED + _IN_ORDER, fund)


async def _moved(connection: AsyncConnection, query: str, fund: str) -> AsyncIterator[list[Moved]]:
    held: list[Moved] = []
    async for piece in _pieces(connection, query, fund):
        held += [Moved(*row) for row in piece]
        last = held[-1].seq  # its postings may go on in the next piece
        whole = [row for row in held if row.seq != last]
        if whole:
            yield whole
            held = held[len(whole) :]
    if held:
        yield held


async def told(connection: AsyncConnection, fund: str) -> AsyncIterator[Sequence[Told]]:
    """Give the transactions of a reported book that stand, in order, a piece at a time."""
    async for piece in _pieces(connection, _TOLD, fund):
        yield [Told(*row) for row in piece]


async def accounts(
    connection: AsyncConnection, fund: str
) -> AsyncIterator[list[tuple[str, str, str]]]:
    """Give the accounts of a fund, or of all (""), as (fund, code, subject), some at a time."""
    async for piece in _pieces(connection, _ACCOUNTS, fund):
        yield [(row[0], row[1], row[2]) for row in piece]


async def currencies(connection: AsyncConnection, fund: str) -> AsyncIterator[list[str]]:
    """Give the currencies of a fund's accounts, or of all (""), some at a time."""
    async for piece in _pieces(connection, _CURRENCIES, fund):
        yield [row[0] for row in piece]


async def _pieces(
    connection: AsyncConnection, query: str, fund: str
) -> AsyncIterator[Sequence[Any]]:
    async with connection.stream(text(query), {"fund": fund}) as rows:
        async for piece in rows.partitions(PIECE):
            yield piece
