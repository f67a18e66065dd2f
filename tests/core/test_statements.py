"""The statement is the published one, and ties to the books whatever was posted."""

import csv
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.accounts import CHART, same_group
from mfm.core.errors import Invalid
from mfm.core.histories import HistoryQuery, Movement, history
from mfm.core.statements import OWN_LINES, Flow, Scope, balances, sources_and_uses, statement
from mfm.core.totals import Reported, Total, dimensions, totals

PUBLISHED = Path(__file__).parents[2] / "../shared/data/mptf/pbf_sources_and_uses.csv"
SCOPE = Scope("g", "USD", 26)

PAIRS = [
    (debit, credit)
    for debit in CHART
    for credit in CHART
    if debit != credit and CHART[debit].book == CHART[credit].book and same_group(debit, credit)
]
FLOWS = st.lists(
    st.builds(
        lambda pair, amount, kind: Flow(pair[0], pair[1], amount, kind),
        st.sampled_from(PAIRS),
        st.integers(-(10**12), 10**12),
        st.sampled_from(["", "1", "3", "4"]),
    ),
    max_size=40,
)


def differences(line: dict[str, int]) -> dict[str, int]:
    """By how much each identity of the published statement is missed; our own lines count too."""

    def of(*names: str) -> int:
        return sum(line.get(name, 0) for name in names)

    return {
        "sources": of("Total source of funds")
        - of("Contributions from Donors", "Transfers from other funds", "Other sources")
        - of("Interest and Investment Income (from Fund)")
        - of("Interest (from Participating Organizations)"),
        "transfers": of("Sub-total Transfers")
        - of("Transferred to Participating Organizations", "Transfers to MDTFs"),
        "uses": of("Total use of funds")
        - of("Sub-total Transfers", "Refunds from Participating Organizations", "Other uses")
        - of("Administrative Agent Fee", "Direct Cost", "Bank Charges"),
        "agent": of("Balance with Administrative Agent", "Total use of funds")
        - of("Total source of funds"),
        "expenses": of("PO: Total expenses")
        - of("PO: Expenditure", "PO: Refunds", "PO: Written off and other"),
        "partners": of("PO: Balance", "PO: Total expenses") - of("PO: Transfers"),
        "whole": of("Total Balance of Funds")
        - of("Balance with Administrative Agent", "PO: Balance"),
    }


def published() -> list[dict[str, int]]:
    rows = list(csv.reader(PUBLISHED.read_text("utf-8").splitlines()))[1:]
    return [{row[0]: int(row[column]) for row in rows} for column in (1, 2)]


needs_published = pytest.mark.skipif(
    not PUBLISHED.exists(), reason="the published statements are not on this machine"
)


@needs_published
def test_the_published_statements_hold_our_identities_within_a_unit() -> None:
    for snapshot in published():
        missed = {name: by for name, by in differences(snapshot).items() if abs(by) > 1}
        assert not missed


@needs_published
def test_our_lines_are_the_published_ones_in_their_order() -> None:
    ours = [name for name in sources_and_uses([]) if name not in OWN_LINES]
    assert ours == list(published()[0])


@given(FLOWS)
def test_the_statement_ties_to_the_trial_balance_whatever_was_posted(flows: list[Flow]) -> None:
    lines, held = sources_and_uses(flows), Counter(balances(flows))
    assert not any(differences(lines).values())
    assert lines["Balance with Administrative Agent"] == held["1100"] + held["1110"] + held["1190"]
    assert lines["PO: Balance"] == held["1300"] + held["1500"] + held["2200"]
    # What a year's end closes was still spent.
    spent = Counter(balances(each for each in flows if "3" not in (each.debit[0], each.credit[0])))
    assert lines["PO: Expenditure"] == spent["5100"] + spent["5500"]


@given(FLOWS)
def test_debits_equal_credits_in_both_books(flows: list[Flow]) -> None:
    made = statement(SCOPE, flows)
    for lines in made.trial_balance.values():
        assert sum(cents(each.debit) for each in lines) == sum(cents(each.credit) for each in lines)
        assert all("0.00" in (each.debit, each.credit) for each in lines)
    codes = {code for flow in flows for code in flow[:2]}
    assert {each.code for lines in made.trial_balance.values() for each in lines} == codes


def cents(text: str) -> int:
    return int(text.replace(".", ""))


