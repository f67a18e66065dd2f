"""CSV as people hand it in: with or without a BOM; comma, semicolon or tab; line by line."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mfm.core.errors import Invalid
from mfm.formats.csv import text_of_cell
from mfm.formats.table_cells import CELL_CHARS_MAX, COLUMNS_MAX, Cells, Fault

_LINE_BYTES_MAX = 1024 * 1024
_DELIMITERS = ",;\t"
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _Lines:
    """A file's lines as text.

    Attributes:
        faults: what was wrong with the lines since they were last asked for.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.faults: list[Fault] = []

    def __iter__(self) -> Iterator[str]:
        while line := self.stream.readline(_LINE_BYTES_MAX):
            if len(line) == _LINE_BYTES_MAX and not line.endswith(b"\n"):
                detail = f"A line has at most {_LINE_BYTES_MAX} bytes; is a quotation mark missing?"
                self.faults.append(Fault(-1, "line-too-long", detail))
                return
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                detail = f"Byte {line[error.start]:#04x} is not UTF-8: save the file as UTF-8."
                self.faults.append(Fault(-1, "encoding", detail))
                yield line.decode(errors="replace")

    def take_faults(self) -> list[Fault]:
        """Return what was wrong since the last time."""
        faults, self.faults = self.faults, []
        return faults


def read(path: Path, known: frozenset[str]) -> Iterator[Cells]:
    """Read a CSV file row by row.

    Args:
        path: the file.
        known: the names of columns, by which the delimiter is found out.

    Raises:
        Invalid: `utf8-invalid` for UTF-16.
    """
    with path.open("rb") as stream:
        head = stream.read(_LINE_BYTES_MAX)
        if head.startswith(UTF16):
            raise Invalid("utf8-invalid", "The file is UTF-16: save it as UTF-8.")
        stream.seek(len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0)
        lines = _Lines(stream)
        first = head.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0].decode(errors="replace")
        delimiter = max(_DELIMITERS, key=lambda each: _known_in(first, each, known))
        yield from _rows(lines, delimiter)


def _known_in(header: str, delimiter: str, known: frozenset[str]) -> int:
    names = {name.strip().strip('"').lower().replace(" ", "_") for name in header.split(delimiter)}
    return len(names & known)


def _rows(lines: _Lines, delimiter: str) -> Iterator[Cells]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            if faults := lines.take_faults():
                yield Cells(number, [], faults)
            return
        except csv.Error as error:
            detail = f"The row cannot be read as CSV ({error}): look at its quotation marks."
            yield Cells(number, [], [*lines.take_faults(), Fault(-1, "csv-malformed", detail)])
            return
        yield _cells(number, cells, lines.take_faults())


def _cells(number: int, cells: list[str], faults: list[Fault]) -> Cells:
    if len(cells) > COLUMNS_MAX:
        faults.append(Fault(-1, "row-width", f"A row has at most {COLUMNS_MAX} cells."))
    texts = [text_of_cell(cell.strip()) for cell in cells[:COLUMNS_MAX]]
    for at, text in enumerate(texts):
        if len(text) > CELL_CHARS_MAX:
            detail = f"A cell has at most {CELL_CHARS_MAX} characters."
            faults.append(Fault(at, "cell-too-long", detail))
            texts[at] = ""
    return Cells(number, texts, faults)
