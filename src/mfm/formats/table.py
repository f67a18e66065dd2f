"""Tables that people hand in: rows under a header of known columns, every problem with its row."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from msgspec import Struct

from mfm.core.errors import Invalid
from mfm.formats import table_csv, table_xlsx
from mfm.formats.table_cells import Cells, Fault

ROWS_MAX = 20_000
"""The most rows of one file: they are all checked against the books before one is written."""
PROBLEMS_MAX = 1_000
"""More problems than this say nothing new."""
FILE_BYTES_MAX = 256 * 1024 * 1024

_HEAD_BYTES = 1_024
_MAGIC = (b"\xd0\xcf\x11\xe0", b"%PDF", b"{\\rtf", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"<")
"""What the files of others begin with: old Excel, PDF, RTF, archives, pages that call themselves a
spreadsheet."""
_SHEETS = frozenset({".xlsx", ".xlsm", ".xls", ".ods", ".numbers"})
_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_GROUPED = re.compile(r"-?[0-9][0-9.,'\u2019\u00a0\u202f ]*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SERIAL = re.compile(r"[0-9]{4,6}(\.[0-9]+)?")
_LOCAL_DATE = re.compile(r"[0-9]{1,4}[./ -][0-9A-Za-z]{1,9}[./ -][0-9]{1,4}")


class TableProblem(Struct, frozen=True):
    """What is wrong with a row.

    Attributes:
        row: as a spreadsheet numbers it, the header being row 1; 0 for the whole file.
        column: the column's name, or "".
        code: stable, kebab-case.
        detail: one sentence with the facts, and what to do.
    """

    row: int
    column: str
    code: str
    detail: str


class Row(NamedTuple):
    """A row: its number, and its cells by column; empty cells are left out."""

    number: int
    cells: dict[str, str]


class Columns(NamedTuple):
    """The columns that a table may have.

    Attributes:
        names: those that are read; True for those that it must have.
        exported: those that an export has beside them and nobody reads -> what a row may say
            there, None for anything: what no import brings about is a problem, never lost.
    """

    names: Mapping[str, bool]
    exported: Mapping[str, str | None] = {}


class Problems:
    """Problems as they are found, up to a bound.

    Attributes:
        found: what was found.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.found: list[TableProblem] = []

    def add(self, row: int, column: str, code: str, detail: str) -> None:
        """Add a problem, unless there are too many by now."""
        if len(self.found) < PROBLEMS_MAX:
            self.found.append(TableProblem(row, column, code, detail))
        elif len(self.found) == PROBLEMS_MAX:
            detail = f"There are more than {PROBLEMS_MAX} problems; mend these first."
            self.found.append(TableProblem(row, "", "problems-cut", detail))


def read(path: Path, columns: Columns, problems: Problems) -> Iterator[Row]:
    """Read a CSV or XLSX file row by row.

    Args:
        path: the file.
        columns: the columns it may have.
        problems: gets what is wrong with rows; a row with a fault in a cell comes without it.

    Raises:
        Invalid: `file-unreadable`, `file-too-large`, `file-kind`, `file-compressed`,
            `spreadsheet-malformed`, `utf8-invalid`, `xml-entities`: it cannot be read at all.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        detail = f"{path} cannot be read: {error.strerror}."
        raise Invalid("file-unreadable", detail) from error
    if size > FILE_BYTES_MAX:
        raise Invalid("file-too-large", f"A file has at most {FILE_BYTES_MAX} bytes; split it.")
    if head.startswith(b"PK"):
        yield from rows_of(table_xlsx.read(path), columns, problems)
    elif _is_other(path, head):
        detail = "It is neither CSV nor XLSX: save it as one of them."
        raise Invalid("file-kind", detail)
    else:
        names = frozenset({*columns.names, *columns.exported})
        yield from rows_of(table_csv.read(path, names), columns, problems)


def _is_other(path: Path, head: bytes) -> bool:
    """Return whether a file's first bytes, or its name, say that it is no CSV."""
    if head.startswith(table_csv.UTF16):
        return False  # the reader of CSV says what to do
    return path.suffix.lower() in _SHEETS or b"\0" in head or head.startswith(_MAGIC)


