"""Verification of a database: the journal folded in Python, and every table compared with that.

It reads one snapshot as auditor, straight through the driver and in pieces, so that memory holds
the current state and no more. The write path's SQL has no part in it.
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

import asyncpg
from msgspec import DecodeError, Struct, json

from mfm.core.nouns import NOUNS
from mfm.core.replays import Replays
from mfm.core.verify import Fold
from mfm.core.verify_form import Difference, Differs
from mfm.core.verify_policies import periods
from mfm.store import verify_decisions, verify_trail
from mfm.store.database import Mechanism, connect
from mfm.store.verify_rows import (
    by_seq,
    compare_payloads,
    compare_postings,
    compare_record,
    told,
)
from mfm.store.verify_trail import TrailTables

PIECE = 1_000
"""Rows fetched at a time."""
_BLOBS_PIECE = 16

Progress = Callable[[str, int, int], None]
"""Told what is being compared, how many rows are done, and of how many."""
RequestOf = Callable[[str, dict[str, Any], dict[str, str]], bytes | None]
"""Given a record's verb, command and free text: the SHA-256 of the request that it answers, or
None where the record does not tell all of it."""

TABLES = (
    "record",
    "posting",
    "payload",
    "mechanism",
    "head",
    "fund_head",
    "account",
    "balance",
    *NOUNS,
    "policy_period",
    "blob",
    *verify_trail.TABLES,
)
"""Every table of the journal; each is compared."""

UNVERIFIED = ("read_log", "overlap_keyed", "overlap_key", "overlap_mark", "follower")
"""Tables that are no part of the journal, so no record says what is in them.

The keys of overlap are made from nouns that are verified, and nothing rests on them: one that is
missing leaves a twin unnoticed until keys are renewed. So it is with how far a follower has come:
what it misses a scan finds. Marks are made from texts that are verified, in the same way.

