"""Bank statements: what the bank says of an account, and which of the books' records it meets.

A statement is kept page by page, so that a page is one record. Its lines carry no names and no
texts of others: those stay beside the record. What a line is matched with are records that moved
the same money at the same bank account (1100 and 1110 together).
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct, structs

from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Currency, decimal_text, signed_minor
from mfm.core.record import Draft, Noun
from mfm.core.terms import NO_NUL, Act, Command, Id

PAGE_LINES = 40
"""The most lines on a page: with these its record stays below 16 KiB."""
REFERENCE_MAX_CHARS = 64
_NARRATIVE_MAX_CHARS = 40_000

SignedAmount = Annotated[
    str, Meta(max_length=24, description="A decimal string; below zero for money that leaves")
]


class BankLine(Struct, frozen=True):
    """A line of a bank statement.

    Attributes:
        number: from 1, within its page.
        booked_on: the day on which the bank booked it.
        amount_minor: above zero for money in, below for money out.
        reference: what it is known by: the payer's end-to-end id, else the bank's reference.
        match: the number of the match it is in, 0 while it is in none.
    """

    number: int
    booked_on: date
    amount_minor: int
    reference: str = ""
    match: int = 0


class BankMatch(Struct, frozen=True):
    """A record of the books that lines of a page are matched with.

    Attributes:
        number: the match; all its lines together are all its records together.
        record: the record's seq.
    """

    number: int
    record: int


class BankStatement(Noun, frozen=True, kw_only=True):
    """A page of a bank statement.

    Attributes:
        fund: whose account it is.
        bank_account: which one: the subject of 1100 and 1110 in the fund's books.
        currency: the fund's.
        file: SHA-256 (hex) of the file it came in, or "".
        sequence: the bank's own number of the statement, 0 where it has none.
        page: from 1.
        pages: how many there are.
        opened_on: the first day of the whole statement.
        closed_on: the last.
        opening_minor: the bank's balance before the first line; below zero when overdrawn.
        closing_minor: after the last.
        lines: what the bank booked.
        matches: the records that lines are matched with.
        opening_match: the match that the opening balance is in, 0 while it is in none.
    """

    fund: str
    bank_account: str
    currency: str
    file: str = ""
    sequence: int = 0
    page: int = 1
    pages: int = 1
    opened_on: date
    closed_on: date
    opening_minor: int
    closing_minor: int
    lines: tuple[BankLine, ...] = ()
    matches: tuple[BankMatch, ...] = ()
    opening_match: int = 0

    @property
    def place(self) -> tuple[date, date, int, str, int]:
        """Where it stands among the pages of its account."""
        return self.opened_on, self.closed_on, self.sequence, self.file, self.page

    @property
    def moved_minor(self) -> int:
        """What its lines come to."""
        return sum(line.amount_minor for line in self.lines)


class BankLineTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """A line as the bank states it."""

    booked_on: date
    amount: SignedAmount
    reference: Annotated[str, Meta(max_length=REFERENCE_MAX_CHARS, pattern=r"^[ -~]*$(?!\n)")] = ""


class ImportBankStatement(Command, frozen=True, kw_only=True):
    """Keep a page of a bank statement; `narrative` has a row of text for each of its lines."""

    id: Id | None = None
    fund: Id
    bank_account: Id = "main"
    currency: Currency
    file: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)")] = ""
    sequence: Annotated[int, Meta(ge=0, le=2**53)] = 0
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1
    pages: Annotated[int, Meta(ge=1, le=10_000)] = 1
    opened_on: date
    closed_on: date
    opening: SignedAmount
    closing: SignedAmount
    # Untold: the statement's own lines say them.
    lines: Annotated[
        tuple[BankLineTerm, ...], Meta(max_length=PAGE_LINES, extra={"untold": True})
    ] = ()
    narrative: Annotated[
        str, Meta(max_length=_NARRATIVE_MAX_CHARS, pattern=NO_NUL, extra={"free_text": True})
    ] = ""


# Importing ----------------------------------------------------------------------------------------


def import_statement(
    act: Act,
    command: ImportBankStatement,
    statement_id: str,
    fund: Fund,
    others: Iterable[BankStatement],
) -> Draft:
    """Record a page of a bank statement; nothing of the books moves.

    What the page contradicts, itself or its neighbours, is told as findings, not refused: the
    bank's word is kept as it came.

    Args:
        act: who, and the day.
        command: the page.
        statement_id: its id.
        fund: whose account it is.
        others: the pages of that account that stand.

    Raises:
        Invalid: `fund-reported`, `currency-not-fund`, `statement-dates`, `statement-page`, and as
            `money.signed_minor`.
        Refused: `statement-overlap`, `statement-order`.
    """
    _check_form(command, fund)
    made = BankStatement(
        id=statement_id,
        status="open",
        fund=fund.id,
        bank_account=command.bank_account,
        currency=fund.currency,
        file=command.file,
        sequence=command.sequence,
        page=command.page,
        pages=command.pages,
        opened_on=command.opened_on,
        closed_on=command.closed_on,
        opening_minor=signed_minor(command.opening, fund.currency, "/opening"),
        closing_minor=signed_minor(command.closing, fund.currency, "/closing"),
        lines=_lines(command, fund),
    )
    made = structs.replace(made, status=standing(made))
    stands = list(others)
    _check_neighbours(made, stands)
    earlier = [page for page in stands if page.place < made.place]
    before = max(earlier, key=lambda page: page.place, default=None)
    found = [{"code": code, "detail": detail} for code, detail in inconsistencies(made, before)]
    facts = {"findings": found} if found else {}
    return Draft(effective_on=act.on, sets=(made,), funds=(fund.id,), facts=facts)


def _check_form(command: ImportBankStatement, fund: Fund) -> None:
    fund.must_be_kept()
    if command.currency != fund.currency:
        detail = f"Fund {fund.id} keeps its books in {fund.currency}, not {command.currency}."
        raise Invalid("currency-not-fund", detail, "/currency")
    if command.page > command.pages:
        detail = f"There is no page {command.page} of {command.pages}."
        raise Invalid("statement-page", detail, "/page")
    opened, closed = command.opened_on, command.closed_on
    if closed < opened:
        detail = f"A statement does not end ({closed}) before it begins ({opened})."
        raise Invalid("statement-dates", detail, "/closed_on")


def _lines(command: ImportBankStatement, fund: Fund) -> tuple[BankLine, ...]:
    made: list[BankLine] = []
    for at, term in enumerate(command.lines):
        where = f"/lines/{at}"
        amount_minor = signed_minor(term.amount, fund.currency, where)
        if not amount_minor:
            raise Invalid("amount-zero", "A line of zero moves nothing.", f"{where}/amount")
        if not command.opened_on <= term.booked_on <= command.closed_on:
            detail = f"{term.booked_on} is outside the statement's own days."
            raise Invalid("statement-dates", detail, f"{where}/booked_on")
        made.append(BankLine(at + 1, term.booked_on, amount_minor, term.reference))
    return tuple(made)


def _check_neighbours(made: BankStatement, others: Sequence[BankStatement]) -> None:
    """Hold that days are not told twice, and that a matched opening balance stays the first."""
    for other in others:
        same = (other.file, other.sequence) == (made.file, made.sequence) and made.file != ""
        if same and other.page != made.page:
            continue
        touching = other.closed_on <= made.opened_on or made.closed_on <= other.opened_on
        if not touching or same:
            detail = (
                f"Statement {other.id} tells of {other.opened_on} to {other.closed_on} already;"
                f" this one is of {made.opened_on} to {made.closed_on}."
            )
            raise Refused("statement-overlap", detail, "/opened_on")
        if other.opening_match and made.place < other.place:
            detail = f"The opening balance of statement {other.id} is matched: unmatch it first."
            raise Refused("statement-order", detail, "/opened_on")


def inconsistencies(made: BankStatement, before: BankStatement | None) -> list[tuple[str, str]]:
    """Return what a page contradicts: its own sum, the page before; as (code, detail)."""
    found: list[tuple[str, str]] = []
    off_minor = made.closing_minor - made.opening_minor - made.moved_minor
    if off_minor:
        detail = f"Opening and lines differ from closing by {told_amount(off_minor, made)}."
        found.append(("statement-sum", detail))
    gap_minor = made.opening_minor - before.closing_minor if before is not None else 0
    if before is not None and gap_minor:
        detail = f"It opens {told_amount(gap_minor, made)} off where {before.id} closed."
        found.append(("statement-gap", detail))
    return found


def told_amount(amount_minor: int, statement: BankStatement) -> str:
    """Return an amount with the statement's currency."""
    return f"{decimal_text(amount_minor, statement.currency)} {statement.currency}"


def standing(statement: BankStatement) -> str:
    """Tell a page's status: matched once each of its lines is, until then open."""
    return "matched" if all(line.match for line in statement.lines) else "open"
