"""The journal's tables: what the writer reads before it decides, and the one call that writes."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import asyncpg
from msgspec import Struct, json, to_builtins

from mfm.core.accounts import Account
from mfm.core.journal import Balance, Move
from mfm.core.overlap_keys import Keyed
from mfm.core.overlap_marks import Marked
from mfm.core.record import Noun, Posting
from mfm.store.marks import marks_json
from mfm.store.nouns import KINDS
from mfm.store.overlaps import keys_json

HEAD_MOVED = "MF002"
"""SQLSTATE of append_batch when another writer has written since."""
REFUSED = "MF001"
"""SQLSTATE of append_batch when a batch breaks a rule that it guards."""

_FIRST_YEAR = 1971
"""The head of an empty journal stands at -infinity, which arrives as a year long past."""
# All arrays but those of bytes go as their text, which costs a third of what the driver's own
# encoding does.
_APPEND = (
    "SELECT append_batch($1,$2,$3,$4,$5,$6,$7,$8::text::date[],$9::text::text[],$10::text::text[],"
    "$11::text::boolean[],$12::text::bigint[],$13::text::int[],"
    "$14::text::smallint[],$15::text::int[],$16::text::int[],$17::text::bigint[],"
    "$18::text::bigint[],$19::text::bigint[],$20::text::bigint[],$21::text::bigint[],"
    "$22::text::text[],$23::text::smallint[],$24)"
)
_FINDABLE = f"{_APPEND}, write_keys($1, $25), write_marks($1, $26)"
_IATI = 9
"""Which of a move's columns is text: its IATI type."""


class Stored(Struct, frozen=True, gc=False):
    """A record as the journal keeps it.

    Attributes:
        seq: its place.
        request: SHA-256 of the command that made it.
        content: its canonical bytes.
    """

    seq: int
    request: bytes
    content: bytes


class Head:
    """The end of a mechanism's journal.

    Attributes:
        seq: the last record's number, 0 before the first.
        accounts: how many accounts there are.
        recorded_at: the last record's instant.
    """

    __slots__ = ("accounts", "recorded_at", "seq")

    def __init__(self, seq: int, accounts: int, recorded_at: datetime) -> None:
        """Keep the three."""
        self.seq = seq
        self.accounts = accounts
        self.recorded_at = recorded_at


class Made(Struct, frozen=True, gc=False):
    """A record on its way in: what a verb's caller is told once it is written."""

    seq: int
    content: bytes
    accepted: bool
    replayed: bool = False


class Entry:
    """What a record says besides the rules' draft.

    Attributes:
        verb: what was done.
        actor: party, role and key.
        key_hash: 16 bytes, of (party, idempotency key).
        request: SHA-256 of the command.
        command: the command, without free text, in the record's profile.
        texts: its free text, field -> value.
    """

    __slots__ = ("actor", "command", "key_hash", "request", "texts", "verb")

    def __init__(
        self, verb: str, actor: dict[str, str], keys: tuple[bytes, bytes], command: dict[str, Any]
    ) -> None:
        """Keep them; free text is added to `texts`."""
        self.verb = verb
        self.actor = actor
        self.key_hash, self.request = keys
        self.command = command
        self.texts: dict[str, str] = {}


def key_hash(party: str, key: str) -> bytes:
    """Return the 16 bytes by which an acting party's idempotency key is found."""
    return sha256(f"{party}\0{key}".encode()).digest()[:16]


_random = bytearray()


def nonce() -> str:
    """Return 16 random bytes, base64url; drawn 256 at a time, for each draw is a system call."""
    if not _random:
        _random.extend(secrets.token_bytes(16 * 256))
    drawn = bytes(_random[-16:])
    del _random[-16:]
    return urlsafe_b64encode(drawn).decode().rstrip("=")


class Batch:
    """Records on their way into the journal, as append_batch takes them.

    Attributes:
        records: see `add_record`.
        moves: (record's number in the batch, line, Move, IATI type, IATI sign).
        nouns: kind -> id -> its last state.
        payloads: free text beside the records, with its salt.
        blobs: larger content that records name.
        keys: by which parties and applications are found where overlap is looked for.
        marks: by which contacts, documents and invoices are.
        opened: accounts that the journal has not had before.
        chains: for each fund touched: its number and leaf before, those after, the last record.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.records: list[tuple[Any, ...]] = []
        self.moves: list[tuple[Any, ...]] = []
        self.nouns: dict[str, dict[str, Noun]] = {}
        self.payloads: list[dict[str, Any]] = []
        self.blobs: list[bytes] = []
        self.keys: list[Keyed] = []
        self.marks: list[Marked] = []
        self.opened: list[Balance] = []
        self.chains: list[tuple[str, int, str, int, str, int]] = []

    def add_record(self, row: tuple[Any, ...]) -> None:
        """Add (content, leaf, key hash, request, effective_on, verb, actor, accepted, reverses)."""
        self.records.append(row)

    def add_moves(self, moves: Iterable[Move], postings: Iterable[Posting]) -> None:
        """Add the postings of the record added last."""
        number = len(self.records)
        for line, (move, posting) in enumerate(zip(moves, postings, strict=True)):
            self.moves.append((number, line, *move, posting.iati_type, posting.iati_sign))

    def day_of(self, number: int) -> date:
        """Return the day that a record of the batch counts from, given its number from 1."""
        day: date = self.records[number - 1][4]
        return day

    def set(self, row: Noun) -> None:
        """Set a noun's state; within a batch the last one counts."""
        self.nouns.setdefault(KINDS[type(row)], {})[row.id] = row