The log of reads tells who looked at the books, not what is in them. It is written beside the
requests that it tells of, without a record, and may lose some (they are counted): there is nothing
to compare it with. That nobody changes it is held by its grants and triggers alone.
"""

_RECORDS = (
    "SELECT seq, leaf, recorded_at, effective_on, accepted, reverses, verb, actor, key_hash,"
    " content, request FROM mfm.record WHERE mechanism_id = $1 ORDER BY seq"
)
_POSTINGS = (
    "SELECT seq, line, debit_id, credit_id, amount_minor, debit_version, credit_version,"
    " debit_balance, credit_balance, effective_on, iati_type, iati_sign"
    " FROM mfm.posting WHERE mechanism_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq, line"
)
_PAYLOADS = (
    "SELECT seq, field, salt, value FROM mfm.payload"
    " WHERE mechanism_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq, field"
)
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


class Verified(Struct, frozen=True):
    """What a verification found.

    Attributes:
        ok: whether everything agrees.
        records: how many records agreed with themselves, each other and their tables.
        postings: how many postings they carry.
        difference: the first difference, or None.
        checks: how many comparisons agreed before it, or in all.
        decisions_not_rerun: how many decisions were not evaluated again: all, where something else
            differed first; else those of another engine or of an unknown catalogue of facts.
    """

    ok: bool
    records: int
    postings: int
    difference: Difference | None
    checks: int
    decisions_not_rerun: int


class _Verification:
    """One run over one snapshot."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        mechanism: Mechanism,
        request_of: RequestOf,
        progress: Progress,
    ) -> None:
        self.connection = connection
        self.mechanism = mechanism
        self.request_of = request_of
        self.progress = progress
        self.fold = Fold(mechanism.origin)
        self.replays = Replays()
        self.rows = 0
        self.trail = TrailTables(connection, mechanism.id, mechanism.origin)
        self._missing: set[tuple[int, str]] = set()  # free text that is not there

    async def run(self) -> None:
        """Compare everything.

        Raises:
            Differs: at the first difference.
        """
        taken_back = await self._fetch(
            "SELECT reverses FROM mfm.record WHERE mechanism_id = $1 AND reverses IS NOT NULL"
        )
        self.fold = Fold(self.mechanism.origin, frozenset(row[0] for row in taken_back))
        await self.trail.start()
        await self._records()
        self._erased()
        self.fold.finish()
        await self._heads()
        await self._accounts()
        for kind in NOUNS:
            await self._nouns(kind)
        await self._periods()
        await self._blobs()
        await verify_decisions.rerun(
            self.connection, self.mechanism.id, self.replays, self.progress
        )
        self.rows += self.replays.done
        await self.trail.finish()
        for table, met in self.trail.met.items():
            self.rows += met
            self.progress(table, met, met)

    async def _fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await self.connection.fetch(query, self.mechanism.id, *values)
        return found

    async def _stream(self, query: str, piece: int = PIECE) -> AsyncIterator[list[asyncpg.Record]]:
        cursor = await self.connection.cursor(query, self.mechanism.id)
        while rows := await cursor.fetch(piece):
            yield rows

    # Records, postings and payloads, in step -----------------------------------------------------

    async def _records(self) -> None:
        total = (await self._fetch("SELECT seq FROM mfm.head WHERE mechanism_id = $1") or [[0]])[0][
            0
        ]
        before = _LOWEST
        async for rows in self._stream(_RECORDS):
            last = rows[-1][0]
            await self._piece(rows, (before, last))
            before = last
            self.progress("record", self.fold.seq, total)
        await self._piece([], (before, _HIGHEST))

    async def _piece(self, rows: list[asyncpg.Record], span: tuple[int, int]) -> None:
        """Compare some records with what their bytes say, and with their postings and payloads."""
        postings = by_seq(await self._fetch(_POSTINGS, *span))
        payloads = by_seq(await self._fetch(_PAYLOADS, *span))
        leaves = []
        for row in rows:
            folded = self.fold.feed(row["content"] or b"")
            leaves.append(folded.leaf)
            self.replays.feed(folded.seq, folded.sets)
            compare_record(row, folded)
            compare_postings(postings.pop(folded.seq, []), folded)
            texts = compare_payloads(payloads.pop(folded.seq, []), folded)
            request = self.request_of(folded.verb, folded.command, texts)
            if request is not None and texts.keys() == folded.commit.keys() and request != row[-1]:
                raise Differs("record-row", folded.seq, "request is not of the command it tells.")
            self._missing |= {(folded.seq, field) for field in folded.commit.keys() - texts.keys()}
            self.rows += 1 + len(folded.postings) + len(texts)
        for name, left in (("posting", postings), ("payload", payloads)):
            for seq in left:
                raise Differs(f"{name}-extra", seq, "There is no record of it.")
        await self.trail.follow(leaves)

    def _erased(self) -> None:
        """Tell free text that was erased from what is missing, and from what is there still."""
        for seq, field in sorted(self._missing - self.fold.erased):
            detail = f"The {field} it commits to is not there, and was not erased."
            raise Differs("payload-missing", seq, detail)
        for seq, field in sorted(self.fold.erased - self._missing):
            detail = f"The {field} was erased, and is there; or the record never had it."
            raise Differs("payload-erased", seq, detail)

    # The current state ---------------------------------------------------------------------------

    async def _heads(self) -> None:
        """Compare the mechanism, its head, and the funds' chains."""
        name, fold = self.mechanism.name, self.fold
        named = await self._fetch("SELECT name, origin FROM mfm.mechanism WHERE mechanism_id = $1")
        if [tuple(row) for row in named] != [(name, f"mfm/{name}")]:
            detail = f"The mechanism's row is not that of {name}, whose trail is mfm/{name}."
            raise Differs("mechanism-row", 0, detail)
        heads = await self._fetch(
            "SELECT seq, accounts, recorded_at FROM mfm.head WHERE mechanism_id = $1"
        )
        wanted = (fold.seq, len(fold.money.tallies), fold.at)
        if len(heads) != 1 or _instant(tuple(heads[0])) != wanted:
            detail = f"The head's row is {[tuple(row) for row in heads]}, not {wanted}."
            raise Differs("head-row", fold.seq, detail)
        rows = await self._fetch(
            "SELECT fund, fund_seq, leaf FROM mfm.fund_head WHERE mechanism_id = $1"
        )
        left = {fund: tuple(end) for fund, end in fold.chains.items()}
        self._match("fund_head", [(row[0], tuple(row[1:])) for row in rows], left)
        self._all_met("fund_head", left)

    async def _accounts(self) -> None:
        """Compare accounts and their balances."""
        tallies = self.fold.money.tallies
        numbers = {
            tally.number: (*name, tally.side, tally.floored) for name, tally in tallies.items()
        }
        async for rows in self._stream(
            "SELECT account_id, fund, book, code, currency, subject, side, floored"
            " FROM mfm.account WHERE mechanism_id = $1"
        ):
            self._match("account", [(row[0], tuple(row[1:])) for row in rows], numbers)
        self._all_met("account", numbers)
        counted = {
            tally.number: (
                tally.debit_minor,
                tally.credit_minor,
                tally.version,
                tally.side,
                tally.floored,
            )
            for tally in tallies.values()
        }
        async for rows in self._stream(
            "SELECT account_id, debit_minor, credit_minor, version, side, floored"
            " FROM mfm.balance WHERE mechanism_id = $1"
        ):
            self._match("balance", [(row[0], tuple(row[1:])) for row in rows], counted)
        self._all_met("balance", counted)

    async def _nouns(self, kind: str) -> None:
        """Compare one kind of noun, row by row."""
        left: dict[Any, Any] = dict(self.fold.states.rows[kind])
        decode = json.Decoder(NOUNS[kind]).decode
        async for rows in self._stream(
            f"SELECT to_jsonb(t)::text FROM mfm.{kind} t WHERE mechanism_id = $1"  # noqa: S608  # names are ours
        ):
            try:
                states = [decode(row[0]) for row in rows]
            except DecodeError as error:
                raise Differs(f"{kind}-row", 0, f"A row is malformed: {error}") from error
            self._match(kind, [(state.id, state) for state in states], left)
        self._all_met(kind, left)

    async def _periods(self) -> None:
        """Compare when each policy was in force, which no two versions were on one day."""
        left: dict[Any, Any] = periods(self.fold.states.rows["policy"], self.mechanism.id)
        rows = await self._fetch(
            "SELECT policy, name, period::text, mechanism::text, series::text"
            " FROM mfm.policy_period WHERE mechanism_id = $1"
        )
        self._match("policy_period", [(row[0], tuple(row[1:])) for row in rows], left)
        self._all_met("policy_period", left)

    async def _blobs(self) -> None:
        """Hold that the larger content is what the records named, all of it and no more."""
        left = dict.fromkeys(self.fold.blobs)
        async for rows in self._stream(
            "SELECT sha256, content FROM mfm.blob WHERE mechanism_id = $1", _BLOBS_PIECE
        ):
            for name, content in rows:
                if sha256(content).digest() != name:
                    raise Differs("blob-row", 0, f"{name.hex()} is not its content's SHA-256.")
            self._match("blob", [(row[0], None) for row in rows], left)
        self._all_met("blob", left)

    def _match(self, table: str, rows: list[tuple[Any, Any]], left: dict[Any, Any]) -> None:
        """Take each row (key, value) off what is left of the wanted ones."""
        for key, value in rows:
            if key not in left:
                raise Differs(f"{table}-extra", _seq_of(value), f"No record made {told(key)}.")
            wanted = left.pop(key)
            if value != wanted:
                detail = f"{told(key)} is {value}; the records say {wanted}."
                raise Differs(f"{table}-row", _seq_of(wanted), detail)
        self.rows += len(rows)
        self.progress(table, len(rows), len(rows) + len(left))

    def _all_met(self, table: str, left: dict[Any, Any]) -> None:
        for key, wanted in left.items():
            raise Differs(f"{table}-missing", _seq_of(wanted), f"There is no {told(key)}.")


