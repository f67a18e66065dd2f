"""Verification, the money: every posting's own rules, and the balances it leaves, counted anew."""

from collections import defaultdict
from datetime import date

from mfm.core.accounts import ADDED, CHART, Account, has_floor, line_of, same_group
from mfm.core.funds import Fund
from mfm.core.verify_form import Differs, Side, Told

LARGEST = 2**63 - 1
_CASH = ("1100", "1110", "1190")
_FOREIGN = {"1100", "1190"}
_BACKED_BY_CASH = ("9300", "9310", "9320", "9330", "2400", "2500", "2900")

Row = tuple[int, int, int, int, int, int, int, int, date, str, int]
"""A posting as its table must hold it: (line, debit account, credit account, amount, debit version,
credit version, debit balance, credit balance, effective day, IATI type, IATI sign)."""


class Tally:
    """One account, counted.

    Attributes:
        number: its place among all accounts, in the order in which postings first named them.
        account: which.
        side: +1 where a debit increases it.
        floored: whether it may never fall below zero.
        debit_minor: all debits.
        credit_minor: all credits.
        version: how many postings.
    """

    __slots__ = ("account", "credit_minor", "debit_minor", "floored", "number", "side", "version")

    def __init__(self, number: int, account: Account, *, floored: bool) -> None:
        """Start at nothing."""
        self.number = number
        self.account = account
        self.side = line_of(account.code).side
        self.floored = floored
        self.debit_minor = 0
        self.credit_minor = 0
        self.version = 0

    @property
    def net_minor(self) -> int:
        """Debits less credits."""
        return self.debit_minor - self.credit_minor


class Accounts:
    """All accounts, counted posting by posting."""

    def __init__(self, funds: dict[str, Fund]) -> None:
        """Start with no account.

        Args:
            funds: the funds as they stand, kept up to date by whoever feeds this.
        """
        self.tallies: dict[Account, Tally] = {}
        self.postings = 0
        self.cash_flow: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._funds = funds

    def net(self, account: Account) -> int:
        """Return an account's debits less credits; 0 for one that has had no posting."""
        tally = self.tallies.get(account)
        return tally.net_minor if tally else 0

    def post(self, told: Told) -> list[Row]:
        """Count a record's postings; return them as their table must hold them.

        Raises:
            Differs: `posting-mixed`, `posting-period`, `posting-currency`, `balance-floor`,
                `balance-overflow`, `invariant-3`.
        """
        uncovered: defaultdict[str, int] = defaultdict(int)
        rows = []
        for line, side in enumerate(told.postings):
            fund = self._fund(side, told)
            debit, credit = self._tally(side.debit, fund), self._tally(side.credit, fund)
            rows.append(_move(debit, credit, side, (line, told)))
            self._flow(side)
            if not fund.reported:
                uncovered[fund.id] += side.amount_minor * _weight(side)
        self.postings += len(rows)
        for name, minor in uncovered.items():
            if minor:
                detail = f"Fund {name}'s cash and what it backs differ by {minor} after it."
                raise Differs("invariant-3", told.seq, detail)
        return rows

    def _fund(self, side: Side, told: Told) -> Fund:
        """Return the fund of a posting that may stand in its books."""
        debit, credit = side.debit, side.credit
        fund = self._funds.get(debit.fund)
        if debit[:2] != credit[:2] or debit.currency != credit.currency or debit == credit:
            raise Differs("posting-mixed", told.seq, f"{debit} faces {credit}.")
        if not _in_chart(debit) or not _in_chart(credit) or fund is None:
            raise Differs("posting-mixed", told.seq, f"{debit} or {credit} cannot be an account.")
        if not same_group(debit.code, credit.code):
            detail = f"{debit.code} and {credit.code} are of different memo groups."
            raise Differs("posting-mixed", told.seq, detail)
        if fund.reported:
            return fund
        foreign = {debit.code, credit.code} == _FOREIGN
        if debit.currency != fund.currency and not foreign:
            detail = f"Fund {fund.id} is kept in {fund.currency}, not {debit.currency}."
            raise Differs("posting-currency", told.seq, detail)
        day = told.effective_on
        if day < fund.open_from or (fund.open_until is not None and day > fund.open_until):
            raise Differs("posting-period", told.seq, f"Fund {fund.id} was not open on {day}.")
        return fund

    def _tally(self, account: Account, fund: Fund) -> Tally:
        tally = self.tallies.get(account)
        if tally is None:
            floored = not fund.reported and has_floor(account.code)
            tally = Tally(len(self.tallies) + 1, account, floored=floored)
            self.tallies[account] = tally
        return tally

    def _flow(self, side: Side) -> None:
        into, out_of = side.debit.code in _CASH, side.credit.code in _CASH
        if into != out_of:
            place = (side.debit.fund, side.debit.currency)
            self.cash_flow[place] += side.amount_minor if into else -side.amount_minor


def _in_chart(account: Account) -> bool:
    added = ADDED.fullmatch(account.code)
    line = CHART.get(added[1] if added else account.code)
    return line is not None and line.book == account.book


def _weight(side: Side) -> int:
    """Return how often a posting's amount is missing between cash and what it backs."""
    both = (*_CASH, *_BACKED_BY_CASH)
    return (side.debit.code in both) - (side.credit.code in both)


def _move(debit: Tally, credit: Tally, side: Side, place: tuple[int, Told]) -> Row:
    """Count one posting, and hold floors and limits after it."""
    line, told = place
    debit.debit_minor += side.amount_minor
    credit.credit_minor += side.amount_minor
    debit.version += 1
    credit.version += 1
    for tally in (debit, credit):
        if tally.floored and tally.side * tally.net_minor < 0:
            detail = f"{tally.account} falls to {tally.side * tally.net_minor}."
            raise Differs("balance-floor", told.seq, detail)
        if tally.debit_minor > LARGEST or tally.credit_minor > LARGEST:
            raise Differs("balance-overflow", told.seq, f"{tally.account} has grown too large.")
    return (
        line,
        debit.number,
        credit.number,
        side.amount_minor,
        debit.version,
        credit.version,
        debit.net_minor,
        credit.net_minor,
        told.effective_on,
        side.iati_type,
        side.iati_sign,
    )
