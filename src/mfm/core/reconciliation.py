"""The reconciliation statement: from the books' balance at a bank account to the bank's own."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from mfm.core.bank import BankStatement, inconsistencies
from mfm.core.bank_lines import RECORDS_MAX, date_findings
from mfm.core.bank_matching import (
    BankEntry,
    BankFinding,
    BookEntry,
    words_of,
)
from mfm.core.money import decimal_text

LISTED_MAX = 1_000
"""The most outstanding items of each side that are listed; the sums are of all."""


class ReconciliationQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bank account, and up to which day; without one, up to where its statements end."""

    fund: Annotated[str, Meta(min_length=1, max_length=300)]
    bank_account: Annotated[str, Meta(min_length=1, max_length=63)] = "main"
    as_of: date | None = None


class OutstandingLine(Struct, frozen=True):
    """What the bank has booked and the books have not."""

    statement: str
    line: int
    booked_on: date
    amount: str
    reference: str


class OutstandingRecord(Struct, frozen=True):
    """What the books hold and the bank has not booked."""

    record: int
    effective_on: date
    amount: str
    names: list[str]


class Reconciliation(Struct, frozen=True, kw_only=True):
    """A bank account's reconciliation; amounts are decimal strings in its currency.

    `book_balance` less `outstanding_records` plus `outstanding_lines` is what the bank should
    hold; `unexplained` is what it holds more.

    Attributes:
        fund: whose account.
        bank_account: which.
        currency: ISO 4217.
        as_of: the day.
        book_balance: 1100 and 1110 on that day.
        outstanding_records: the sum of records that the bank has not booked by then.
        outstanding_lines: the sum of lines that the books do not have by then.
        bank_balance: what the bank says; of its last statement that has closed by then.
        unexplained: zero when statements follow each other without a gap and their sums hold.
        statements: how many pages of statements tell this.
        matched_lines: how many lines are matched.
        not_in_bank: those records, oldest first.
        not_in_books: those lines, oldest first.
        findings: every difference, with its facts.
    """

    fund: str
    bank_account: str
    currency: str
    as_of: date
    book_balance: str
    outstanding_records: str
    outstanding_lines: str
    bank_balance: str
    unexplained: str
    statements: int
    matched_lines: int
    not_in_bank: list[OutstandingRecord]
    not_in_books: list[OutstandingLine]
    findings: list[BankFinding]


class BankAccount(Struct, frozen=True):
    """A bank account as both sides tell of it.

    Attributes:
        fund: whose.
        bank_account: which.
        currency: the fund's.
        pages: its statements' pages that stand, by place.
        records: every record of the books that moved money there.
    """

    fund: str
    bank_account: str
    currency: str
    pages: Sequence[BankStatement]
    records: Sequence[BookEntry]

    def lines(self) -> list[tuple[BankEntry, int]]:
        """Return every line with its match, 0 for none; first of all the opening balance."""
        found: list[tuple[BankEntry, int]] = []
        for page in self.pages[:1]:
            if page.opening_minor:
                opening = BankEntry(page.id, 0, page.opened_on, page.opening_minor)
                found.append((opening, page.opening_match))
        for page in self.pages:
            for line in page.lines:
                words = words_of(line.reference)
                entry = BankEntry(page.id, line.number, line.booked_on, line.amount_minor, words)
                found.append((entry, line.match))
        return found

    def free_records(self) -> list[BookEntry]:
        """Return the records that no line is matched with."""
        taken = {each.record for page in self.pages for each in page.matches}
        return [entry for entry in self.records if entry.record not in taken]


def reconcile(account: BankAccount, as_of: date) -> Reconciliation:
    """Return the reconciliation of a bank account as of a day.

    A match counts once all its lines and records are of that day or earlier; until then each of
    its parts is outstanding on its own side.
    """
    lines = [each for each in account.lines() if each[0].booked_on <= as_of]
    records = [entry for entry in account.records if entry.effective_on <= as_of]
    settled = _settled(account, as_of)
    loose_lines = [line for line, match in lines if (line.statement, match) not in settled]
    met = {
        each.record
        for page in account.pages
        for each in page.matches
        if (page.id, each.number) in settled
    }
    loose_records = [entry for entry in records if entry.record not in met]
    pages = [page for page in account.pages if page.opened_on <= as_of]
    book_minor = sum(entry.amount_minor for entry in records)
    bank_minor = _bank_balance(pages, as_of)
    outside_minor = sum(line.amount_minor for line in loose_lines)
    inside_minor = sum(entry.amount_minor for entry in loose_records)

    def told(amount_minor: int) -> str:
        return decimal_text(amount_minor, account.currency)

    return Reconciliation(
        fund=account.fund,
        bank_account=account.bank_account,
        currency=account.currency,
        as_of=as_of,
        book_balance=told(book_minor),
        outstanding_records=told(inside_minor),
        outstanding_lines=told(outside_minor),
        bank_balance=told(bank_minor),
        unexplained=told(bank_minor - (book_minor - inside_minor + outside_minor)),
        statements=len(pages),
        matched_lines=sum(line.number > 0 for line, _ in lines)
        - sum(line.number > 0 for line in loose_lines),
        not_in_bank=[
            OutstandingRecord(
                entry.record, entry.effective_on, told(entry.amount_minor), sorted(entry.names)
            )
            for entry in sorted(loose_records, key=lambda e: (e.effective_on, e.record))
        ][:LISTED_MAX],
        not_in_books=_outstanding(account, loose_lines)[:LISTED_MAX],
        findings=_findings(account, pages, loose_lines, loose_records),
    )


