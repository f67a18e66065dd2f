"""The journal's arithmetic: which postings may stand, and what they do to the balances."""

from collections.abc import Iterable

from mfm.core.accounts import BACKING, CASH, Account, line_of, same_group
from mfm.core.errors import Refused
from mfm.core.money import MAX_MINOR, decimal_text
from mfm.core.record import Posting

_COVERED = CASH | BACKING
"""The accounts of invariant (3)."""


class Balance:
    """The running state of one account, as the last record left it.

    Attributes:
        number: the account's number within the mechanism.
        account: which account.
        side: +1 debit-normal, -1 credit-normal.
        floored: whether its balance may not fall below zero.
        debit_minor: the sum of all debits; only grows.
        credit_minor: the sum of all credits; only grows.
        version: how many postings it has had.
    """

    __slots__ = ("account", "credit_minor", "debit_minor", "floored", "number", "side", "version")

    def __init__(self, number: int, account: Account, *, floored: bool) -> None:
        """Make the state of an account that has had no posting yet."""
        self.number = number
        self.account = account
        self.side = line_of(account.code).side
        self.floored = floored
        self.debit_minor = 0
        self.credit_minor = 0
        self.version = 0

    @property
    def balance_minor(self) -> int:
        """The balance on the account's own side, in minor units."""
        return self.side * (self.debit_minor - self.credit_minor)


Move = tuple[int, int, int, int, int, int, int]
"""A posting with its effect, as its table holds it: (debit number, credit number, amount, debit
version, credit version, debit balance, credit balance); a balance here is debits less credits."""


class Ledger:
    """Balances in memory, changed posting by posting, with an exact way back.

    The writer keeps one while the journal's head is the one it wrote last, and drops it
    otherwise; nothing here reads or writes a database.
    """

    def __init__(self) -> None:
        """Start with no account."""
        self.balances: dict[Account, Balance] = {}
        self.count = 0
        self._undo: list[tuple[Balance, int, int, int]] = []
        self._opened: list[Balance] = []

    def open(self, account: Account, *, floored: bool) -> Balance:
        """Add an account that the journal has not had before, with the next number."""
        self.count += 1
        made = self.balances[account] = Balance(self.count, account, floored=floored)
        self._opened.append(made)
        return made

    def mark(self) -> tuple[int, int]:
        """Return where the ledger stands now, for `back`."""
        return len(self._undo), len(self._opened)

    def back(self, mark: tuple[int, int]) -> None:
        """Undo everything since the mark, exactly."""
        while len(self._undo) > mark[0]:
            balance, debit_minor, credit_minor, version = self._undo.pop()
            balance.debit_minor, balance.credit_minor = debit_minor, credit_minor
            balance.version = version
        while len(self._opened) > mark[1]:
            del self.balances[self._opened.pop().account]
            self.count -= 1

    def settle(self) -> list[Balance]:
        """Forget the way back; return the accounts opened since the last time."""
        opened, self._opened = self._opened, []
        self._undo.clear()
        return opened

    def apply(self, postings: Iterable[Posting]) -> list[Move]:
        """Apply postings one after another; all of them or, on a refusal, none.

        Raises:
            Refused: `balance-floor` when one would fall below zero, `balance-overflow`.
            KeyError: an account is not in `balances`.
        """
        mark = self.mark()
        try:
            return [self._apply(posting) for posting in postings]
        except (Refused, KeyError):
            self.back(mark)
            raise

    def _apply(self, posting: Posting) -> Move:
        amount_minor = posting.amount_minor
        debit, credit = self.balances[posting.debit], self.balances[posting.credit]
        self._undo.append((debit, debit.debit_minor, debit.credit_minor, debit.version))
        self._undo.append((credit, credit.debit_minor, credit.credit_minor, credit.version))
        debit.debit_minor += amount_minor
        credit.credit_minor += amount_minor
        debit.version += 1
        credit.version += 1
        for side in (debit, credit):
            if side.floored and side.balance_minor < 0:
                raise _short(side, amount_minor)
            if side.debit_minor > MAX_MINOR or side.credit_minor > MAX_MINOR:
                detail = f"Account {side.account.code} would hold more than the ledger can count."
                raise Refused("balance-overflow", detail)
        return (
            debit.number,
            credit.number,
            amount_minor,
            debit.version,
            credit.version,
            debit.debit_minor - debit.credit_minor,
            credit.debit_minor - credit.credit_minor,
        )


def _short(balance: Balance, amount_minor: int) -> Refused:
    account = balance.account
    held = decimal_text(balance.balance_minor + amount_minor, account.currency)
    wanted = decimal_text(amount_minor, account.currency)
    kept_for = f" ({account.subject})" if account.subject else ""
    return Refused(
        "balance-floor",
        f"{account.code} {line_of(account.code).name}{kept_for} of fund {account.fund} holds"
        f" {held} {account.currency}; {wanted} is asked.",
    )


def check(postings: Iterable[Posting]) -> None:
    """Hold what every record's postings must hold by themselves, fund by fund.

    One fund, book and currency a posting, and one memo group in BUD (invariants 1 and 2); cash
    moves with the authority and the liabilities it backs (invariant 3).

    Raises:
        Refused: `posting-mixed`, `cash-without-authority`.
    """
    uncovered: dict[tuple[str, str], int] = {}
    for posting in postings:
        debit, credit = posting.debit, posting.credit
        fund, book, debited, currency, _ = debit
        if (fund, book, currency) != (credit[0], credit[1], credit[3]) or debit == credit:
            raise Refused("posting-mixed", f"{debit} and {credit} cannot face each other.")
        credited = credit[2]
        if not same_group(debited, credited):
            detail = f"{debited} and {credited} belong to different memo groups."
            raise Refused("posting-mixed", detail)
        # Cash is debit-positive and what backs it credit-positive, so both add up here.
        if sign := (debited in _COVERED) - (credited in _COVERED):
            key = (fund, currency)
            uncovered[key] = uncovered.get(key, 0) + sign * posting.amount_minor
    for (fund, currency), amount_minor in uncovered.items():
        if amount_minor:
            amount = decimal_text(amount_minor, currency)
            detail = (
                f"In fund {fund} cash would differ from the authority and liabilities it backs by"
                f" {amount} {currency}: add the lines of the other book."
            )
            raise Refused("cash-without-authority", detail)
