"""What a table's readers give: a row's number, its cells as text, and what is wrong with them."""

from typing import NamedTuple

CELL_CHARS_MAX = 32_767
"""As much as a spreadsheet holds in one cell."""
COLUMNS_MAX = 200


class Fault(NamedTuple):
    """What is wrong with a cell: its place in the row from 0 (-1: the whole row), and why."""

    at: int
    code: str
    detail: str


class Cells(NamedTuple):
    """A row as it stands in the file: its number from 1, its cells, what is wrong with them."""

    number: int
    texts: list[str]
    faults: list[Fault]
