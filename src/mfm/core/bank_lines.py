"""Matching lines of bank statements with records of the books, and taking matches apart."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct, structs

from mfm.core.accounts import CASH
from mfm.core.bank import (
    PAGE_LINES,
    BankLine,
    BankMatch,
    BankStatement,
    standing,
    told_amount,
)
from mfm.core.bank_matching import DAYS_APART, BankFinding, BookEntry
from mfm.core.errors import Invalid, Refused
from mfm.core.record import Draft, Posting
from mfm.core.terms import Act, Command, Id

RECORDS_MAX = 50
"""The most records that one match names."""
OPENING = 0
"""The number by which a match names the opening balance of an account's first page."""
_FINDINGS_KEPT = 10
"""So many findings stand in a match's record, which holds the page too; reading tells all."""


class BankMatchTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """Lines of a page (0 for the opening balance) that are these records of the books."""

    lines: Annotated[
        tuple[Annotated[int, Meta(ge=0)], ...], Meta(min_length=1, max_length=PAGE_LINES + 1)
    ]
    records: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=2**53)], ...], Meta(min_length=1, max_length=RECORDS_MAX)
    ]


class MatchBankLines(Command, frozen=True, kw_only=True):
    """Match lines of a bank statement with records that moved the same money."""

    statement: Id
    matches: Annotated[tuple[BankMatchTerm, ...], Meta(min_length=1, max_length=PAGE_LINES + 1)]


class UnmatchBankLine(Command, frozen=True, kw_only=True):
    """Take the match that a line of a bank statement is in apart; 0 for the opening balance."""

    statement: Id
    line: Annotated[int, Meta(ge=0)]


def cash_moved(postings: Iterable[Posting], fund: str, bank_account: str) -> int:
    """Return what postings move at a bank account: 1100 and 1110 together, in minor units."""
    moved_minor = 0
    for posting in postings:
        for side, sign in ((posting.debit, 1), (posting.credit, -1)):
            if (side.fund, side.subject) == (fund, bank_account) and side.code in CASH:
                moved_minor += sign * posting.amount_minor
    return moved_minor


def match(
    act: Act,
    command: MatchBankLines,
    statement: BankStatement,
    books: Mapping[int, BookEntry],
    others: Sequence[BankStatement],
) -> Draft:
    """Record that lines are these records of the books; both sides must come to the same.

    Args:
        act: who, and the day.
        command: the matches.
        statement: the page.
        books: record -> what it moved at this bank account, and when.
        others: the other pages of the account that stand.

    Raises:
        Invalid: `line-unknown`, `match-repeated`, `match-record`.
        Refused: `line-matched`, `record-matched`, `match-differs`, `match-opening`.
    """
    taken = {each.record: page.id for page in (*others, statement) for each in page.matches}
    first = all(statement.place < page.place for page in others)
    made = statement
    for at, term in enumerate(command.matches):
        where = f"/matches/{at}"
        _check_records(term, books, taken, where)
        made = _matched(made, term, where, first=first)
        wanted_minor = sum(books[record].amount_minor for record in term.records)
        got_minor = sum(_amount_of(made, number) for number in term.lines)
        if got_minor != wanted_minor:
            got, wanted = told_amount(got_minor, made), told_amount(wanted_minor, made)
            detail = f"The bank says {got}, the books {wanted}."
            raise Refused("match-differs", detail, where)
        taken |= dict.fromkeys(term.records, statement.id)
    made = structs.replace(made, status=standing(made))
    found = [
        {"code": each.code, "detail": each.detail}
        for term in command.matches
        for number in term.lines
        if number != OPENING
        for record in term.records
        for each in date_findings(
            made.id, made.lines[number - 1], record, books[record].effective_on
        )
    ][:_FINDINGS_KEPT]
    facts = {"findings": found} if found else {}
    return Draft(effective_on=act.on, sets=(made,), funds=(statement.fund,), facts=facts)


def date_findings(statement: str, line: BankLine, record: int, on: date) -> list[BankFinding]:
    """Return what there is to say of the days of a line and of a record matched with it."""
    if abs((line.booked_on - on).days) <= DAYS_APART:
        return []
    detail = f"Line {line.number} is of {line.booked_on}; record {record} is of {on}."
    return [BankFinding("date-differs", statement, line.number, record, detail)]


def _check_records(
    term: BankMatchTerm, books: Mapping[int, BookEntry], taken: Mapping[int, str], where: str
) -> None:
    if len(set(term.lines)) != len(term.lines) or len(set(term.records)) != len(term.records):
        raise Invalid("match-repeated", "A match names each line and record once.", where)
    for record in term.records:
        if record not in books or not books[record].amount_minor:
            detail = f"Record {record} moves nothing at this bank account."
            raise Invalid("match-record", detail, f"{where}/records")
        if record in taken:
            detail = f"Record {record} is matched in statement {taken[record]} already."
            raise Refused("record-matched", detail, f"{where}/records")


def _matched(
    statement: BankStatement, term: BankMatchTerm, where: str, *, first: bool
) -> BankStatement:
    last = max((each.number for each in statement.matches), default=0)
    lines = {line.number: line for line in statement.lines}
    opening = statement.opening_match
    for number in term.lines:
        if number == OPENING:
            if not first or not statement.opening_minor:
                detail = "Only the first statement of an account brings a balance into the books."
                raise Refused("match-opening", detail, f"{where}/lines")
            was, opening = opening, last + 1
        elif number in lines:
            was = lines[number].match
            lines[number] = structs.replace(lines[number], match=last + 1)
        else:
            detail = f"Statement {statement.id} has lines 1 to {len(lines)}."
            raise Invalid("line-unknown", detail, f"{where}/lines")
        if was:
            raise Refused("line-matched", f"Line {number} is matched already.", f"{where}/lines")
    added = tuple(BankMatch(last + 1, record) for record in term.records)
    return structs.replace(
        statement,
        lines=tuple(lines.values()),
        matches=(*statement.matches, *added),
        opening_match=opening,
    )


def _amount_of(statement: BankStatement, number: int) -> int:
    if number == OPENING:
        return statement.opening_minor
    return statement.lines[number - 1].amount_minor


def unmatch(act: Act, command: UnmatchBankLine, statement: BankStatement) -> Draft:
    """Record that the match which a line is in does not hold.

    Raises:
        Refused: `line-unmatched`.
    """
    wanted = {line.number: line.match for line in statement.lines}
    number = {**wanted, OPENING: statement.opening_match}.get(command.line, 0)
    if not number:
        detail = f"Line {command.line} of statement {statement.id} is in no match."
        raise Refused("line-unmatched", detail, "/line")
    lines = tuple(
        structs.replace(line, match=0) if line.match == number else line for line in statement.lines
    )
    made = structs.replace(
        statement,
        lines=lines,
        matches=tuple(each for each in statement.matches if each.number != number),
        opening_match=0 if statement.opening_match == number else statement.opening_match,
    )
    made = structs.replace(made, status=standing(made))
    return Draft(effective_on=act.on, sets=(made,), funds=(statement.fund,))
