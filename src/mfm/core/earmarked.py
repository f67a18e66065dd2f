"""Which part of a fund's income and uses is earmarked money's: what a year's end closes to 3200."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from mfm.core.accounts import Account
from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.contributions import is_earmarked
from mfm.core.deposits import Deposit
from mfm.core.money import split
from mfm.core.periods import Period

_EARMARKED = "4110"
_BY_AGREEMENT = frozenset({"5100", "5300", "5500", "5700", "5950"})
_BY_DEPOSIT = "5400"
_BY_CONTRIBUTION = frozenset({"4120", "4130"})


class Origins(Struct, frozen=True):
    """The nouns that a year's income and uses are about, each by id.

    Attributes:
        commitments: contributions, transfers and grants.
        allocations: what transfers and grants were signed under.
        deposits: those that were charged a fee.
    """

    commitments: Mapping[str, Commitment]
    allocations: Mapping[str, Allocation]
    deposits: Mapping[str, Deposit]

    def _earmarked(self, contribution: str) -> bool:
        made = self.commitments.get(contribution)
        return made is not None and is_earmarked(made)

    def restricted(self, account: Account, signed_minor: int) -> int:
        """Return how much of a movement is earmarked money's.

        Income is where its contribution is. A use of a transfer or grant is split by the shares
        of its allocation, by largest remainder; the agent's fee follows its deposit, a write-off
        its contribution; all other income and uses are the fund's own.
        """
        if account.code == _EARMARKED:
            return signed_minor
        contribution, made = "", None
        if account.code in _BY_CONTRIBUTION:
            contribution = account.subject
        elif account.code == _BY_DEPOSIT and account.subject in self.deposits:
            contribution = self.deposits[account.subject].commitment
        elif account.code in _BY_AGREEMENT:
            contribution, made = account.subject, self.commitments.get(account.subject)
        if made is not None and made.kind != "contribution":
            return self._shared(made, signed_minor)
        return signed_minor if self._earmarked(contribution) else 0

    def _shared(self, made: Commitment, signed_minor: int) -> int:
        allocation = self.allocations.get(made.allocation)
        shares = allocation.shares if allocation is not None else ()
        weights = [0, 0]
        for share in shares:
            weights[self._earmarked(share.contribution)] += share.amount_minor
        if not any(weights):
            return 0
        part_minor = split(abs(signed_minor), weights)[1]
        return part_minor if signed_minor > 0 else -part_minor


def subjects(accounts: Iterable[Account]) -> tuple[set[str], set[str]]:
    """Return the commitments and the deposits that accounts of income and uses are about."""
    commitments, deposits = set(), set()
    for account in accounts:
        if account.code in _BY_AGREEMENT | _BY_CONTRIBUTION:
            commitments.add(account.subject)
        elif account.code == _BY_DEPOSIT:
            deposits.add(account.subject)
    return commitments, deposits


def unclosed(moved: Mapping[Account, int], closed: Period) -> dict[Account, int]:
    """Return a year's movements without the closing entry of the year before.

    That entry counts from this year's first day, yet what it moved is last year's.

    Args:
        moved: account -> debits less credits since the closed year's end.
        closed: the period that ended that year.
    """
    found = dict(moved)
    for closing in closed.closings:
        account = Account(closed.fund, "FIN", closing.code, closed.currency, "")
        found[account] = found.get(account, 0) + closing.amount_minor
    return found


def restricted(moved: Mapping[Account, int], origins: Origins) -> dict[str, int]:
    """Return by code how much of a year's movements is earmarked money's, in minor units.

    Args:
        moved: account -> debits less credits of the year.
        origins: the nouns that they are about.
    """
    found: defaultdict[str, int] = defaultdict(int)
    for account, signed_minor in moved.items():
        found[account.code] += origins.restricted(account, signed_minor)
    return dict(found)
