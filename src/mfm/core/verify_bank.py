"""Verification, the bank: what a page is matched with did move that money, and only once."""

from collections import defaultdict
from collections.abc import Iterable

from mfm.core.bank import BankStatement
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Told

_CASH = ("1100", "1110")
Place = tuple[str, str]
"""(fund, bank account)"""


class Bank:
    """What every record moved at every bank account, and which statement claims it."""

    def __init__(self) -> None:
        """Start before the first record."""
        self.moved: defaultdict[Place, defaultdict[int, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self.claimed: defaultdict[Place, dict[int, str]] = defaultdict(dict)

    def take(self, told: Told, changes: Iterable[tuple[Noun | None, Noun]]) -> None:
        """Take the next record in.

        Raises:
            Differs: `bank-lines`, `bank-match`.
        """
        for posting in told.postings:
            for side, sign in ((posting.debit, 1), (posting.credit, -1)):
                if side.code in _CASH:
                    place = side.fund, side.subject
                    self.moved[place][told.seq] += sign * posting.amount_minor
        for before, state in changes:
            if isinstance(state, BankStatement):
                self._release(before)
                if state.status != "reversed":
                    self._claim(state, told.seq)

    def _release(self, before: Noun | None) -> None:
        if isinstance(before, BankStatement):
            claimed = self.claimed[before.fund, before.bank_account]
            for each in before.matches:
                claimed.pop(each.record, None)

    def _claim(self, state: BankStatement, seq: int) -> None:
        place = state.fund, state.bank_account
        claimed, moved = self.claimed[place], self.moved[place]
        numbers = [line.number for line in state.lines]
        days = all(state.opened_on <= line.booked_on <= state.closed_on for line in state.lines)
        if numbers != list(range(1, len(numbers) + 1)) or not days:
            raise Differs("bank-lines", seq, f"The lines of {state.id} are not in their order.")
        left: defaultdict[int, int] = defaultdict(int)
        for line in state.lines:
            left[line.match] += line.amount_minor
        left[state.opening_match] += state.opening_minor
        for each in state.matches:
            if each.record in claimed or not moved.get(each.record):
                detail = f"{state.id} is matched with record {each.record}, which is not free."
                raise Differs("bank-match", seq, detail)
            claimed[each.record] = state.id
            left[each.number] -= moved[each.record]
        left.pop(0, None)  # what is not matched
        if any(left.values()):
            detail = f"The lines of {state.id} are not what its records moved."
            raise Differs("bank-match", seq, detail)
        status = "matched" if all(line.match for line in state.lines) else "open"
        if state.status != status:
            raise Differs(
                "bank-match", seq, f"{state.id} is {state.status}; its lines say {status}."
            )
