"""A unit of writing: what a verb sees of the books, and what it leaves to be written together."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import asyncpg

from mfm.core.accounts import Account
from mfm.core.funds import Fund
from mfm.core.journal import Move, check
from mfm.core.merkle import EMPTY, leaf_hash
from mfm.core.record import (
    Draft,
    Noun,
    canonical,
    check_size,
    commitment,
    instant,
    placed,
    plain_posting,
    plain_struct,
)
from mfm.store import journal, marks, nouns
from mfm.store.database import Mechanism
from mfm.store.journal import Batch, Entry, Head, Made, Stored
from mfm.store.memory import Ahead, Memory, check_banks

N = TypeVar("N", bound=Noun)

_KEYS_KEPT = 20_000  # answered keys that are remembered; older ones are looked up


class Unit:
    """Sequential reading and writing on the writer's connection: `flush` writes all, or nothing."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        mechanism: Mechanism,
        memory: Memory,
        now: datetime,
        *,
        strict: bool,
    ) -> None:
        """Begin.

        Args:
            connection: the writer's.
            mechanism: whose journal.
            memory: what is known already; changed as the unit goes.
            now: the clock; records are never dated before the one before them.
            strict: whether to look idempotency keys up in the database before deciding.
        """
        self.connection = connection
        self.mechanism = mechanism
        self.memory = memory
        self.now = max(now, memory.head.recorded_at + timedelta(microseconds=1))
        self.strict = strict
        self._at = instant(self.now)
        self.batch = Batch()
        self._keys: dict[bytes, Stored] = {}
        self._looked_up: set[bytes] = set()
        self._absent: set[Account] = set()
        self._chained: dict[str, tuple[int, str]] = {}
        self._ends: dict[str, int] = {}
        self._head: Head | None = None  # where the journal stood, once the unit has ended
        self._sets = 0

    @property
    def written(self) -> int:
        """How many records the unit has made so far."""
        return len(self.batch.records)

    @property
    def stamp(self) -> tuple[int, ...]:
        """A value that changes whenever the unit or the memory does."""
        return (*self.memory.ledger.mark(), self.written, self._sets)

    @property
    def next_seq(self) -> int:
        """The number of the record that it will make next."""
        return self.memory.head.seq + self.written + 1

    # Reading -------------------------------------------------------------------------------------

    async def find(self, noun: type[N], noun_id: str) -> N | None:
        """Return a noun's current state, or None."""
        row = self.memory.rows.get((noun, noun_id))
        if row is None:
            await self.load(noun, [noun_id])
            row = self.memory.rows.get((noun, noun_id))
        return row  # type: ignore[return-value]  # keyed by its own type

    async def load(self, noun: type[N], ids: Iterable[str]) -> None:
        """Bring several nouns into memory with one query."""
        rows, absent = self.memory.rows, self.memory.absent
        missing = [each for each in ids if (noun, each) not in rows and (noun, each) not in absent]
        if missing:
            number = self.mechanism.id
            for row in await nouns.load(self.connection, number, noun, "id", missing):
                rows[noun, row.id] = row
            absent.update((noun, each) for each in missing if (noun, each) not in rows)

    async def read_ahead(self, wanted: Iterable[Ahead]) -> None:
        """Bring what several jobs will need into memory, with a query a kind."""
        kinds: dict[type[Noun], list[str]] = {}
        accounts: list[Account] = []
        for ahead in wanted:
            accounts += ahead.accounts
            for kind, name in ahead.rows:
                kinds.setdefault(kind, []).append(name)
        for kind, names in kinds.items():
            await self.load(kind, dict.fromkeys(names))
        await self.load_accounts(accounts)

    async def find_by(self, noun: type[N], column: str, value: str) -> N | None:
        """Return the noun, not reversed, that has a unique value in another field, or None."""
        found = await self.find_all(noun, column, [value])
        return next((row for row in found if row.status != "reversed"), None)

    async def find_all(self, noun: type[N], column: str, values: list[str] | list[date]) -> list[N]:
        """Return the nouns that have one of the values in a field, with one query."""
        wanted: set[object] = set(values)
        told = await nouns.load(self.connection, self.mechanism.id, noun, column, values)
        kind, found = nouns.KINDS[noun], {row.id: row for row in told}
        # The batch on its way is not in the database yet, nor is this one.
        for batch in (self.memory.closed, self.batch.nouns):
            found |= batch.get(kind, {})  # type: ignore[arg-type]  # keyed by its own type
        return [row for row in found.values() if getattr(row, column) in wanted]

    async def stored(self, key: bytes) -> Stored | None:
        """Return what an idempotency key has made, of late at least."""
        found = self._keys.get(key) or self.memory.keys.get(key)
        if found is None and self.strict:
            found = (await self.known([key])).get(key)
        return found

    def is_new(self, key: bytes) -> bool:
        """Tell whether an idempotency key is known to have made nothing, of late at least."""
        seen = key in self._keys or key in self.memory.keys
        return not seen and (not self.strict or key in self._looked_up)

    async def known(self, keys: list[bytes], *, sure: bool = False) -> dict[bytes, Stored]:
        """Return what these idempotency keys have made; unless `sure`, of late at least."""
        memory, found = self.memory.keys, {}
        for key in keys:
            if (stored := self._keys.get(key) or memory.get(key)) is not None:
                found[key] = stored
        if (self.strict or sure) and (rest := set(keys) - self._looked_up - found.keys()):
            self._looked_up |= rest
            told = await journal.by_keys(self.connection, self.mechanism.id, list(rest))
            self._keys |= told
            found |= told
        return found

    async def record(self, seq: int) -> bytes | None:
        """Return a written record's bytes, or None."""
        return (await self.records([seq])).get(seq)

    async def records(self, seqs: list[int]) -> dict[int, bytes]:
        """Return the bytes of several written records with one query."""
        return await journal.by_seq(self.connection, self.mechanism.id, seqs)

    async def reversal(self, seq: int) -> int:
        """Return the record that takes `seq` back, or 0."""
        return await journal.reversal_of(self.connection, self.mechanism.id, seq)

    async def texts(self, seq: int) -> dict[str, str]:
        """Return the free text kept beside a record."""
        fresh = {row["field"]: row["value"] for row in self.batch.payloads if row["seq"] == seq}
        if fresh:
            return fresh
        return (await marks.texts(self.connection, self.mechanism.id, [seq])).get(seq, {})

    async def unallocated(self, fund: Fund) -> dict[str, int]:
        """Return a fund's unallocated authority by contribution, in minor units, zeros left out."""
        if fund.id not in self.memory.sources:
            number = self.mechanism.id
            told = await journal.accounts_of(self.connection, number, fund.id, "9300")
            fresh = [a for a in self.memory.ledger.balances if a[0] == fund.id and a[2] == "9300"]
            self.memory.sources[fund.id] = list(dict.fromkeys([*told, *fresh]))
        accounts = self.memory.sources[fund.id]
        await self.load_accounts(accounts)
        balances = self.memory.ledger.balances
        # One that a refused draft would have opened stands in the list, but has no balance.
        held = {a.subject: balances[a].balance_minor for a in accounts if a in balances}
        return {name: amount_minor for name, amount_minor in held.items() if amount_minor}

    async def load_accounts(self, accounts: Iterable[Account]) -> None:
        """Bring accounts into memory with one query; those that are new stay out."""
        balances = self.memory.ledger.balances
        missing = set(accounts).difference(balances, self._absent)
        if missing:
            self._absent |= missing
            told = await journal.balances_of(self.connection, self.mechanism.id, [*missing])
            balances.update((each.account, each) for each in told)

    # Writing -------------------------------------------------------------------------------------

    async def admit(self, draft: Draft) -> list[Move]:
        """Hold a draft against the books and move the money in memory; all of it or nothing.

        Raises:
            Refused: by the journal's rules or a closed period.
        """
        postings = draft.postings
        if not postings:
            return []
        funds = [await self._fund(name, draft) for name in {each.debit[0] for each in postings}]
        self.hold(draft, funds)
        ledger, balances = self.memory.ledger, self.memory.ledger.balances
        mark = ledger.mark()
        if not all(each.debit in balances and each.credit in balances for each in postings):
            wanted = [side for posting in postings for side in (posting.debit, posting.credit)]
            await self.load_accounts(wanted)
            await check_banks(self.connection, self.mechanism.id, self.memory, wanted)
            self.memory.open(wanted, {fund.id for fund in funds if fund.reported})
        try:
            return ledger.apply(postings)
        except Exception:
            ledger.back(mark)
            raise

    async def _fund(self, name: str, draft: Draft) -> Fund:
        for row in draft.sets:  # a record may make the fund that it posts to
            if isinstance(row, Fund) and row.id == name:
                return row
        found = await self.find(Fund, name)
        assert found is not None, name  # accounts are of funds that are there
        return found

    def hold(self, draft: Draft, funds: Sequence[Fund]) -> None:
        """Hold what a draft moves against its day and the journal's rules, balances apart.

        Raises:
            Refused: `period-closed`, and as `core.journal.check`.
        """
        on, days, postings = draft.effective_on, self.memory.days, draft.postings
        for fund in funds:
            fund.check_open(on)
            days[fund.id] = max(days.get(fund.id, on), on)
        if reported := {fund.id for fund in funds if fund.reported}:
            postings = tuple(each for each in postings if each.debit.fund not in reported)
        check(postings)

    async def write(self, entry: Entry, draft: Draft, moves: list[Move]) -> Made:
        """Make the record of an admitted draft.

        Raises:
            Invalid: `record-too-large`; the unit is as it was, but for what `admit` moved.
        """
        funds = {posting.debit[0] for posting in draft.postings}.union(draft.funds)
        if not self.memory.chains.keys() >= funds:
            await self.load_chains(funds)
        return self.put(entry, draft, moves, sorted(funds))

    def put(self, entry: Entry, draft: Draft, moves: list[Move], funds: list[str]) -> Made:
        """Make a draft's record, the ends of whose funds' chains are in memory; as `write`."""
        body: dict[str, Any] = {}
        if draft.postings:
            body["postings"] = [plain_posting(posting) for posting in draft.postings]
        if draft.reverses:
            body["reverses"] = str(draft.reverses)
        if draft.facts:
            body["facts"] = draft.facts
        made = self._seal(entry, draft, body, funds)
        self.batch.add_moves(moves, draft.postings)
        return made

    async def refuse(self, entry: Entry, refusal: dict[str, str], draft: Draft) -> Made:
        """Make the record of a refusal; it moves nothing, and sets only what policies said."""
        return self._seal(entry, draft, {"refusal": refusal}, [])

    def keep_blob(self, content: bytes) -> str:
        """Keep larger content beside the record; return its SHA-256 (hex)."""
        self.batch.blobs.append(content)
        return self.memory.keep(content)

    def _placed(self, row: Noun) -> Noun:
        before_seq = getattr(self.memory.rows.get((type(row), row.id)), "seq", 0)
        return placed(row, self.next_seq, before_seq)

    def _set(self, row: Noun) -> None:
        self.memory.set(row)
        self._sets += 1
        self.batch.set(row)

    async def load_chains(self, funds: Iterable[str]) -> None:
        """Bring the ends of funds' chains into memory."""
        chains = self.memory.chains
        missing = [fund for fund in funds if fund not in chains]
        if missing:
            found = await journal.chain_ends(self.connection, self.mechanism.id, missing)
            for fund in missing:
                chains[fund] = found.get(fund, (0, EMPTY.hex()))

    def _seal(self, entry: Entry, draft: Draft, body: dict[str, Any], funds: list[str]) -> Made:
        seq = self.next_seq
        rows = [self._placed(row) for row in draft.sets]
        for row in rows:
            body.setdefault("sets", {}).setdefault(nouns.KINDS[type(row)], []).append(
                plain_struct(row)
            )
        body["verb"], body["actor"] = entry.verb, entry.actor
        body["effective_on"] = draft.effective_on.isoformat()
        body["caused_by"] = entry.key_hash.hex()
        if entry.command:
            body["command"] = entry.command
        payloads = [self._payload(*told) for told in entry.texts.items()]
        if payloads:
            body["commit"] = {row["field"]: commit for row, commit in payloads}
        accepted = "refusal" not in body
        content = canonical(
            {
                "at": self._at,
                "body": body,
                "chain": [self._link(fund) for fund in funds],
                "log": self.mechanism.origin,
                "nonce": journal.nonce(),
                "outcome": "accepted" if accepted else "refused",
                "seq": str(seq),
                "v": "1",
            }
        )
        check_size(content)  # nothing is changed before this
        self.batch.payloads += [row for row, _ in payloads]
        leaf = leaf_hash(content)
        for fund in funds:
            self._chain(fund, seq, leaf.hex())
        self.batch.add_record(
            (
                content,
                leaf,
                entry.key_hash,
                entry.request,
                draft.effective_on,
                entry.verb,
                entry.actor["party"],
                accepted,
                draft.reverses or None,
            )
        )
        self._keys[entry.key_hash] = Stored(seq, entry.request, content)
        for row in rows:
            self._set(row)
        self.batch.blobs += draft.blobs
        return Made(seq, content, accepted=accepted)

    def _payload(self, field: str, value: str) -> tuple[dict[str, Any], str]:
        """Return the row of a free text, and the commitment to it."""
        salt = secrets.token_bytes(32)
        row = {"seq": self.next_seq, "field": field, "salt": salt.hex(), "value": value}
        return row, commitment(field, salt, value)

    def _link(self, fund: str) -> dict[str, str]:
        number, leaf = self.memory.chains[fund]
        return {"fund": fund, "prev": leaf, "seq": str(number + 1)}

    def _chain(self, fund: str, seq: int, leaf: str) -> None:
        before = self.memory.chains[fund]
        self._chained.setdefault(fund, before)
        self._ends[fund] = seq
        self.memory.chains[fund] = (before[0] + 1, leaf)

    def close(self) -> None:
        """End the unit: the memory goes on as if it were written, ready for the next one.

        Nobody may be told anything before `flush` has succeeded; if it fails, the memory and
        all that was decided from it since are void.
        """
        memory, batch = self.memory, self.batch
        batch.opened = memory.ledger.settle()
        batch.chains = [
            (fund, *before, *memory.chains[fund], self._ends[fund])
            for fund, before in sorted(self._chained.items())
        ]
        self._head = memory.head
        if self.written:
            memory.head = Head(self._head.seq + self.written, memory.ledger.count, self.now)
        memory.keys |= self._keys
        memory.closed = batch.nouns
        while len(memory.keys) > _KEYS_KEPT:
            memory.keys.popitem(last=False)

    async def flush(self, connection: asyncpg.Connection | None = None) -> None:
        """Write everything the unit made, in one call; ends the unit if that was not done.

        Args:
            connection: where to write, when it is not where the unit reads.

        Raises:
            asyncpg.PostgresError: nothing is written; the memory is no longer to be trusted.
        """
        if self._head is None:
            self.close()
        if self.written and self._head is not None:
            where = connection or self.connection
            await journal.append(where, self.mechanism.id, self._head, self.now, self.batch)
