"""CSV carries exact numbers, and nothing that a spreadsheet would run."""

import csv as reader
from datetime import date

import pytest

from mfm.core.histories import HistoryQuery, Movement, history
from mfm.core.statements import Flow, Scope, statement
from mfm.core.totals import Total
from mfm.formats import csv


def rows_of(text: str) -> list[list[str]]:
    assert text.endswith("\r\n")
    return list(reader.reader(text.splitlines()))


FLOWS = [Flow("1100", "1200", 90_000), Flow("1100", "1500", 321, "3"), Flow("9399", "9300", 90_321)]


def test_sources_and_uses_is_in_the_published_shape() -> None:
    made = statement(Scope("g", "USD", 9, date(2026, 3, 31)), FLOWS)
    rows = rows_of(csv.sources_and_uses(made))
    assert rows[:2] == [["as_shown_on", "2026-03-31"], ["Contributions from Donors", "900.00"]]
    assert ["Refunds from Participating Organizations", "-3.21"] in rows
    assert rows[-1] == ["Total Balance of Funds", "900.00"]
    newest = statement(Scope("g", "USD", 9), FLOWS)
    assert rows_of(csv.sources_and_uses(newest))[0] == ["as_shown_on", "record 9"]


def test_a_trial_balance_names_its_book() -> None:
    rows = rows_of(csv.trial_balance(statement(Scope("g", "USD", 9), FLOWS)))
    assert rows == [
        ["book", "code", "name", "debit", "credit"],
        ["FIN", "1100", "Cash at bank", "903.21", "0.00"],
        ["FIN", "1200", "Contributions receivable", "0.00", "900.00"],
        ["FIN", "1500", "Refunds receivable from partners", "0.00", "3.21"],
        ["BUD", "9300", "Unallocated", "0.00", "903.21"],
        ["BUD", "9399", "Authority control", "903.21", "0.00"],
    ]


def test_a_history_begins_with_its_opening_balance() -> None:
    day = date(2026, 3, 2)
    moves = [Movement(4, 1, "T", day, "entry.post", "main", "4500", "=cmd()", -25, "")]
    query = HistoryQuery(fund="g", code="1100")
    rows = rows_of(csv.history(history(Scope("g", "USD", 9), query, 10, moves)))
    assert rows[1][4] == "opening"
    assert rows[1][-1] == "0.10"
    assert rows[2][:8] == ["4", "1", "T", "2026-03-02", "entry.post", "main", "4500", "'=cmd()"]
    assert rows[2][8:] == ["", "0.00", "0.25", "-0.15"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_of_others_is_a_formula_and_numbers_stay_numbers(start: str) -> None:
    name = f'{start}HYPERLINK("x"),1'
    total = Total(activity=name, iati_type="3", currency="EUR", amount="-5.00", count=2)
    text = csv.totals([total], ("activity", "iati_type", "currency"))
    assert list(reader.reader(text.splitlines(keepends=True)))[1:] == [
        [f"'{name}", "3", "EUR", "-5.00", "2"]
    ]


def test_totals_without_rows_still_say_their_columns() -> None:
    assert rows_of(csv.totals([], ("currency",))) == [["currency", "amount", "count"]]
