"""Lists as files: CSV, JSON Lines and XLSX, row by row, safe to open in a spreadsheet.

Money is an exact decimal with its currency in a column beside. In CSV and XLSX a text is never
taken for a formula; in XLSX money is a number wherever a spreadsheet keeps all its digits.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, get_args

import xlsxwriter
from msgspec import Raw, Struct, inspect, json, structs, to_builtins

from mfm.core.errors import Invalid
from mfm.core.money import decimal_text
from mfm.core.record import Noun
from mfm.formats.csv import text_cell

Form = Literal["csv", "jsonl", "xlsx"]
FORMS: tuple[str, ...] = get_args(Form)
MEDIA: dict[str, str] = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

HIDDEN = frozenset({"prev", "digest", "mask"})
"""Fields that are kept, not told."""
SHEET_ROWS_MAX = 1_048_575
"""A sheet's rows, less the header's."""
_CELL_CHARS_MAX = 32_767
_DIGITS_EXACT = 15
_FIGURES = ("count", "money")

Kind = Literal["text", "count", "money", "json"]


class Column(NamedTuple):
    """A column: its name, and what its cells are; json is for what has parts."""

    name: str
    kind: Kind


class Listing(Protocol):
    """A file that rows are written to; a row has a text for each column, "" for nothing."""

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write some rows."""

    def close(self) -> None:
        """Write what is left."""


# Nouns as rows ------------------------------------------------------------------------------------


def columns_of(noun: type[Noun]) -> tuple[Column, ...]:
    """Return a noun's columns: its fields, `x_minor` as `x`."""
    return tuple(
        Column(field.name.removesuffix("_minor"), _kind(field.name, field.type))
        for field in structs.fields(noun)
        if field.name not in HIDDEN
    )


def _kind(name: str, hint: Any) -> Kind:  # noqa: ANN401  # a field's type
    kind = inspect.type_info(hint)
    if name.endswith("_minor"):
        return "money"
    if isinstance(kind, inspect.VarTupleType | inspect.StructType):
        return "json"
    return "count" if isinstance(kind, inspect.IntType) else "text"


def row_of(noun: Noun) -> tuple[str, ...]:
    """Return a noun as a row."""
    currency = getattr(noun, "currency", "")
    told = _told(noun, currency)
    return tuple(_text(told[name]) for name in told)


def _told(value: Struct, currency: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if name in HIDDEN:
            continue
        if name.endswith("_minor"):
            own = getattr(value, "original_currency", "") if name.startswith("original") else ""
            told[name.removesuffix("_minor")] = decimal_text(field, own or currency)
        else:
            told[name] = _plain(field, currency)
    return told


def _plain(value: Any, currency: str) -> Any:  # noqa: ANN401  # any field's value
    if isinstance(value, Struct):
        return _told(value, currency)
    if isinstance(value, tuple):
        return [_plain(each, currency) for each in value]
    return to_builtins(value)


def _text(value: Any) -> str:  # noqa: ANN401  # as above
    if isinstance(value, dict | list):
        return json.encode(value).decode()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


# Files --------------------------------------------------------------------------------------------


class _Csv:
    def __init__(self, sink: BinaryIO, columns: Sequence[Column]) -> None:
        self.sink, self.columns = sink, columns
        self._put([[column.name for column in columns]])

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write some rows."""
        self._put(
            [
                cell if column.kind in _FIGURES else text_cell(cell)
                for cell, column in zip(row, self.columns, strict=True)
            ]
            for row in rows
        )

    def _put(self, rows: Iterable[Sequence[str]]) -> None:
        text = StringIO(newline="")
        csv.writer(text).writerows(rows)
        self.sink.write(text.getvalue().encode())

    def close(self) -> None:
        """Write what is left: nothing."""


class _JsonLines:
    def __init__(self, sink: BinaryIO, columns: Sequence[Column]) -> None:
        self.sink, self.columns = sink, columns

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write some rows."""
        for row in rows:
            cells = zip(self.columns, row, strict=True)
            told = {column.name: self._value(column, cell) for column, cell in cells}
            self.sink.write(json.encode(told) + b"\n")

    def _value(self, column: Column, cell: str) -> Any:  # noqa: ANN401  # any JSON value
        if column.kind == "json":
            return Raw(cell.encode()) if cell else None
        if column.kind == "count":
            return int(cell) if cell else None
        return cell

    def close(self) -> None:
        """Write what is left: nothing."""


class _Xlsx:
    def __init__(self, sink: BinaryIO, columns: Sequence[Column]) -> None:
        self.columns, self.count = columns, 0
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self.book = xlsxwriter.Workbook(sink, options)
        self.sheet = self.book.add_worksheet()
        self.formats: dict[int, Any] = {}
        for at, column in enumerate(columns):
            self.sheet.write_string(0, at, column.name)

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write some rows.

        Raises:
            Invalid: `export-too-large`.
        """
        for row in rows:
            self.count += 1
            if self.count > SHEET_ROWS_MAX:
                detail = f"A sheet has at most {SHEET_ROWS_MAX} rows: ask for csv or jsonl."
                raise Invalid("export-too-large", detail)
            for at, (cell, column) in enumerate(zip(row, self.columns, strict=True)):
                self._cell(at, cell, column)

    def _cell(self, at: int, cell: str, column: Column) -> None:
        digits = cell.lstrip("-").replace(".", "")
        if column.kind in _FIGURES and digits.isdigit() and len(digits) <= _DIGITS_EXACT:
            places = len(cell.partition(".")[2])
            self.sheet.write_number(self.count, at, Decimal(cell), self._format(places))
        elif cell:
            self.sheet.write_string(self.count, at, cell[:_CELL_CHARS_MAX])

    def _format(self, places: int) -> Any:  # noqa: ANN401  # the library's own
        if places not in self.formats:
            form = "0." + "0" * places if places else "0"
            self.formats[places] = self.book.add_format({"num_format": form})
        return self.formats[places]

    def close(self) -> None:
        """Write the workbook, which is in temporary files until then."""
        self.book.close()


_FORMS: dict[str, Callable[[BinaryIO, Sequence[Column]], Listing]] = {
    "csv": _Csv,
    "jsonl": _JsonLines,
    "xlsx": _Xlsx,
}


def listing(form: Form, sink: BinaryIO, columns: Sequence[Column]) -> Listing:
    """Begin a file.

    Args:
        form: csv, jsonl or xlsx.
        sink: takes the bytes.
        columns: of each row.
    """
    return _FORMS[form](sink, columns)