def rows_of(source: Iterable[Cells], columns: Columns, problems: Problems) -> Iterator[Row]:
    """Return the rows under a header; what is wrong with header and rows goes to `problems`."""
    names: list[str] | None = None
    count, empty = 0, 0
    for number, texts, faults in source:
        if names is None:
            names = _header(number, texts, columns, problems)
            _tell(number, names, faults, problems)
            continue
        if not any(texts) and not faults:
            empty = empty or number
            continue
        if empty:
            last = number - 1
            where = f"Row {empty} is" if last == empty else f"Rows {empty} to {last} are"
            problems.add(empty, "", "row-empty", f"{where} empty: remove what has no data.")
            empty = 0
        count += 1
        if count > ROWS_MAX:
            detail = f"A file has at most {ROWS_MAX} rows; split it."
            problems.add(number, "", "too-many-rows", detail)
            return
        _tell(number, names, faults, problems)
        if any(texts[len(names) :]) and not any(fault.code == "row-width" for fault in faults):
            detail = f"The row has {len(texts)} cells, the header {len(names)}."
            problems.add(number, "", "row-width", detail)
        row = _row(number, texts, names)
        _hold_exported(row, columns, problems)
        yield row
    if names is None:
        problems.add(1, "", "header-missing", f"The first row names columns: {_listed(columns)}.")


def _listed(columns: Columns) -> str:
    return ", ".join(columns.names)


def _tell(number: int, names: list[str], faults: Iterable[Fault], problems: Problems) -> None:
    for fault in faults:
        column = names[fault.at] if 0 <= fault.at < len(names) else ""
        problems.add(number, column, fault.code, fault.detail)


def _header(number: int, texts: list[str], columns: Columns, problems: Problems) -> list[str]:
    names = [text.strip().lower().replace(" ", "_") for text in texts]
    while names and not names[-1]:
        names.pop()
    for at, name in enumerate(names):
        if not name:
            problems.add(number, "", "column-unnamed", f"Column {at + 1} has no name.")
        elif name not in columns.names and name not in columns.exported:
            detail = f"{name[:60]!r} is none of the columns {_listed(columns)}."
            problems.add(number, name[:60], "column-unknown", detail)
        elif name in names[:at]:
            problems.add(number, name, "column-repeated", f"There are two columns {name}.")
    for name, needed in columns.names.items():
        if needed and name not in names:
            problems.add(number, name, "column-missing", f"There is no column {name}.")
    return names


def _row(number: int, texts: list[str], names: list[str]) -> Row:
    pairs = zip(names, texts, strict=False)
    return Row(number, {name: normalize("NFC", text) for name, text in pairs if name and text})


def _hold_exported(row: Row, columns: Columns, problems: Problems) -> None:
    """Hold that what an export told beside is what an import brings about, and take it off."""
    for name, wanted in columns.exported.items():
        text = row.cells.pop(name, "")
        if text and wanted is not None and text != wanted:
            detail = f"{name} is {text[:60]!r}, which no import brings about: take the row out."
            problems.add(row.number, name, "cell-exported", detail)


def amount_fault(text: str) -> tuple[str, str]:
    """Return code and detail of what is wrong with an amount, ("", "") where nothing is."""
    if _AMOUNT.fullmatch(text):
        return "", ""
    if _GROUPED.fullmatch(text):
        detail = f"{text!r}: write digits and one point, such as 1234.56, and no thousands mark."
        return "decimal-separator", detail
    return "amount-malformed", f"{text[:60]!r} is no amount: write digits and one point."


def date_fault(text: str) -> tuple[str, str]:
    """Return code and detail of what is wrong with a day, ("", "") where nothing is."""
    with suppress(ValueError):
        if _DATE.fullmatch(text):
            date.fromisoformat(text)
            return "", ""
    advice = "write it as 2026-03-31."
    if _SERIAL.fullmatch(text):
        return "date-serial", f"{text} is a spreadsheet's count of days: {advice}"
    if _LOCAL_DATE.fullmatch(text):
        return "date-locale", f"{text!r} can be read in two ways, or is no day: {advice}"
    return "date-malformed", f"{text[:60]!r} is no day: {advice}"
