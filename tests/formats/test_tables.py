"""Tables as people hand them in: what is fine comes through, what is not is told by row."""

import csv
import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unicodedata import normalize

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.commitments import SignCommitment
from mfm.core.deposits import ReceiveDeposit
from mfm.core.errors import Invalid
from mfm.core.parties import RegisterParty
from mfm.formats import table
from mfm.formats.csv import text_cell, text_of_cell
from mfm.formats.table import Columns, Problems, Row
from mfm.formats.table_cells import Cells
from mfm.formats.table_rows import columns_of, command_of

COLUMNS = Columns({"id": False, "amount": True, "day": False, "name": False})


def read(path: Path, columns: Columns = COLUMNS) -> tuple[list[Row], list[tuple[int, str, str]]]:
    problems = Problems()
    rows = list(table.read(path, columns, problems))
    return rows, [(each.row, each.column, each.code) for each in problems.found]


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# CSV ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_every_kind_is_read(tmp_path: Path, delimiter: str, bom: bytes, end: str) -> None:
    lines = [["id", "Amount", "name"], ["a", "1.50", '"Zoë, ""and;\tco"""'], ["", "2", ""]]
    text = end.join(delimiter.join(line) for line in lines) + end * 3
    rows, problems = read(written(tmp_path / "t.csv", bom + text.encode()))
    assert problems == []
    assert rows == [
        Row(2, {"id": "a", "amount": "1.50", "name": 'Zoë, "and;\tco"'}),
        Row(3, {"amount": "2"}),
    ]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("id,colour\na,red\n", [(1, "colour", "column-unknown"), (1, "amount", "column-missing")]),
        ("id,id,amount\n", [(1, "id", "column-repeated")]),
        ("id,,amount\n", [(1, "", "column-unnamed")]),
        ("", [(1, "", "header-missing")]),
        ("amount\n1\n\n\n2\n", [(3, "", "row-empty")]),
        ("amount,id\n1,a,b,c\n", [(2, "", "row-width")]),
        (b"amount,name\n1,\xe9t\xe9\n2,ok\n3,\xff\n", [(2, "", "encoding"), (4, "", "encoding")]),
        ('amount,name\n1,"open\n2,b\n', [(2, "", "csv-malformed")]),
        ('amount,name\n1,"a"b\n', [(2, "", "csv-malformed")]),
        ("amount\n" + "9" * 40_000, [(2, "amount", "cell-too-long")]),
        (b"amount\n" + b"9" * 2**21, [(2, "", "line-too-long")]),
        ("amount\n" + "1," * 300 + "1", [(2, "", "row-width")]),
    ],
)
def test_what_is_wrong_with_csv_is_told(
    tmp_path: Path, content: bytes | str, problems: list[tuple[int, str, str]]
) -> None:
    assert read(written(tmp_path / "t.csv", content))[1] == problems


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("id\na\n".encode("utf-16"), "utf8-invalid"),
        (b"\xd0\xcf\x11\xe0old excel", "file-kind"),
        (b"\x1f\x8bgzip", "file-kind"),
        (b"PK\x03\x04nothing", "spreadsheet-malformed"),
        (b"<html><table>", "file-kind"),
        (b"id\0a", "file-kind"),
    ],
)
def test_a_file_of_another_kind_is_refused_whole(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as fault:
        read(written(tmp_path / "t.csv", content))
    assert fault.value.code == code


def test_a_file_that_only_calls_itself_a_workbook_is_none(tmp_path: Path) -> None:
    for name in ("t.xlsx", "t.XLS", "t.ods"):
        with pytest.raises(Invalid, match="file-kind"):
            read(written(tmp_path / name, "id,name\na,A\n"))


def test_a_missing_or_huge_file_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match="file-unreadable"):
        read(tmp_path / "none.csv")
    path = written(tmp_path / "t.csv", "amount\n1\n")
    monkeypatch.setattr(table, "FILE_BYTES_MAX", 4)
    with pytest.raises(Invalid, match="file-too-large"):
        read(path)


def test_rows_and_problems_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write("amount\n")
        file.writelines("1\n" for _ in range(1_000_000))
    rows, problems = read(path)
    assert len(rows) == table.ROWS_MAX
    assert problems == [(table.ROWS_MAX + 2, "", "too-many-rows")]
    wrong = written(path, "amount\n" + "1,2\n" * (table.PROBLEMS_MAX + 50))
    found = read(wrong)[1]
    assert len(found) == table.PROBLEMS_MAX + 1
    assert found[-1][2] == "problems-cut"


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)


