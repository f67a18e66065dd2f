"""The writer's memory of the journal: a cache, good while the head is the one it wrote last."""

from collections import OrderedDict

from msgspec import Struct

from mfm.core.accounts import Account
from mfm.core.journal import Ledger
from mfm.core.record import Noun
from mfm.store.journal import Head, Stored

_ROWS_KEPT = 100_000
_ACCOUNTS_KEPT = 400_000
"""Past these the memory starts anew; it is a cache."""


class Memory:
    """What the writer remembers while the journal's head is the one it wrote last."""

    def __init__(self, head: Head) -> None:
        """Remember nothing but where the journal stands."""
        self.head = head
        self.ledger = Ledger()
        self.ledger.count = head.accounts
        self.rows: dict[tuple[type[Noun], str], Noun] = {}
        self.chains: dict[str, tuple[int, str]] = {}
        self.keys: OrderedDict[bytes, Stored] = OrderedDict()
        self.sources: dict[str, list[Account]] = {}

    @property
    def full(self) -> bool:
        """Whether it has grown past what is worth keeping."""
        return len(self.rows) > _ROWS_KEPT or len(self.ledger.balances) > _ACCOUNTS_KEPT


class Ahead(Struct, frozen=True):
    """What a job is known to need before it runs.

    Attributes:
        rows: nouns, as (kind, id).
        accounts: accounts that it may move.
        weight: how many records it may make.
    """

    rows: tuple[tuple[type[Noun], str], ...] = ()
    accounts: tuple[Account, ...] = ()
    weight: int = 1


NOTHING = Ahead()
"""For jobs of which nothing is known."""
