"""The chart of accounts: its lines, its memo groups, and what backs cash."""

import re

import pytest

from mfm.core.accounts import BACKING, CASH, CHART, line, same_group
from mfm.core.errors import Invalid

KINDS = {
    "1": {"asset"},
    "2": {"liability"},
    "3": {"net assets"},
    "4": {"income", "transfer"},
    "5": {"use", "transfer"},
    "9": {"budgetary"},
}


@pytest.mark.parametrize("code", CHART)
def test_each_line_is_of_the_kind_its_first_digit_says(code: str) -> None:
    told = CHART[code]
    assert re.fullmatch(r"[1-59]\d{3}", code)
    assert told.code == code
    assert told.name
    assert told.kind in KINDS[code[0]]
    assert told.book == ("BUD" if code[0] == "9" else "FIN")
    assert told.side in (1, -1)


def test_assets_and_uses_are_debits_but_for_the_allowance() -> None:
    debits = {code for code, told in CHART.items() if told.side == 1 and told.book == "FIN"}
    wanted = {code for code in CHART if code[0] in "15"} - {"1290"}
    assert debits == wanted


def test_memo_groups_cover_bud_and_nothing_else() -> None:
    budgetary = [code for code, told in CHART.items() if told.book == "BUD"]
    for code in budgetary:
        assert same_group(code, code)
        assert not same_group(code, "1100")
        # each memo group can balance: somebody stands on the other side
        assert any(same_group(code, other) and other != code for other in budgetary), code
    assert same_group("1100", "5900")
    assert same_group("9300", "9399")
    assert not same_group("9100", "9300")
    assert not same_group("9100", "9200")


def test_authority_has_a_debit_control_and_floors() -> None:
    assert CHART["9399"].side == 1
    assert all(CHART[code].floor for code in ("9300", "9310", "9320", "9330", "9399"))
    assert not CHART["9340"].floor  # reimbursements and refunds may precede


def test_cash_and_what_it_backs_do_not_overlap_and_are_floored() -> None:
    assert not CASH & BACKING
    # 1190 alone may fall below zero: the currency that it stands in for lost more than it cost.
    assert all(CHART[code].floor for code in CASH - {"1190"} | BACKING)
    assert all(CHART[code].side == 1 for code in CASH)
    assert all(CHART[code].side == -1 for code in BACKING)


def test_vouchers_may_not_touch_what_verbs_keep() -> None:
    kept = {code for code, told in CHART.items() if not told.manual}
    for code in ("1110", "1120", "1200", "1300", "1400", "1500", "2200", "2300", "5100", "9100"):
        assert code in kept
    for code in ("1100", "4500", "5600", "5700", "9300", "9399"):
        assert code not in kept


@pytest.mark.parametrize("code", ["", "110", "11000", "1101", "cash", "9999"])
def test_a_code_outside_the_chart_is_refused(code: str) -> None:
    with pytest.raises(Invalid) as raised:
        line(code, "/lines/0/account")
    assert (raised.value.code, raised.value.pointer) == ("account-unknown", "/lines/0/account")


def test_a_code_of_the_chart_is_found() -> None:
    assert line("1100").name == "Cash at bank"