async def append(
    connection: asyncpg.Connection,
    mechanism_id: int,
    head: Head,
    at: datetime,
    batch: Batch,
) -> None:
    """Write a batch, or nothing.

    Raises:
        asyncpg.PostgresError: with sqlstate HEAD_MOVED, REFUSED, or of a constraint.
    """
    rest: dict[str, Any] = {"nouns": _noun_rows(mechanism_id, batch)}
    if batch.opened:
        rest["accounts"] = [
            [made.number, *made.account, made.side, made.floored] for made in batch.opened
        ]
    if batch.chains:
        rest["chain"] = batch.chains
    if batch.payloads:
        rest["payloads"] = batch.payloads
    if batch.blobs:
        rest["blobs"] = batch.blobs
    *binary, days, verbs, actors, accepted, reverses = zip(*batch.records, strict=True)
    columns = (
        *binary,
        _array(days),
        _texts(verbs),
        _texts(actors),
        _array(accepted),
        _array("NULL" if seq is None else seq for seq in reverses),
    )
    moves = list(zip(*batch.moves, strict=True)) or [()] * 11
    told = [_texts(each) if n == _IATI else _array(each) for n, each in enumerate(moves)]
    text = json.encode(rest).decode()
    values = (mechanism_id, head.seq, at, *columns, *told, text)
    if batch.keys or batch.marks:
        last = {(each.kind, each.id): each for each in batch.keys}
        beside = keys_json(last.values()), marks_json(batch.marks)
        await connection.execute(_FINDABLE, *values, *beside)
    else:
        await connection.execute(_APPEND, *values)


def _array(values: Iterable[object]) -> str:
    """Return an array of numbers, days or truths as PostgreSQL reads it."""
    return f"{{{','.join(map(str, values))}}}"


def _texts(values: Sequence[str]) -> str:
    """Return an array of texts as PostgreSQL reads it."""
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') > 2 * (len(values) - 1):  # others than those between
        escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
        joined = '","'.join(escaped)
    return f'{{"{joined}"}}' if values else "{}"


def _noun_rows(mechanism_id: int, batch: Batch) -> dict[str, list[dict[str, Any]]]:
    return {
        kind: [to_builtins(row) | {"mechanism_id": mechanism_id} for row in rows.values()]
        for kind, rows in batch.nouns.items()
    }


async def head_of(connection: asyncpg.Connection, mechanism_id: int, *, lock: bool) -> Head:
    """Return the head, holding it until the transaction ends if asked to."""
    row = await connection.fetchrow(
        "SELECT seq, accounts, recorded_at FROM lock_head($1)"
        if lock
        else "SELECT seq, accounts, recorded_at FROM head WHERE mechanism_id = $1",
        mechanism_id,
    )
    at = row[2]
    if not isinstance(at, datetime) or at.year < _FIRST_YEAR:
        at = datetime.fromtimestamp(0, UTC)
    return Head(row[0], row[1], at)


async def balances_of(
    connection: asyncpg.Connection, mechanism_id: int, accounts: list[Account]
) -> list[Balance]:
    """Return the running state of those accounts that the journal has."""
    funds, _, codes, currencies, subjects = map(list, zip(*accounts, strict=True))
    rows = await connection.fetch(
        # The LIMIT keeps each look-up a look-up: flattened into a join, the planner of a young
        # database walks the whole index once for every name.
        "SELECT a.account_id, a.fund, a.book, a.code, a.currency, a.subject, b.floored,"
        " b.debit_minor, b.credit_minor, b.version"
        " FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])"
        "  u(fund, code, currency, subject),"
        " LATERAL (SELECT * FROM account x WHERE x.mechanism_id = $1 AND x.fund = u.fund"
        "  AND x.code = u.code AND x.currency = u.currency AND x.subject = u.subject LIMIT 1) a,"
        " LATERAL (SELECT * FROM balance y WHERE y.mechanism_id = $1"
        "  AND y.account_id = a.account_id LIMIT 1) b",
        mechanism_id,
        funds,
        codes,
        currencies,
        subjects,
    )
    return [_balance(row) for row in rows]