@given(st.lists(texts, min_size=1, max_size=4), st.sampled_from(",;\t"))
def test_a_guarded_cell_comes_back(cells: list[str], delimiter: str) -> None:
    cells = [cell.strip() for cell in cells]
    for cell in cells:
        assert not text_cell(cell).startswith(("=", "+", "-", "@"))
        assert text_of_cell(text_cell(cell)) == cell
    # By the standard library's writer, read by ours.
    text = io.StringIO(newline="")
    names = [f"c{at}" for at in range(len(cells))]
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow([*names, "end"])
    writer.writerow([*map(text_cell, cells), "."])
    columns = Columns(dict.fromkeys([*names, "end"], False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", lambda *_: io.BytesIO(text.getvalue().encode()))
        source = list(table.table_csv.read(Path("t"), frozenset(columns.names)))
    problems = Problems()
    rows = list(table.rows_of(source, columns, problems))
    assert problems.found == []
    told = {n: normalize("NFC", c) for n, c in zip(names, cells, strict=True) if c}
    assert rows == [Row(2, told | {"end": "."})]


# XLSX ---------------------------------------------------------------------------------------------


def book(path: Path, rows: list[list[Any]], *merged: str) -> Path:
    made = openpyxl.Workbook()
    assert made.active is not None
    for row in rows:
        made.active.append(row)
    for span in merged:
        made.active.merge_cells(span)
    made.save(path)
    return path


def test_a_sheet_is_read_as_it_was_typed(tmp_path: Path) -> None:
    rows, problems = read(
        book(
            tmp_path / "t.xlsx",
            [
                ["ID", "amount", "day", "name"],
                ["a", 1234.56, date(2026, 3, 2), "'=not a formula"],
                [7, 1_000_000, datetime(2026, 3, 2), True],  # noqa: DTZ001  # as a sheet has it
                ["b", "0.10", "2026-03-02", None],
                ["c", Decimal("99999999999999.9"), None, "  x "],
                [None, None, None, None],
            ],
        )
    )
    assert problems == []
    assert [row.cells for row in rows] == [
        {"id": "a", "amount": "1234.56", "day": "2026-03-02", "name": "=not a formula"},
        {"id": "7", "amount": "1000000", "day": "2026-03-02", "name": "True"},
        {"id": "b", "amount": "0.10", "day": "2026-03-02"},
        {"id": "c", "amount": "99999999999999.9", "name": "x"},
    ]


@pytest.mark.parametrize(
    ("rows", "merged", "problems"),
    [
        ([[1], [2]], ["A2:B3"], [(2, "", "cells-merged")]),
        ([["=1+1"]], [], [(2, "amount", "formula")]),
        ([["#DIV/0!"]], [], [(2, "amount", "cell-error")]),
        ([[1], [None], [None], [2]], [], [(3, "", "row-empty")]),
        ([[123456789012345678]], [], [(2, "amount", "number-inexact")]),
        ([[datetime(2026, 3, 2, 4)]], [], [(2, "amount", "date-malformed")]),  # noqa: DTZ001  # as above
        ([["x" * 32_767 + "y"[:0]]], [], []),
        ([[1, 2, 3]], [], [(2, "", "row-width")]),
    ],
)
def test_what_is_wrong_with_a_sheet_is_told(
    tmp_path: Path, rows: list[list[Any]], merged: list[str], problems: list[tuple[int, str, str]]
) -> None:
    assert read(book(tmp_path / "t.xlsx", [["amount"], *rows], *merged))[1] == problems


def test_a_workbook_of_several_sheets_is_refused_whole(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    made.create_sheet("Other")
    made.save(tmp_path / "t.xlsx")
    with pytest.raises(Invalid, match=r"sheets-several.*'Sheet', 'Other'"):
        read(tmp_path / "t.xlsx")


def sheet(tmp_path: Path, part: str, content: bytes) -> Path:
    """A sound workbook but for one part."""
    sound, path = book(tmp_path / "sound.xlsx", [["amount"], [1]]), tmp_path / "t.xlsx"
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.namelist():
            new.writestr(each, content if each == part else old.read(each))
    return path


BOMB = b"""<!DOCTYPE worksheet [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c></row></sheetData>
</worksheet>"""
FAR = b"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>amount</t></is></c></row>
<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>"""


@pytest.mark.parametrize(
    ("part", "content", "code"),
    [
        ("xl/worksheets/sheet1.xml", BOMB, "xml-entities"),
        ("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row></sheetData>", "malformed"),
        ("xl/workbook.xml", BOMB, "xml-entities"),
        ("xl/workbook.xml", b"<workbook/>", "sheets-several"),
        ("docProps/app.xml", b" " * (33 * 2**20), "file-too-large"),  # packs to 32 KB
    ],
)
def test_a_hostile_workbook_is_refused_whole(
    tmp_path: Path, part: str, content: bytes, code: str
) -> None:
    path = sheet(tmp_path, part, content)
    assert path.stat().st_size < 2**18
    with pytest.raises(Invalid, match=code):
        read(path)


def test_a_cell_far_away_is_a_row_like_any_other(tmp_path: Path) -> None:
    rows, problems = read(sheet(tmp_path, "xl/worksheets/sheet1.xml", FAR))
    assert rows == [Row(1_048_576, {})]
    assert [each[2] for each in problems] == ["row-empty", "row-width"]


def test_a_million_rows_are_refused_and_never_held(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    made = xlsxwriter.Workbook(path, {"constant_memory": True})
    page = made.add_worksheet()
    page.write_string(0, 0, "amount")
    for at in range(1, 1_000_001):
        page.write_number(at, 0, at)
    made.close()
    rows, problems = read(path)
    assert len(rows) == table.ROWS_MAX
    assert problems == [(table.ROWS_MAX + 2, "", "too-many-rows")]


# Values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1234.56", ""),
        ("-5", ""),
        ("1.234,56", "decimal-separator"),
        ("1,234.56", "decimal-separator"),
        ("1 234.56", "decimal-separator"),
        ("1\u202f234,56", "decimal-separator"),
        ("12,5", "decimal-separator"),
        ("1e5", "amount-malformed"),
        ("USD 5", "amount-malformed"),
        ("NaN", "amount-malformed"),
        (".5", "amount-malformed"),
        ("\u0661\u0662", "amount-malformed"),
    ],
)
def test_amounts_have_digits_and_a_point(text: str, code: str) -> None:
    assert table.amount_fault(text)[0] == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-03-31", ""),
        ("46112", "date-serial"),
        ("46112.5", "date-serial"),
        ("20260331", "date-malformed"),
        ("31/03/2026", "date-locale"),
        ("3.4.26", "date-locale"),
        ("31 March 2026", "date-locale"),
        ("2026-3-1", "date-locale"),
        ("2026-02-30", "date-locale"),
        ("soon", "date-malformed"),
        ("2026-W10-1", "date-locale"),
    ],
)
def test_days_are_written_one_way(text: str, code: str) -> None:
    assert table.date_fault(text)[0] == code


# Commands -----------------------------------------------------------------------------------------


def command(kind_: type[Any], /, **cells: str) -> tuple[Any, list[tuple[str, str]]]:
    problems = Problems()
    made = command_of(Row(2, cells), kind_, problems)
    return made, [(each.column, each.code) for each in problems.found]


def test_a_row_is_a_command() -> None:
    made, problems = command(
        SignCommitment,
        from_fund="g",
        to_party="group",
        amount="64200.00",
        currency="USD",
        allocation="a",
        tranches="42800.00 on 2026-04-01; 21400.00",
        effective_on="2026-03-02",
    )
    assert problems == []
    assert [(each.amount.amount, each.due_on) for each in made.tranches] == [
        ("42800.00", date(2026, 4, 1)),
        ("21400.00", None),
    ]
    assert (made.amount.currency, made.effective_on) == ("USD", date(2026, 3, 2))
    made, problems = command(RegisterParty, name="Group", kind="22")
    assert problems == []
    assert made == RegisterParty(name="Group", kind="22")


@pytest.mark.parametrize(
    ("kind", "cells", "problems"),
    [
        (RegisterParty, {"id": "a"}, [("name", "cell-missing")]),
        (RegisterParty, {"name": "A", "id": "Not An Id"}, [("id", "field-invalid")]),
        (RegisterParty, {"name": "A", "country": "Kenya"}, [("country", "field-invalid")]),
        (
            ReceiveDeposit,
            {"commitment": "c", "amount": "1.234,5", "effective_on": "1/2/26"},
            [
                ("amount", "decimal-separator"),
                ("currency", "cell-missing"),
                ("effective_on", "date-locale"),
            ],
        ),
        (
            ReceiveDeposit,
            {"commitment": "c", "amount": "1", "currency": "USD", "settles": "2"},
            [("settles_currency", "cell-missing")],
        ),
        (
            SignCommitment,
            {"amount": "1", "currency": "USD", "tranches": "1,5 on 2026-01-01"},
            [("tranches", "decimal-separator")],
        ),
        (
            RegisterParty,
            {"name": "A" * 301, "id": "Not An Id", "country": "Kenya", "kind": "7"},
            [(name, "field-invalid") for name in ("id", "name", "kind", "country")],
        ),
        (
            SignCommitment,
            {
                "id": "B!",
                "amount": "1,0",
                "currency": "US",
                "earmark_phase": "begun",
                "earmark_place": "K/E",
                "tranches": "1.00 on 2026-01-01",
                "ends_on": "soon",
            },
            [
                ("id", "field-invalid"),
                ("amount", "decimal-separator"),
                ("currency", "field-invalid"),
                ("earmark_phase", "field-invalid"),
                ("earmark_place", "field-invalid"),
                ("ends_on", "date-malformed"),
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_told_by_column(
    kind: type[Any], cells: dict[str, str], problems: list[tuple[str, str]]
) -> None:
    assert command(kind, **cells) == (None, problems)


def test_tables_have_the_commands_columns() -> None:
    names = columns_of(ReceiveDeposit).names
    assert list(names)[:4] == ["id", "commitment", "amount", "currency"]
    assert [name for name, needed in names.items() if needed] == [
        "commitment",
        "amount",
        "currency",
    ]


def test_a_header_alone_has_no_rows() -> None:
    problems = Problems()
    cells = [Cells(1, ["amount"], [])]
    assert list(table.rows_of(cells, COLUMNS, problems)) == []
    assert problems.found == []
