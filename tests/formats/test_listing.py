"""Lists as files: what is written comes back, and no cell is a formula."""

import csv
import io
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from mfm.core.commitments import Commitment
from mfm.core.errors import Invalid
from mfm.core.schedules import Tranche
from mfm.formats import listing
from mfm.formats.csv import text_of_cell
from mfm.formats.listing import Column

COLUMNS = (
    Column("text", "text"),
    Column("amount", "money"),
    Column("count", "count"),
    Column("parts", "json"),
)
texts = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=9),
    st.sampled_from(["=1+1", "'=x", "-5", "@SUM(A1)", "+44", "'", "\tx", "{=x}", "http://x.org"]),
)
amounts = st.builds(lambda n: f"{n // 100}.{n % 100:02}", st.integers(0, 10**18))
rows_ = st.lists(
    st.tuples(
        texts,
        st.one_of(amounts, st.just("-0.05")),
        st.integers(0, 10**6).map(str),
        st.just('{"a":[1]}'),
    ),
    max_size=5,
)


def written(form: Any, rows: list[tuple[str, ...]]) -> bytes:  # noqa: ANN401  # a form's name
    sink = io.BytesIO()
    file = listing.listing(form, sink, COLUMNS)
    try:
        file.write(rows[:2])
        file.write(rows[2:])
    finally:
        file.close()
    return sink.getvalue()


@given(rows_)
def test_csv_comes_back(rows: list[tuple[str, ...]]) -> None:
    text = written("csv", rows).decode()
    header, *found = csv.reader(io.StringIO(text, newline=""))
    assert header == ["text", "amount", "count", "parts"]
    assert [(text_of_cell(each[0]), *each[1:]) for each in found] == rows
    assert not any(cell[0].startswith(("=", "+", "-", "@", "\t")) for cell in found)


@given(rows_)
def test_json_lines_come_back(rows: list[tuple[str, ...]]) -> None:
    found = [json.decode(line) for line in written("jsonl", rows).splitlines()]
    assert [(each["text"], each["amount"], str(each["count"])) for each in found] == [
        each[:3] for each in rows
    ]
    assert all(each["parts"] == {"a": [1]} for each in found)


@given(rows_)
def test_a_sheet_comes_back_and_has_no_formula(rows: list[tuple[str, ...]]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(written("xlsx", rows)))
    assert book.active is not None
    header, *found = book.active.iter_rows()
    assert [cell.value for cell in header] == ["text", "amount", "count", "parts"]
    for cells, row in zip(found, rows, strict=True):
        assert all(cell.data_type != "f" and cell.hyperlink is None for cell in cells)
        assert (cells[0].value or "") == row[0]
        amount = cells[1]
        if len(row[1].replace(".", "").lstrip("-")) <= 15:
            assert amount.data_type == "n"
            assert amount.number_format == "0.00"
            assert f"{amount.value:.2f}" == row[1]
        else:
            assert amount.value == row[1]
        assert str(cells[2].value) == row[2]


def test_a_noun_is_a_row() -> None:
    made = Commitment(
        id="w",
        seq=7,
        status="signed",
        kind="grant",
        from_fund="n",
        to_party="group",
        currency="JOD",
        amount_minor=1_500,
        tranches=(Tranche(1, 1_500),),
    )
    cells = dict(
        zip([c.name for c in listing.columns_of(Commitment)], listing.row_of(made), strict=True)
    )
    assert "prev" not in cells
    assert (cells["amount"], cells["currency"], cells["seq"]) == ("1.500", "JOD", "7")
    assert json.decode(cells["tranches"])[0]["amount"] == "1.500"


def test_a_sheet_that_is_full_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SHEET_ROWS_MAX", 2)
    row = ("a", "1.00", "1", "[]")
    with pytest.raises(Invalid, match="export-too-large"):
        written("xlsx", [row] * 3)
