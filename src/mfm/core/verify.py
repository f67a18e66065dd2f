"""Verification: the journal folded from its records' bytes, by rules written a second time.

Nothing here was used to write the journal but the chart of accounts, the nouns' fields and the
reading of dates and JSON. The arithmetic, the verbs' table and the invariants are their own.
"""

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from mfm.core import verify_invariants
from mfm.core.accounts import Account
from mfm.core.record import Noun
from mfm.core.verify_bank import Bank
from mfm.core.verify_claims import Key, claims
from mfm.core.verify_form import Differs, Told, read
from mfm.core.verify_money import Accounts, Row
from mfm.core.verify_states import States
from mfm.core.verify_verbs import ERASURE, HEADS, REVERSAL, ROTATION, VOUCHER

_FIRST = (0, bytes(32))
# The fields that name larger content kept beside, by its SHA-256 in hex.
_BLOBS = (
    ("reported_activity", "content"),
    ("import", "findings"),
    ("policy", "content"),
    ("policy", "catalogue"),
    ("policy", "cases"),
    ("policy", "simulation"),
    ("decision", "content"),
)


class Folded(Struct, frozen=True, kw_only=True):
    """What the tables must hold of one record.

    Attributes:
        seq: its place.
        leaf: 32 bytes.
        recorded_at: its instant.
        effective_on: the day it counts from.
        accepted: whether it was decided for.
        reverses: the record it takes back, or None.
        verb: what was done.
        actor: the acting party.
        caused_by: 16 bytes, hash of party and idempotency key.
        command: what was asked, without free text.
        commit: field -> salted commitment of the free text kept beside.
        postings: its rows, in order.
        sets: the nouns that it sets.
    """

    seq: int
    leaf: bytes
    recorded_at: datetime
    effective_on: date
    accepted: bool
    reverses: int | None
    verb: str
    actor: str
    caused_by: bytes
    command: dict[str, Any]
    commit: dict[str, str]
    postings: list[Row]
    sets: list[Noun]


