"""Verification of a record's rows: the record, its postings and its free text, column by column."""

from itertools import groupby
from operator import itemgetter
from typing import Any

import asyncpg

from mfm.core.record import commitment
from mfm.core.verify import Folded
from mfm.core.verify_form import Differs

_COLUMNS = (
    "seq",
    "leaf",
    "recorded_at",
    "effective_on",
    "accepted",
    "reverses",
    "verb",
    "actor",
    "caused_by",
)


def told(key: object) -> str:
    """Return a key in words."""
    return key.hex() if isinstance(key, bytes) else str(key)


def by_seq(rows: list[asyncpg.Record]) -> dict[int, list[tuple[Any, ...]]]:
    """Return rows by the record that they are of, their first column, without it."""
    return {seq: [tuple(row)[1:] for row in some] for seq, some in groupby(rows, key=itemgetter(0))}


def compare_record(row: asyncpg.Record, folded: Folded) -> None:
    """Hold a record's row against its bytes."""
    for name, held in zip(_COLUMNS, row, strict=False):  # content and request come after them
        wanted = getattr(folded, name)
        if held != wanted:
            detail = f"{name} is {told(held)}; its bytes say {told(wanted)}."
            raise Differs("record-row", folded.seq, detail)


def compare_postings(rows: list[tuple[Any, ...]], folded: Folded) -> None:
    """Hold postings' rows against their record."""
    if rows == folded.postings:
        return
    for held, wanted in zip(rows, folded.postings, strict=False):
        if held != wanted:
            raise Differs("posting-row", folded.seq, f"It is {held}; the record says {wanted}.")
    detail = f"There are {len(rows)} postings; the record has {len(folded.postings)}."
    raise Differs("posting-row", folded.seq, detail)


def compare_payloads(rows: list[tuple[Any, ...]], folded: Folded) -> dict[str, str]:
    """Hold free text against the record's commitments; return field -> value."""
    texts: dict[str, str] = {}
    for field, salt, value in rows:
        if field not in folded.commit or field in texts:
            raise Differs("payload-extra", folded.seq, f"The record commits to no such {field}.")
        if commitment(field, salt, value) != folded.commit[field]:
            raise Differs("payload-row", folded.seq, f"{field} is not what the record commits to.")
        texts[field] = value
    return texts
