"""Days ahead: what is so is dated at most a month ahead, what is due at most fifty years."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.bank import BankLineTerm, ImportBankStatement
from mfm.core.commitments import SignCommitment
from mfm.core.days import AHEAD, FAR, check_ahead
from mfm.core.errors import Invalid
from mfm.core.money import Money
from mfm.core.pledges import LapsePledge
from mfm.core.rates import RecordRate
from mfm.core.schedules import TrancheTerm
from mfm.core.terms import Command
from tests.core.drafts import usd

TODAY = date(2026, 3, 2)


def signed(on: date) -> Command:
    """A commitment whose second tranche is due on a day."""
    tranches = tuple(TrancheTerm(amount=usd("1.00"), due_on=day) for day in (TODAY, on))
    return SignCommitment(amount=usd("2.00"), tranches=tranches)


def stated(on: date) -> Command:
    """A page of a bank statement with a line booked on a day."""
    zero = Money("0.00", "USD")
    lines = (BankLineTerm(booked_on=on, amount=zero),)
    days = {"opened_on": TODAY, "closed_on": TODAY}
    return ImportBankStatement(
        fund="f", currency="USD", **days, opening=zero, closing=zero, lines=lines
    )


CASES: dict[str, tuple[Callable[[date], Command], timedelta, str]] = {
    "a step": (lambda on: LapsePledge(pledge="p", effective_on=on), AHEAD, "/effective_on"),
    "a rate": (
        lambda on: RecordRate(base="EUR", quote="USD", rated_on=on, rate="1.1", source="ecb"),
        AHEAD,
        "/rated_on",
    ),
    "a line of the bank's": (stated, AHEAD, "/lines/0/booked_on"),
    "an end": (lambda on: SignCommitment(amount=usd("1.00"), ends_on=on), FAR, "/ends_on"),
    "a tranche": (signed, FAR, "/tranches/1/due_on"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@given(st.data())
def test_a_day_is_held_by_what_it_tells(
    case: tuple[Callable[[date], Command], timedelta, str], data: st.DataObject
) -> None:
    make, span, pointer = case
    last = TODAY + span
    on = data.draw(
        st.dates() | st.sampled_from([last - timedelta(1), last, last + timedelta(1), date.max])
    )
    if on <= last:
        check_ahead(make(on), TODAY)
        return
    with pytest.raises(Invalid, match="date-ahead") as raised:
        check_ahead(make(on), TODAY)
    assert raised.value.pointer == pointer