class Fold:
    """A journal's state, grown record by record; every record is checked on its way in.

    Attributes:
        seq: the last record's place.
        at: its instant, None before the first.
        chains: fund -> its last number and leaf.
        states: every noun.
        money: every account.
        bank: every bank account, and what statements say of it.
        blobs: SHA-256 of all larger content that records name.
        erased: (record, field) of all free text that records say was erased.
        checks: how many records and comparisons agreed so far.
    """

    def __init__(self, origin: str, taken_back: frozenset[int] = frozenset()) -> None:
        """Start before the first record.

        Args:
            origin: the trail's name.
            taken_back: the records that later ones reverse; what they did is kept until then, and
                a reversal of any other is a difference.
        """
        self.seq = 0
        self.at: datetime | None = None
        self.chains: dict[str, tuple[int, bytes]] = {}
        self.states = States()
        self.money = Accounts(self.states.funds)
        self.bank = Bank()
        self.blobs: set[bytes] = set()
        self.erased: set[tuple[int, str]] = set()
        self.checks = 0
        self._origin = origin
        self._taken_back = taken_back
        self._claimed: defaultdict[Key, int] = defaultdict(int)
        self._key = ""  # the log's verifier key, once a record has named it

    def feed(self, content: bytes) -> Folded:
        """Take the next record in.

        Raises:
            Differs: by what it says itself, or by what it does to what stands.
        """
        told = read(content, self.seq + 1, self._origin)
        if self.at is not None and told.at < self.at:
            raise Differs("record-clock", told.seq, f"It is of {told.at}, before {self.at}.")
        self._link(told)
        rows = self._do(told) if told.accepted else self._heed(told)
        self.seq, self.at = told.seq, told.at
        self.checks += 1
        return Folded(
            seq=told.seq,
            leaf=told.leaf,
            recorded_at=told.at,
            effective_on=told.effective_on,
            accepted=told.accepted,
            reverses=told.reverses or None,
            verb=told.verb,
            actor=told.actor["party"],
            caused_by=told.caused_by,
            command=told.command,
            commit=told.commit,
            postings=rows,
            sets=[state for _, state in told.sets],
        )

    def finish(self) -> None:
        """Hold the invariants over everything fed so far.

        Raises:
            Differs: `invariant-1` to `invariant-11`.
        """
        self.checks += verify_invariants.check(self.money, self.states, self.seq)

    def _link(self, told: Told) -> None:
        for fund, number, leaf in told.chain:
            last = self.chains.get(fund, _FIRST)
            if (number - 1, leaf) != last:
                detail = f"In the chain of {fund} it says {number} after {leaf.hex()}: {last[0]}."
                raise Differs("record-chain", told.seq, detail)
            self.chains[fund] = (number, told.leaf)

    def _do(self, told: Told) -> list[Row]:
        voucher = told.verb == VOUCHER or self._takes_voucher_back(told)
        changes = self.states.apply(told)
        if told.seq in self._taken_back:
            self.states.keep(told, changes)
        rows = self.money.post(told)
        self.bank.take(told, changes)
        touched: set[Key] = {account for side in told.postings for account in side[:2]}
        for before, state in changes:
            touched |= self._claim(before, state)
        if voucher:
            self._claim_voucher(told)
        self._tie(touched, told)
        self._name_blobs(told)
        if told.verb == ERASURE:
            self._erase(told)
        elif told.verb == ROTATION:
            self._rotate(told)
        elif told.verb == HEADS:
            self._hold_heads(told)
        return rows

    def _heed(self, told: Told) -> list[Row]:
        """Take in what policies said of a step that was refused; it moves nothing."""
        self.states.heed(told)
        self._name_blobs(told)
        return []

    def _erase(self, told: Told) -> None:
        """Hold that an erasure names an earlier record, and fields that were not erased before."""
        try:
            seq, fields = int(told.facts["record"]), told.facts["fields"]
            named = {(seq, str(field)) for field in fields}
        except (KeyError, TypeError, ValueError):
            raise Differs("erasure", told.seq, "It does not say what was erased.") from None
        if not named or len(named) != len(fields) or not 0 < seq < told.seq or named & self.erased:
            detail = f"It erases {sorted(fields)} of record {seq}, which cannot be."
            raise Differs("erasure", told.seq, detail)
        self.erased |= named

    def _hold_heads(self, told: Told) -> None:
        """Hold that a record that names the ends of chains names them as they stand."""
        heads = told.facts.get("heads", ())
        named = {head["fund"]: (int(head["number"]), head["leaf"]) for head in heads}
        ends = {fund: (number, leaf.hex()) for fund, (number, leaf) in self.chains.items()}
        wrong = sorted(fund for fund, end in named.items() if ends.get(fund) != end)
        if wrong or not named or len(named) != len(heads):
            raise Differs("chain-heads", told.seq, f"It does not name where {wrong} end.")

    def _rotate(self, told: Told) -> None:
        """Hold that a change of the log's key begins with the key that the last one ended with."""
        old, new = told.facts.get("old"), told.facts.get("new")
        if not old or not new or old == new or (self._key and old != self._key):
            raise Differs(
                "key-rotation", told.seq, f"It changes the log's key from {old} to {new}."
            )
        self._key = new

    def _takes_voucher_back(self, told: Told) -> bool:
        kept = self.states.kept.get(told.reverses) if told.verb == REVERSAL else None
        return kept is not None and kept.verb == VOUCHER

    def _claim(self, before: Noun | None, state: Noun) -> set[Key]:
        """Replace what a noun claimed by what it claims now; return the keys touched."""
        touched: set[Key] = set()
        for row, sign in ((before, -1), (state, 1)):
            for key, minor in claims(row) if row is not None else ():
                self._claimed[key] += sign * minor
                touched.add(key)
        return touched

    def _claim_voucher(self, told: Told) -> None:
        """Let a voucher's own lines claim what they post: no noun stands behind them."""
        for side in told.postings:
            for account, signed in (
                (side.debit, side.amount_minor),
                (side.credit, -side.amount_minor),
            ):
                self._claimed[account] += self.money.tallies[account].side * signed

    def _tie(self, touched: set[Key], told: Told) -> None:
        """Hold that accounts are what the nouns' states and the vouchers say, cash apart.

        A fund's cash is held by invariant 3; which bank account it is at, no noun tells.
        """
        for key in touched:
            held_minor = 0
            if isinstance(key, Account):
                fund = self.states.funds.get(key.fund)
                if key.code == "1100" or (fund is not None and fund.reported):
                    continue
                tally = self.money.tallies.get(key)
                held_minor = tally.side * tally.net_minor if tally else 0
            claimed_minor = self._claimed.get(key, 0)
            if not claimed_minor:
                self._claimed.pop(key, None)
            if claimed_minor != held_minor:
                detail = f"{' '.join(key)} is {held_minor}; the states say {claimed_minor}."
                raise Differs("states-and-accounts", told.seq, detail)

    def _name_blobs(self, told: Told) -> None:
        named = [
            getattr(state, field)
            for kind, state in told.sets
            for owner, field in _BLOBS
            if kind == owner
        ]
        said = told.facts.get("said")  # of a reported transaction, where it is too long
        if isinstance(said, dict):
            named.append(said.get("blob", ""))
        try:
            self.blobs.update(bytes.fromhex(name) for name in named if name)
        except (TypeError, ValueError):
            detail = f"{named} are not the SHA-256 of anything."
            raise Differs("record-form", told.seq, detail) from None
