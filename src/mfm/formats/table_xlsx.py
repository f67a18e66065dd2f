"""XLSX as people hand it in: one sheet, row by row, nothing computed and nothing guessed.

A workbook is a zip archive of XML from a stranger. Sizes are looked at before anything is
unpacked, and no part may declare a document type, before the spreadsheet library reads it.
"""

import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import BadZipFile, ZipFile

import openpyxl

from mfm.core.errors import Invalid
from mfm.formats.csv import text_of_cell
from mfm.formats.iati_xml import elements, root_of
from mfm.formats.table_cells import CELL_CHARS_MAX, COLUMNS_MAX, Cells, Fault

PARTS_MAX = 1_000
SHEET_BYTES_MAX = 512 * 1024 * 1024
"""Of a sheet, unpacked; it is read as a stream."""
PART_BYTES_MAX = 32 * 1024 * 1024
"""Of every other part, unpacked: the library holds these whole."""
MERGES_MAX = 100
_DIGITS_EXACT = 15
"""So many digits of a number does a spreadsheet hold as they were typed."""
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")


def read(path: Path) -> Iterator[Cells]:
    """Read the only sheet of a workbook row by row.

    Raises:
        Invalid: `spreadsheet-malformed`, `file-too-large`, `sheets-several`, `xml-entities` and
            what else is wrong with its XML.
    """
    try:
        with path.open("rb") as stream, ZipFile(stream) as archive:
            _check(archive)
            yield from _read(stream, archive)
    except BadZipFile as error:
        raise Invalid("spreadsheet-malformed", f"It is no sound XLSX file: {error}.") from error


def _check(archive: ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > PARTS_MAX or "xl/workbook.xml" not in archive.namelist():
        detail = "It is no XLSX workbook: save it as one (.xlsx), or as CSV."
        raise Invalid("spreadsheet-malformed", detail)
    for part in parts:
        most = SHEET_BYTES_MAX if _SHEET.fullmatch(part.filename) else PART_BYTES_MAX
        if part.file_size > most:
            detail = f"{part.filename[:60]} unpacks to {part.file_size} bytes; {most} is the most."
            raise Invalid("file-too-large", detail)
        if part.flag_bits & 1:
            raise Invalid("spreadsheet-malformed", "It is encrypted: save it without a password.")
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as stream:
                root_of(cast("BinaryIO", stream))


def _read(stream: BinaryIO, archive: ZipFile) -> Iterator[Cells]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that a table of data does not need
        try:
            book = openpyxl.load_workbook(stream, read_only=True, keep_links=False)
            sheet, part = _sheet(book)
        except Invalid:
            raise
        except Exception as error:  # whatever the library stumbles over
            raise _malformed(error) from error
        try:
            merged = None
            for number, row in enumerate(_rows(sheet), 1):
                if merged is None:
                    merged = _merged(archive, part)
                yield _cells(number, row, merged.pop(number, []))
        finally:
            book.close()


def _sheet(book: Any) -> tuple[Any, str]:  # noqa: ANN401  # the library has no types
    """Return the only sheet that shows, and its part of the archive."""
    sheets = [each for each in book.worksheets if each.sheet_state == "visible"]
    if len(sheets) != 1:
        names = ", ".join(repr(each.title) for each in sheets[:10]) or "none"
        detail = f"A workbook has one sheet here; this has {names}. Save the one that is meant."
        raise Invalid("sheets-several", detail)
    sheets[0].reset_dimensions()  # what it says of its size need not be so
    return sheets[0], sheets[0]._worksheet_path  # noqa: SLF001  # its one way to say where it is


def _rows(sheet: Any) -> Iterator[Any]:  # noqa: ANN401  # the library has no types
    rows = sheet.iter_rows()
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except Exception as error:  # whatever the library stumbles over
            raise _malformed(error) from error
        yield row


def _malformed(error: Exception) -> Invalid:
    told = " ".join(str(error).split())[:200]
    return Invalid("spreadsheet-malformed", f"It cannot be read as a spreadsheet: {told}.")


def _merged(archive: ZipFile, part: str) -> dict[int, list[Fault]]:
    """Return the ranges of merged cells by the row that they begin in."""
    found: dict[int, list[Fault]] = {}
    with archive.open(part.lstrip("/")) as opened:
        stream = cast("BinaryIO", opened)
        _, head = root_of(stream)
        wanted = ("row", "mergeCell"), ("sheetData", "mergeCells")
        for count, element in enumerate(
            each for each in elements(stream, head, *wanted) if each.tag.endswith("mergeCell")
        ):
            if count >= MERGES_MAX:
                break
            span = element.get("ref", "")
            row = re.search(r"[0-9]{1,7}", span)
            detail = f"The cells {span[:30]} are merged: split them, and fill each."
            fault = Fault(-1, "cells-merged", detail)
            found.setdefault(int(row[0]) if row else 1, []).append(fault)
    return found


def _cells(number: int, row: Any, faults: list[Fault]) -> Cells:  # noqa: ANN401  # as above
    texts: list[str] = []
    for at, cell in enumerate(row[:COLUMNS_MAX]):
        code, detail = _fault(cell)
        texts.append("" if code else _text(cell))
        if code:
            faults.append(Fault(at, code, detail))
    while texts and not texts[-1]:
        texts.pop()
    if len(row) > COLUMNS_MAX:
        faults.append(Fault(-1, "row-width", f"A row has at most {COLUMNS_MAX} cells."))
    return Cells(number, texts, faults)


def _fault(cell: Any) -> tuple[str, str]:  # noqa: ANN401  # as above
    """Return code and detail of what is wrong with a cell, ("", "") where nothing is."""
    value, code, detail = cell.value, "", ""
    if cell.data_type == "f":
        code, detail = "formula", f"{str(value)[:40]!r} is a formula: paste its value instead."
    elif cell.data_type == "e":
        code, detail = "cell-error", f"The cell shows the error {value}."
    elif isinstance(value, time) or (isinstance(value, datetime) and value.time() != time()):
        code, detail = "date-malformed", f"{value} is no day: write it as 2026-03-31."
    elif cell.data_type == "n" and value is not None:
        text = _text(cell)
        if len(text.lstrip("-0.").replace(".", "")) > _DIGITS_EXACT or "N" in text:
            detail = f"{value} has more digits than a spreadsheet keeps: write it as text."
            code = "number-inexact"
    elif isinstance(value, str) and len(value) > CELL_CHARS_MAX:
        code, detail = "cell-too-long", f"A cell has at most {CELL_CHARS_MAX} characters."
    return code, detail


def _text(cell: Any) -> str:  # noqa: ANN401  # as above
    """Return a cell's value as it was typed, as far as the file still tells that."""
    value = cell.value
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if cell.data_type == "n" and value is not None:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return "" if value is None else text_of_cell(str(value).strip())
