"""Bank statements as banks give them: camt.053 (ISO 20022) and CSV or XLSX with known columns."""

from datetime import date
from itertools import pairwise
from pathlib import Path

from msgspec import Struct, structs

from mfm.core.bank import REFERENCE_MAX_CHARS
from mfm.core.errors import Invalid
from mfm.core.money import decimal_text, signed_minor
from mfm.formats import camt, table
from mfm.formats.bank_model import BankFile, BankFileLine, plain_amount
from mfm.formats.table import Columns, Problems, Row

COLUMNS = Columns(
    {
        "booked_on": True,
        "amount": True,
        "currency": True,
        "balance": True,
        "reference": False,
        "text": False,
    }
)
"""Of a statement as a table: `balance` is the bank's, after the line."""
LINES_MAX = table.ROWS_MAX
NARRATIVE_MAX_CHARS = 500

__all__ = ["COLUMNS", "BankFile", "BankFileLine", "read"]


class _Read(Struct, frozen=True):
    """A row of a table that has all it needs."""

    row: int
    booked_on: date
    amount: str
    currency: str
    balance: str
    reference: str
    text: str


def read(path: Path, problems: Problems) -> list[BankFile]:
    """Read a file's statements, all of one account, by their first day.

    Args:
        path: a camt.053 message, or a CSV or XLSX file with the columns of `COLUMNS`.
        problems: gets what is wrong with its lines.

    Raises:
        Invalid: as `table.read` and `camt.read`; `bank-accounts-several`.
    """
    made = camt.read(path, problems) if camt.looks_so(path) else _table(path, problems)
    accounts = sorted({statement.account for statement in made})
    if len(accounts) > 1:
        detail = f"The file has statements of {', '.join(accounts)[:200]}: give each a file."
        raise Invalid("bank-accounts-several", detail)
    lines = sum(len(statement.lines) for statement in made)
    if lines > LINES_MAX:
        detail = f"A file has at most {LINES_MAX} lines; this has {lines}: split it."
        problems.add(0, "", "too-many-rows", detail)
        return []
    sound = sorted(map(_plain, made), key=lambda each: (each.opened_on, each.closed_on))
    if len({each.sequence for each in sound}) < len(sound):  # the bank does not number them
        sound = [structs.replace(each, sequence=at) for at, each in enumerate(sound, 1)]
    return sorted(sound, key=lambda each: (each.opened_on, each.closed_on, each.sequence))


def _plain(statement: BankFile) -> BankFile:
    """Return a statement whose references and texts can be kept."""
    lines = tuple(
        structs.replace(
            line,
            reference=_printable(line.reference)[:REFERENCE_MAX_CHARS],
            text=" ".join(line.text.replace("\0", " ").split())[:NARRATIVE_MAX_CHARS],
        )
        for line in statement.lines
        if line.amount.strip("-0.")  # some banks write notes as lines of nothing
    )
    return structs.replace(statement, lines=lines)


def _printable(text: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text.strip())


def _table(path: Path, problems: Problems) -> list[BankFile]:
    read = [_row(row, problems) for row in table.read(path, COLUMNS, problems)]
    rows = [row for row in read if row is not None]
    if problems.found:
        return []
    if not rows:
        problems.add(1, "", "statement-empty", "The file has no line.")
        return []
    for row in rows:
        if row.currency != rows[0].currency:
            detail = f"A statement is in one currency; this has {rows[0].currency} too."
            problems.add(row.row, "currency", "currency-mixed", detail)
    return [] if problems.found else [_statement(_in_order(rows))]


def _row(row: Row, problems: Problems) -> _Read | None:
    """Return what a row says, or None where something is wrong with it."""
    before = len(problems.found)
    cells = row.cells
    for name, needed in COLUMNS.names.items():
        if needed and name not in cells:
            problems.add(row.number, name, "cell-missing", f"The row has no {name}.")
    code, detail = table.date_fault(cells.get("booked_on", "2000-01-01"))
    if code:
        problems.add(row.number, "booked_on", code, detail)
    for name in ("amount", "balance"):
        code, detail = table.amount_fault(cells.get(name, "0"))
        if not code:
            code, detail = _minor_fault(cells.get(name, "0"), cells.get("currency", "USD"))
        if code:
            problems.add(row.number, name, code, detail)
    if len(problems.found) > before:
        return None
    return _Read(
        row.number,
        date.fromisoformat(cells["booked_on"]),
        plain_amount(cells["amount"]),
        cells["currency"],
        plain_amount(cells["balance"]),
        cells.get("reference", ""),
        cells.get("text", ""),
    )


def _minor_fault(amount: str, currency: str) -> tuple[str, str]:
    try:
        signed_minor(plain_amount(amount), currency)
    except Invalid as invalid:
        return invalid.code, invalid.detail
    return "", ""


def _minors(row: _Read) -> tuple[int, int]:
    return signed_minor(row.amount, row.currency), signed_minor(row.balance, row.currency)


def _in_order(rows: list[_Read]) -> list[_Read]:
    """Return rows from the first to the last: many banks give the newest first."""
    first, last = rows[0].booked_on, rows[-1].booked_on
    if first != last:
        return rows if first < last else rows[::-1]

    def follow(some: list[_Read]) -> int:
        """Count the rows whose balance follows from the one before."""
        minors = [_minors(row) for row in some]
        return sum(after[1] == before[1] + after[0] for before, after in pairwise(minors))

    return rows if follow(rows) >= follow(rows[::-1]) else rows[::-1]


def _statement(rows: list[_Read]) -> BankFile:
    currency = rows[0].currency
    amount_minor, balance_minor = _minors(rows[0])
    days = [row.booked_on for row in rows]
    return BankFile(
        account="",
        currency=currency,
        sequence=0,
        opened_on=min(days),
        closed_on=max(days),
        opening=decimal_text(balance_minor - amount_minor, currency),
        closing=rows[-1].balance,
        lines=tuple(
            BankFileLine(row.row, row.booked_on, row.amount, row.reference, row.text)
            for row in rows
        ),
    )
