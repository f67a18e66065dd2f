"""Finding which lines of a bank account and which records of the books are the same money.

One to one, by amount, and then by what says more: a reference that names the record, else the
day. The same lines and records give the same pairs, in whatever order they come.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from msgspec import Struct

DAYS_APART = 7
"""So far may the bank's day be from the books' where the amount alone tells."""
DAYS_APART_REFERENCED = 60
"""So far where a reference names the record."""
REFERENCE_MIN_CHARS = 4
"""A shorter id is found in too many texts to name anything."""

_WORD = re.compile(r"[a-z0-9][a-z0-9._-]*[a-z0-9]")


class BankEntry(NamedTuple):
    """A line of a statement while a match is looked for.

    Attributes:
        statement: the page's id.
        number: the line's number there.
        booked_on: the bank's day.
        amount_minor: above zero for money in.
        words: what its reference and text say, in small letters.
    """

    statement: str
    number: int
    booked_on: date
    amount_minor: int
    words: frozenset[str] = frozenset()


class BookEntry(NamedTuple):
    """A record of the books, as one bank account sees it.

    Attributes:
        record: its seq.
        effective_on: the books' day.
        amount_minor: what it moved there, above zero for money in.
        names: ids that a bank may have been told, in small letters.
    """

    record: int
    effective_on: date
    amount_minor: int
    names: frozenset[str] = frozenset()


class BankFinding(Struct, frozen=True):
    """A difference between the bank and the books.

    Attributes:
        code: not-in-books, not-in-bank, amount-differs, date-differs, statement-sum,
            statement-gap, account-empty.
        statement: the page it is about, or "".
        line: the line there, 0 for none.
        record: the record of the books, 0 for none.
        detail: one sentence with the facts.
    """

    code: str
    statement: str
    line: int
    record: int
    detail: str


def words_of(text: str) -> frozenset[str]:
    """Return the words of a reference or text that may be ids."""
    return frozenset(_WORD.findall(text.lower()))


def names_of(ids: Iterable[str]) -> frozenset[str]:
    """Return the ids that are long enough to name something within a text."""
    return frozenset(each.lower() for each in ids if len(each) >= REFERENCE_MIN_CHARS)


def propose(
    lines: Sequence[BankEntry], records: Sequence[BookEntry]
) -> list[tuple[BankEntry, BookEntry]]:
    """Return the pairs that are the same money, in the lines' order.

    First those in which the line names the record, then those on the nearest days. A line that
    names a record of another amount, and a record that such a line names, are left to people.
    """
    named = _named(lines, records)
    pairs = _paired(lines, records, named, DAYS_APART_REFERENCED)
    met_lines = {line[:2] for line, _ in pairs} | {line[:2] for line, _ in named}
    met_records = {entry.record for _, entry in pairs} | {entry.record for _, entry in named}
    rest = [line for line in lines if line[:2] not in met_lines]
    left = [entry for entry in records if entry.record not in met_records]
    pairs += _paired(rest, left, _alike(rest, left), DAYS_APART)
    return sorted(pairs, key=lambda pair: (pair[0].booked_on, *pair[0][:2]))


def _named(
    lines: Iterable[BankEntry], records: Iterable[BookEntry]
) -> list[tuple[BankEntry, BookEntry]]:
    """Return every line with every record that it names."""
    by_name: defaultdict[str, list[BookEntry]] = defaultdict(list)
    for entry in records:
        for name in entry.names:
            by_name[name].append(entry)
    return [
        (line, entry)
        for line in lines
        for entry in {each for word in line.words for each in by_name.get(word, ())}
    ]


def _alike(
    lines: Iterable[BankEntry], records: Iterable[BookEntry]
) -> list[tuple[BankEntry, BookEntry]]:
    """Return every line with every record of its amount, no further than the window."""
    by_amount: defaultdict[int, list[BookEntry]] = defaultdict(list)
    for entry in records:
        by_amount[entry.amount_minor].append(entry)
    return [
        (line, entry)
        for line in lines
        for entry in by_amount.get(line.amount_minor, ())
        if days_apart(line, entry) <= DAYS_APART
    ]


def _paired(
    lines: Sequence[BankEntry],
    records: Sequence[BookEntry],
    candidates: Iterable[tuple[BankEntry, BookEntry]],
    days: int,
) -> list[tuple[BankEntry, BookEntry]]:
    """Take the candidates nearest in days first, each line and each record once."""
    sound = [
        pair
        for pair in candidates
        if pair[0].amount_minor == pair[1].amount_minor and days_apart(*pair) <= days
    ]
    sound.sort(
        key=lambda pair: (days_apart(*pair), pair[0].booked_on, *pair[0][:2], pair[1].record)
    )
    free_lines = {line[:2] for line in lines}
    free_records = {entry.record for entry in records}
    taken: list[tuple[BankEntry, BookEntry]] = []
    for line, entry in sound:
        if line[:2] in free_lines and entry.record in free_records:
            free_lines.discard(line[:2])
            free_records.discard(entry.record)
            taken.append((line, entry))
    return taken


def days_apart(line: BankEntry, entry: BookEntry) -> int:
    """Return how many days are between the bank's day and the books'."""
    return abs((line.booked_on - entry.effective_on).days)