def _settled(account: BankAccount, as_of: date) -> set[tuple[str, int]]:
    """Return the matches, as (page, number), that are whole by a day."""
    days = {entry.record: entry.effective_on for entry in account.records}
    last: defaultdict[tuple[str, int], date] = defaultdict(lambda: date.min)
    for line, match in account.lines():
        if match:
            key = (line.statement, match)
            last[key] = max(last[key], line.booked_on)
    for page in account.pages:
        for each in page.matches:
            key = (page.id, each.number)
            last[key] = max(last[key], days.get(each.record, date.max))
    return {key for key, on in last.items() if on <= as_of}


def _bank_balance(pages: Sequence[BankStatement], as_of: date) -> int:
    """Return the bank's balance: of the last page, less what it booked after the day."""
    if not pages:
        return 0
    last = pages[-1]
    later_minor = sum(line.amount_minor for line in last.lines if line.booked_on > as_of)
    # Pages of one statement share its days: what earlier ones booked later is off, too.
    for page in pages[:-1]:
        later_minor += sum(line.amount_minor for line in page.lines if line.booked_on > as_of)
    return last.closing_minor - later_minor


def _outstanding(account: BankAccount, lines: Sequence[BankEntry]) -> list[OutstandingLine]:
    references = {
        (page.id, line.number): line.reference for page in account.pages for line in page.lines
    }
    return [
        OutstandingLine(
            line.statement,
            line.number,
            line.booked_on,
            decimal_text(line.amount_minor, account.currency),
            references.get(line[:2], "balance brought forward"),
        )
        for line in sorted(lines, key=lambda line: (line.booked_on, *line[:2]))
    ]


def _findings(
    account: BankAccount,
    pages: Sequence[BankStatement],
    lines: Sequence[BankEntry],
    records: Sequence[BookEntry],
) -> list[BankFinding]:
    found = [
        BankFinding(code, page.id, 0, 0, detail)
        for page, before in zip(pages, (None, *pages), strict=False)
        for code, detail in inconsistencies(page, before)
    ]
    if pages and not account.records:
        detail = f"Fund {account.fund} has no entry at bank account {account.bank_account} yet."
        found.append(BankFinding("account-empty", pages[0].id, 0, 0, detail))
    found += _late(account)
    by_name: defaultdict[str, list[BookEntry]] = defaultdict(list)
    for entry in records:
        for name in entry.names:
            by_name[name].append(entry)
    for line in lines[:LISTED_MAX]:
        named = {each.record: each for word in line.words for each in by_name.get(word, ())}
        found.append(_not_in_books(account, line, min(named.items(), default=(0, None))[1]))
    for entry in records[:LISTED_MAX]:
        detail = (
            f"The books moved {_amount(account, entry.amount_minor)} on {entry.effective_on};"
            " no line of the bank is matched with it."
        )
        found.append(BankFinding("not-in-bank", "", 0, entry.record, detail))
    return found


def _amount(account: BankAccount, amount_minor: int) -> str:
    return f"{decimal_text(amount_minor, account.currency)} {account.currency}"


def _not_in_books(account: BankAccount, line: BankEntry, named: BookEntry | None) -> BankFinding:
    """Say why a line has no record: there is none, or the one it names is of another amount."""
    booked = f"The bank booked {_amount(account, line.amount_minor)} on {line.booked_on};"
    if named is not None and named.amount_minor != line.amount_minor:
        moved = _amount(account, named.amount_minor)
        detail = f"{booked} record {named.record}, which it names, moved {moved}."
        return BankFinding("amount-differs", line.statement, line.number, named.record, detail)
    detail = f"{booked} no record of the books is matched with it."
    return BankFinding("not-in-books", line.statement, line.number, 0, detail)


def _late(account: BankAccount) -> list[BankFinding]:
    """Find the records that are matched with a line of a day far from theirs."""
    days = {entry.record: entry.effective_on for entry in account.records}
    found: list[BankFinding] = []
    for page in account.pages:
        booked = {line.match: line for line in page.lines if line.match}
        for each in page.matches:
            line = booked.get(each.number)
            on = days.get(each.record)
            if line is not None and on is not None:
                found += date_findings(page.id, line, each.record, on)
    return found


def opening_records(account: BankAccount) -> list[int]:
    """Return the records that an account's opening balance is, where that is plain; else none.

    Plain: all records before the first statement that no line is matched with come to it.
    """
    for page in account.pages[:1]:
        earlier = [each for each in account.free_records() if each.effective_on < page.opened_on]
        total_minor = sum(each.amount_minor for each in earlier)
        if page.opening_minor == total_minor != 0 and not page.opening_match:
            return sorted(each.record for each in earlier)[: RECORDS_MAX + 1]
    return []
