"""The journal's arithmetic in memory: floors, all or nothing, and an exact way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.accounts import CHART, Account
from mfm.core.errors import Refused
from mfm.core.journal import Ledger, check
from mfm.core.money import MAX_MINOR
from mfm.core.record import Posting


def account(code: str, subject: str = "", fund: str = "f", currency: str = "USD") -> Account:
    return Account(fund, CHART[code].book, code, currency, subject)


def post(debit: str, credit: str, amount: int, fund: str = "f") -> Posting:
    return Posting(account(debit, fund=fund), account(credit, fund=fund), amount)


def ledger(*codes: str) -> Ledger:
    made = Ledger()
    for code in codes:
        made.open(account(code), floored=CHART[code].floor)
    return made


def state(of: Ledger) -> dict[Account, tuple[int, int, int, int]]:
    return {
        name: (b.number, b.debit_minor, b.credit_minor, b.version)
        for name, b in of.balances.items()
    }


def test_a_posting_moves_both_sides_and_tells_what_it_left() -> None:
    books = ledger("1100", "4500")
    assert books.apply([post("1100", "4500", 5), post("1100", "4500", 2)]) == [
        (1, 2, 5, 1, 1, 5, -5),
        (1, 2, 2, 2, 2, 7, -7),
    ]
    assert books.balances[account("1100")].balance_minor == 7
    assert books.balances[account("4500")].balance_minor == 7


def test_a_floor_holds_to_the_unit() -> None:
    books = ledger("1100", "4500", "5700")
    books.apply([post("1100", "4500", 100)])
    books.apply([post("5700", "1100", 100)])
    with pytest.raises(Refused) as raised:
        books.apply([post("5700", "1100", 1)])
    assert raised.value.code == "balance-floor"
    assert "0.00 USD; 0.01 is asked" in raised.value.detail


def test_a_floor_holds_at_every_step_not_only_at_the_end() -> None:
    books = ledger("1100", "4500", "5700")
    with pytest.raises(Refused, match="balance-floor"):
        books.apply([post("5700", "1100", 1), post("1100", "4500", 1)])
    assert all(b.version == 0 for b in books.balances.values())


def test_credit_accounts_have_their_floor_on_their_own_side() -> None:
    books = ledger("9300", "9310")
    with pytest.raises(Refused, match="balance-floor"):
        books.apply([post("9300", "9310", 1)])


def test_the_counters_do_not_overflow() -> None:
    books = ledger("1100", "4500")
    books.apply([post("1100", "4500", MAX_MINOR)])
    with pytest.raises(Refused, match="balance-overflow"):
        books.apply([post("1100", "4500", 1)])
    assert books.balances[account("1100")].debit_minor == MAX_MINOR


def test_all_or_nothing() -> None:
    books = ledger("1100", "4500", "5700")
    before = state(books)
    with pytest.raises(Refused):
        books.apply([post("1100", "4500", 5), post("5700", "1100", 6)])
    assert state(books) == before


def test_back_takes_accounts_away_that_were_opened_since() -> None:
    books = ledger("1100", "4500")
    books.settle()
    mark, before = books.mark(), state(books)
    books.open(account("5700"), floored=False)
    books.apply([post("1100", "4500", 5), post("5700", "1100", 5)])
    books.back(mark)
    assert state(books) == before
    assert books.count == 2
    assert books.settle() == []
    assert books.open(account("5900"), floored=False).number == 3


codes = st.sampled_from(["1100", "4500", "5700", "2500", "3100"])
moves = st.tuples(codes, codes, st.integers(1, 20)).filter(lambda m: m[0] != m[1])


@given(st.lists(st.lists(moves, min_size=1, max_size=4), max_size=12), st.data())
def test_the_way_back_is_exact_from_anywhere(
    records: list[list[tuple[str, str, int]]], data: st.DataObject
) -> None:
    books = ledger("1100", "4500", "5700", "2500", "3100")
    books.settle()
    states = [(books.mark(), state(books))]
    for record in records:
        try:
            books.apply([post(*move) for move in record])
        except Refused:
            assert state(books) == states[-1][1]
        else:
            states.append((books.mark(), state(books)))
        total = sum(b.debit_minor - b.credit_minor for b in books.balances.values())
        assert total == 0
        assert all(b.balance_minor >= 0 for b in books.balances.values() if b.floored)
    mark, before = data.draw(st.sampled_from(states))
    books.back(mark)
    assert state(books) == before


def test_check_lets_a_sound_record_pass() -> None:
    check([post("1100", "4500", 5), post("9399", "9300", 5)])
    check([post("5700", "1100", 5), post("9300", "9340", 5)])
    check([post("1100", "2900", 5)])
    check([post("9310", "9320", 5), post("5300", "2300", 5)])


@pytest.mark.parametrize(
    ("postings", "code"),
    [
        ([Posting(account("1100"), account("4500", fund="g"), 1)], "posting-mixed"),
        ([Posting(account("1100"), account("4500", currency="EUR"), 1)], "posting-mixed"),
        ([Posting(account("1100"), account("9300"), 1)], "posting-mixed"),
        ([Posting(account("1100"), account("1100"), 1)], "posting-mixed"),
        ([Posting(account("9100"), account("9300"), 1)], "posting-mixed"),
        ([post("1100", "4500", 1)], "cash-without-authority"),
        ([post("9399", "9300", 1)], "cash-without-authority"),
        ([post("1100", "4500", 2), post("9399", "9300", 1)], "cash-without-authority"),
        # one fund's cash does not back another's authority
        ([post("1100", "4500", 1), post("9399", "9300", 1, fund="g")], "cash-without-authority"),
    ],
)
def test_check_refuses_what_no_record_may_hold(postings: list[Posting], code: str) -> None:
    with pytest.raises(Refused) as raised:
        check(postings)
    assert raised.value.code == code


def test_an_account_of_another_subject_is_another_account() -> None:
    books = Ledger()
    a, b = account("9300", "a"), account("9300", "b")
    control = account("9399")
    for name in (a, b, control):
        books.open(name, floored=True)
    books.apply([Posting(control, a, 10)])
    with pytest.raises(Refused, match="balance-floor"):
        books.apply([Posting(b, control, 1)])