def _seq_of(value: object) -> int:
    return int(getattr(value, "seq", 0))


def _instant(head: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a head's row with None for the instant before the first record ('-infinity')."""
    at = head[2]
    return (*head[:2], at if isinstance(at, datetime) and at.year > 1 else None)


async def compare(
    connection: asyncpg.Connection, mechanism: Mechanism, request_of: RequestOf, progress: Progress
) -> Verified:
    """Fold a mechanism's records and compare every table with what they say.

    Args:
        connection: in a transaction whose reads all see one moment.
        mechanism: whose journal.
        request_of: what request a record answers, as far as it tells it.
        progress: called now and then.
    """
    run = _Verification(connection, mechanism, request_of, progress)
    difference = None
    try:
        await run.run()
    except Differs as differs:
        difference = differs.difference
    return Verified(
        ok=difference is None,
        records=run.fold.seq,
        postings=run.fold.money.postings,
        difference=difference,
        checks=run.fold.checks + run.rows,
        decisions_not_rerun=len(run.replays.met) - run.replays.done,
    )


async def verify(
    url: str, mechanism: Mechanism, request_of: RequestOf, progress: Progress
) -> Verified:
    """Compare a mechanism's tables with its records, as auditor, as they stand at one moment.

    Args:
        url: the database, as a login that may become mfm_auditor.
        mechanism: as in `compare`, likewise the others.
        request_of: what request a record answers, as far as it tells it.
        progress: called now and then.
    """
    connection = await connect(url, "mfm_auditor", mechanism.id)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await compare(connection, mechanism, request_of, progress)
    finally:
        await connection.close()
