"""The writer's memory of the journal: a cache, good while the head is the one it wrote last."""

from collections import OrderedDict
from collections.abc import Collection
from datetime import date
from hashlib import sha256

import asyncpg
from msgspec import Struct

from mfm.core.accounts import Account, has_floor
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.boards import Board
from mfm.core.circumstances import Around
from mfm.core.disbursements import Disbursement
from mfm.core.errors import Invalid
from mfm.core.journal import Ledger
from mfm.core.record import Noun
from mfm.core.standards import Standards
from mfm.store.journal import Head, Stored, accounts_of

_ROWS_KEPT = 100_000
_ACCOUNTS_KEPT = 400_000
"""Past these the memory starts anew; it is a cache."""
_AROUND = frozenset({Attestation, Application, Standards, Board})
"""Kinds that stand around decisions, besides tranches."""
_BLOBS_KEPT, _BLOB_MAX_BYTES = 200, 262_144


class Memory:
    """What the writer remembers while the journal's head is the one it wrote last.

    Attributes:
        head: where the journal stands, with all that was decided.
        ledger: the accounts' balances.
        rows: the nouns' states.
        absent: nouns that were looked for and are not there, unless `rows` has them since.
        chains: each fund's number in its own chain, and that record's leaf (hex).
        keys: what idempotency keys have made.
        sources: each fund's accounts of unallocated authority.
        closed: the states that the unit closed last has set, by kind and id: it may be under way.
        days: the last day on which money moved in a fund, as far as it moved through this memory.
        days_read: funds whose `days` know what moved before, too.
        lists: nouns that are asked for whole again and again, until one of their kind is set.
        blobs: files kept or read of late, by their SHA-256 (hex).
        around: what was found around decisions on a party, by what was asked.
    """

    def __init__(self, head: Head) -> None:
        """Remember nothing but where the journal stands."""
        self.head = head
        self.ledger = Ledger()
        self.ledger.count = head.accounts
        self.rows: dict[tuple[type[Noun], str], Noun] = {}
        self.absent: set[tuple[type[Noun], str]] = set()
        self.chains: dict[str, tuple[int, str]] = {}
        self.keys: OrderedDict[bytes, Stored] = OrderedDict()
        self.sources: dict[str, list[Account]] = {}
        self.closed: dict[str, dict[str, Noun]] = {}
        self.days: dict[str, date] = {}
        self.days_read: set[str] = set()
        self.lists: dict[type[Noun], list[Noun]] = {}
        self.blobs: OrderedDict[str, bytes] = OrderedDict()
        self.around: dict[str, dict[tuple[object, ...], Around]] = {}

    @property
    def full(self) -> bool:
        """Whether it has grown past what is worth keeping."""
        return (
            len(self.rows) + len(self.absent) > _ROWS_KEPT
            or len(self.ledger.balances) > _ACCOUNTS_KEPT
        )

    def set(self, row: Noun) -> None:
        """Remember a noun's new state, and forget what was found without it."""
        kind, key = type(row), (type(row), row.id)
        before = self.rows.get(key)
        if isinstance(row, Disbursement):
            # Only what is paid and to be reported on is looked for, among tranches.
            told = before.report_by if isinstance(before, Disbursement) else row.prev
            if told or row.report_by:
                self.around.pop(row.to_party, None)
        elif kind in _AROUND:
            self.around.clear()
        self.rows[key] = row
        self.lists.pop(kind, None)

    def open(self, accounts: list[Account], reported: Collection[str]) -> None:
        """Open those of the accounts that are new to the journal; in reported books unfloored."""
        for account in accounts:
            if account not in self.ledger.balances:
                floored = account.fund not in reported and has_floor(account.code)
                self.ledger.open(account, floored=floored)
                if account.code == "9300" and account.fund in self.sources:
                    self.sources[account.fund].append(account)

    def keep(self, content: bytes) -> str:
        """Remember a file, which may be asked for before it is written; return its SHA-256."""
        name = sha256(content).hexdigest()
        if len(content) <= _BLOB_MAX_BYTES:
            self.blobs[name] = content
        while len(self.blobs) > _BLOBS_KEPT:
            self.blobs.popitem(last=False)
        return name


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


async def check_banks(
    connection: asyncpg.Connection, mechanism_id: int, memory: Memory, accounts: list[Account]
) -> None:
    """Hold that a bank account that is new is not one of its fund's in another currency.

    Raises:
        Invalid: `bank-account-currency`.
    """
    for new in accounts:
        if new.code != "1100" or not new.subject or new in memory.ledger.balances:
            continue
        told = await accounts_of(connection, mechanism_id, new.fund, "1100")
        for other in (*told, *memory.ledger.balances):
            same = (other.fund, other.code, other.subject) == (new.fund, "1100", new.subject)
            if same and other.currency != new.currency:
                detail = f"Bank account {new.subject} of {new.fund} is in {other.currency}."
                raise Invalid("bank-account-currency", detail, "/bank_account")
