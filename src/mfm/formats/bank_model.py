"""A bank statement as a file tells it, whatever the file's form."""

from datetime import date

from msgspec import Struct


class BankFileLine(Struct, frozen=True):
    """A line.

    Attributes:
        row: its place in the file: the row of a table, the entry of a camt.053 statement.
        booked_on: the bank's day.
        amount: a decimal string, below zero for money out.
        reference: what it is known by.
        text: what else the bank says of it, names too.
    """

    row: int
    booked_on: date
    amount: str
    reference: str
    text: str


class BankFile(Struct, frozen=True):
    """A statement.

    Attributes:
        account: the account's own number (IBAN), or "" where the file has none.
        currency: ISO 4217.
        sequence: the bank's number of the statement, 0 for none.
        opened_on: its first day.
        closed_on: its last.
        opening: the balance before the first line, a decimal string.
        closing: the balance after the last.
        lines: what the bank booked, in its order.
    """

    account: str
    currency: str
    sequence: int
    opened_on: date
    closed_on: date
    opening: str
    closing: str
    lines: tuple[BankFileLine, ...]


def plain_amount(text: str) -> str:
    """Return digits with a point without the zeros that say nothing: 0010.500 -> 10.5."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