LINE_OF = [
    (("1100", "1200"), "", "Contributions from Donors", 1),
    (("1100", "2100"), "", "Contributions from Donors", 1),
    (("1100", "4120"), "", "Contributions from Donors", 1),
    (("1110", "4100"), "1", "Contributions from Donors", 1),
    (("4100", "1100"), "1", "Contributions from Donors", -1),
    (("2400", "1100"), "1", "Contributions from Donors", -1),
    (("1100", "4900"), "1", "Contributions from Donors", 1),
    (("1100", "4900"), "", "Other sources", 1),
    (("1100", "1120"), "1", "Transfers from other funds", 1),
    (("1100", "4500"), "", "Interest and Investment Income (from Fund)", 1),
    (("4500", "1100"), "5", "Interest and Investment Income (from Fund)", -1),
    (("1100", "4510"), "", "Interest (from Participating Organizations)", 1),
    (("1100", "2900"), "", "Other sources", 1),
    (("2200", "1100"), "3", "Transferred to Participating Organizations", 1),
    (("1300", "1100"), "3", "Transferred to Participating Organizations", 1),
    (("5100", "1100"), "7", "Transferred to Participating Organizations", 1),
    (("1100", "1500"), "3", "Refunds from Participating Organizations", -1),
    (("1100", "1300"), "3", "Refunds from Participating Organizations", -1),
    (("1100", "2200"), "3", "Transferred to Participating Organizations", -1),
    (("2300", "1100"), "3", "Transfers to MDTFs", 1),
    (("5400", "1100"), "4", "Administrative Agent Fee", 1),
    (("2500", "1110"), "", "Administrative Agent Fee", 1),
    (("1100", "5400"), "4", "Administrative Agent Fee", -1),
    (("5600", "1100"), "4", "Direct Cost", 1),
    (("5700", "1100"), "", "Bank Charges", 1),
    (("1700", "1100"), "8", "Other uses", 1),
    (("5900", "1100"), "", "Other uses", 1),
]


@pytest.mark.parametrize(("pair", "iati_type", "line", "sign"), LINE_OF)
def test_each_flow_of_cash_has_its_line(
    pair: tuple[str, str], iati_type: str, line: str, sign: int
) -> None:
    lines = sources_and_uses([Flow(*pair, 700, iati_type)])
    totals_ = {"Total source of funds", "Sub-total Transfers", "Total use of funds"}
    told = {
        name: amount
        for name, amount in lines.items()
        if amount and name not in totals_ and not name.startswith(("PO", "Balance", "Total B"))
    }
    assert told == {line: sign * 700}


def test_cash_moved_between_cash_accounts_is_no_flow() -> None:
    assert not any(sources_and_uses([Flow("1100", "1110", 700)]).values())


def test_a_payment_taken_back_was_never_transferred() -> None:
    lines = sources_and_uses([Flow("2200", "1100", 700, "3"), Flow("2200", "1100", -700, "3")])
    assert not any(lines.values())


def test_what_partners_wrote_off_is_told_and_leaves_their_balance() -> None:
    lines = sources_and_uses([Flow("1300", "1100", 700), Flow("5950", "1300", 200)])
    assert lines["PO: Written off and other"] == 200
    assert lines["PO: Balance"] == 500


def test_own_lines_are_left_out_where_they_are_zero() -> None:
    plain = statement(SCOPE, [Flow("1100", "1200", 700)])
    assert OWN_LINES.isdisjoint(each.line for each in plain.sources_and_uses)
    other = statement(SCOPE, [Flow("1100", "2900", 700)])
    assert "Other sources" in {each.line for each in other.sources_and_uses}


def test_amounts_have_the_currencys_own_decimals() -> None:
    made = statement(Scope("g", "JOD", 1), [Flow("1100", "1200", 1_234_567)])
    assert made.sources_and_uses[0].amount == "1234.567"
    assert made.trial_balance["FIN"][0].debit == "1234.567"
    assert made.trial_balance["FIN"][0].credit == "0.000"


def movement(seq: int, line: int, amount_minor: int) -> Movement:
    day = date(2026, 3, 2)
    return Movement(seq, line, "t", day, "entry.post", "main", "4500", "", amount_minor, "")


def test_a_history_runs_from_its_opening_to_its_closing_balance() -> None:
    query = HistoryQuery(fund="g", code="1100", limit=3)
    page = history(SCOPE, query, 500, [movement(5, 0, -300), movement(4, 1, 25)])
    assert [(each.seq, each.balance) for each in page.rows] == [(4, "5.25"), (5, "2.25")]
    assert (page.opening, page.closing, page.next) == ("5.00", "2.25", None)
    assert (page.rows[1].debit, page.rows[1].credit) == ("0.00", "3.00")
    full = history(SCOPE, query, 0, [movement(seq, 0, 1) for seq in (7, 8, 9)])
    assert full.next == 9


ROWS = [
    Reported("A-2", "11", "EUR", 100, 1),
    Reported("A-2", "3", "EUR", -50, 1),
    Reported("A-2", "3", "EUR", 0, 2),
    Reported("A-2", "3", "JPY", 7, 1),
    Reported("A-1", "2", "EUR", 0, 0),
]


def test_totals_are_by_what_is_asked_and_always_by_currency() -> None:
    assert totals(ROWS, dimensions("currency,iati_type,activity")) == [
        Total(activity="A-2", iati_type="3", currency="EUR", amount="-0.50", count=3),
        Total(activity="A-2", iati_type="3", currency="JPY", amount="7", count=1),
        Total(activity="A-2", iati_type="11", currency="EUR", amount="1.00", count=1),
    ]
    assert totals(ROWS, dimensions("activity")) == [
        Total(activity="A-2", currency="EUR", amount="0.50", count=4),
        Total(activity="A-2", currency="JPY", amount="7", count=1),
    ]


def test_totals_by_something_else_are_refused() -> None:
    for text in ("donor", "", "activity,,currency"):
        with pytest.raises(Invalid, match="field-invalid"):
            dimensions(text)