def _balance(row: asyncpg.Record) -> Balance:
    made = Balance(row[0], Account(*row[1:6]), floored=row[6])
    made.debit_minor, made.credit_minor, made.version = row[7:10]
    return made


async def accounts_of(
    connection: asyncpg.Connection, mechanism_id: int, fund: str, code: str | None = None
) -> list[Account]:
    """Return a fund's accounts, of one code or all of them, over all their subjects."""
    rows = await connection.fetch(
        "SELECT fund, book, code, currency, subject FROM account"
        " WHERE mechanism_id = $1 AND fund = $2 AND code = coalesce($3, code)",
        mechanism_id,
        fund,
        code,
    )
    return [Account(*row) for row in rows]


async def sums_of(
    connection: asyncpg.Connection, mechanism_id: int, fund: str, days: tuple[date, date]
) -> dict[Account, int]:
    """Return debits less credits of a fund's accounts over the days from one to another."""
    rows = await connection.fetch(
        "SELECT a.fund, a.book, a.code, a.currency, a.subject, (d.minor - c.minor)::bigint"
        " FROM account a,"
        " LATERAL (SELECT coalesce(sum(amount_minor), 0) AS minor FROM posting p"
        "  WHERE p.mechanism_id = $1 AND p.debit_id = a.account_id"
        "   AND p.effective_on BETWEEN $3 AND $4) d,"
        " LATERAL (SELECT coalesce(sum(amount_minor), 0) AS minor FROM posting p"
        "  WHERE p.mechanism_id = $1 AND p.credit_id = a.account_id"
        "   AND p.effective_on BETWEEN $3 AND $4) c"
        " WHERE a.mechanism_id = $1 AND a.fund = $2",
        mechanism_id,
        fund,
        *days,
    )
    return {Account(*row[:5]): row[5] for row in rows}


async def last_day(connection: asyncpg.Connection, mechanism_id: int, fund: str) -> date | None:
    """Return the last day on which money moved in a fund, or None."""
    told: date | None = await connection.fetchval(
        "SELECT max(effective_on) FROM account a JOIN posting p"
        " ON p.mechanism_id = a.mechanism_id AND p.debit_id = a.account_id"
        " WHERE a.mechanism_id = $1 AND a.fund = $2",
        mechanism_id,
        fund,
    )
    return told


async def days_of(
    connection: asyncpg.Connection, mechanism_id: int, numbers: list[int], since: date
) -> list[tuple[int, date, int]]:
    """Return (account, day, debits less credits) by day; all before `since` counts as of it."""
    rows = await connection.fetch(
        "SELECT account, greatest(day, $3) AS day, sum(minor)::bigint AS minor FROM ("
        " SELECT debit_id AS account, effective_on AS day, amount_minor AS minor FROM posting"
        "  WHERE mechanism_id = $1 AND debit_id = ANY ($2)"
        " UNION ALL SELECT credit_id, effective_on, -amount_minor FROM posting"
        "  WHERE mechanism_id = $1 AND credit_id = ANY ($2)) side GROUP BY 1, 2",
        mechanism_id,
        numbers,
        since,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def chain_ends(
    connection: asyncpg.Connection, mechanism_id: int, funds: list[str]
) -> dict[str, tuple[int, str]]:
    """Return each fund's last number in its own chain, and that record's leaf (hex)."""
    rows = await connection.fetch(
        "SELECT fund, fund_seq, leaf FROM fund_head WHERE mechanism_id = $1 AND fund = ANY ($2)",
        mechanism_id,
        funds,
    )
    return {fund: (seq, leaf.hex()) for fund, seq, leaf in rows}


async def by_keys(
    connection: asyncpg.Connection, mechanism_id: int, keys: list[bytes]
) -> dict[bytes, Stored]:
    """Return the records that these idempotency keys (hashed) made."""
    rows = await connection.fetch(
        "SELECT key_hash, seq, request, content FROM record"
        " WHERE mechanism_id = $1 AND key_hash = ANY ($2)",
        mechanism_id,
        keys,
    )
    return {key: Stored(seq, request, content) for key, seq, request, content in rows}


async def by_seq(
    connection: asyncpg.Connection, mechanism_id: int, seqs: list[int]
) -> dict[int, bytes]:
    """Return the canonical bytes of records."""
    rows = await connection.fetch(
        "SELECT seq, content FROM record WHERE mechanism_id = $1 AND seq = ANY ($2)",
        mechanism_id,
        seqs,
    )
    return dict(map(tuple, rows))


async def reversal_of(connection: asyncpg.Connection, mechanism_id: int, seq: int) -> int:
    """Return the record that takes this one back, or 0."""
    found = await connection.fetchval(
        "SELECT seq FROM record WHERE mechanism_id = $1 AND reverses = $2", mechanism_id, seq
    )
    return int(found or 0)
