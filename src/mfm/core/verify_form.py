"""Verification, the form: what each record's bytes must be by themselves, whoever wrote them."""

import re
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import DecodeError, Meta, Struct, ValidationError, convert, json

from mfm.core.accounts import Account
from mfm.core.nouns import NOUNS
from mfm.core.record import MAX_CONTENT_BYTES, Noun, plain_struct

_Hex16 = Annotated[str, Meta(pattern="^[0-9a-f]{32}$(?!\n)")]
_Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$(?!\n)")]
_Whole = Annotated[str, Meta(pattern="^[1-9][0-9]{0,18}$(?!\n)")]
_KEY = re.compile("[a-z0-9_]+")
_encode = json.Encoder(order="sorted").encode


class Difference(Struct, frozen=True):
    """What verification found first.

    Attributes:
        check: which check, a stable word such as `balance-floor` or `invariant-5`.
        seq: the record it is about, 0 where it is about none.
        detail: one sentence with the facts.
    """

    check: str
    seq: int
    detail: str


class Differs(Exception):
    """Stops a verification at its first difference."""

    def __init__(self, check: str, seq: int, detail: str) -> None:
        """Keep the difference."""
        super().__init__(f"{check} (record {seq}): {detail}")
        self.difference = Difference(check, seq, detail)


class _Link(Struct, frozen=True, forbid_unknown_fields=True):
    fund: str
    prev: _Hex32
    seq: _Whole


class _Posting(Struct, frozen=True, forbid_unknown_fields=True):
    amount_minor: _Whole
    credit: Account
    debit: Account
    iati: Annotated[str, Meta(min_length=1)] | None = None
    sign: Literal["-"] | None = None


class _Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    verb: str
    actor: dict[str, str]
    effective_on: date
    caused_by: _Hex16
    command: dict[str, Any] = {}
    commit: dict[str, Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{43}$(?!\n)")]] = {}
    postings: tuple[_Posting, ...] = ()
    sets: dict[str, list[dict[str, Any]]] = {}
    reverses: _Whole | None = None
    refusal: dict[str, str] = {}
    facts: dict[str, Any] = {}


class _Record(Struct, frozen=True, forbid_unknown_fields=True):
    at: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$(?!\n)")]
    body: _Body
    chain: tuple[_Link, ...]
    log: str
    nonce: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22}$(?!\n)")]
    outcome: Literal["accepted", "refused"]
    seq: str
    v: Literal["1"]


_decode = json.Decoder(_Record).decode


class Side(NamedTuple):
    """A posting as a record tells it."""

    debit: Account
    credit: Account
    amount_minor: int
    iati_type: str
    iati_sign: int


class Told(Struct, frozen=True, kw_only=True):
    """A record whose form is sound.

    Attributes:
        seq: its place.
        leaf: SHA-256(0x00 || its bytes).
        at: its instant, UTC.
        accepted: whether it was decided for.
        chain: (fund, number in the fund's chain, leaf before it), by fund.
        verb: what was done.
        actor: party, role and key of who asked.
        effective_on: the day it counts from.
        caused_by: 16 bytes, hash of the party and its idempotency key.
        reverses: the record it takes back, else 0.
        postings: the money it moved.
        sets: (kind, state) of every noun it set.
        command: what was asked, without free text.
        commit: field -> salted commitment of free text kept beside.
        facts: further facts.
    """

    seq: int
    leaf: bytes
    at: datetime
    accepted: bool
    chain: tuple[tuple[str, int, bytes], ...]
    verb: str
    actor: dict[str, str]
    effective_on: date
    caused_by: bytes
    reverses: int
    postings: tuple[Side, ...]
    sets: tuple[tuple[str, Noun], ...]
    command: dict[str, Any]
    commit: dict[str, str]
    facts: dict[str, Any]


@lru_cache(maxsize=4096)
def _named_well(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


def _strange(value: Any) -> str:  # noqa: ANN401  # any JSON value
    """Return what in a JSON value is outside the profile, or nothing."""
    rest = [value]
    while rest:
        each = rest.pop()
        if type(each) is dict:
            for key in each:
                if not _named_well(key):
                    return f"the key {key!r}"
            rest += each.values()
        elif type(each) is list:
            rest += each
        elif type(each) not in (str, bool, type(None)):
            return f"the number {each!r}"
    return ""


def read(content: bytes, seq: int, origin: str) -> Told:
    """Read the record that must stand at `seq` of the trail named `origin`.

    Args:
        content: its bytes as stored.
        seq: the place where it was found.
        origin: the trail's name, which every record carries.

    Raises:
        Differs: `record-bytes` (no JSON, numbers, strange keys), `record-canonical`,
            `record-form`, `record-log`, `record-seq`, `record-chain`, `record-refusal`.
    """
    record = _parsed(content, seq)
    try:
        told = _told(record, content, seq)
    except ValueError as error:  # a day or an instant that no calendar has, a state misshapen
        raise Differs("record-form", seq, str(error)) from error
    if record.log != origin:
        raise Differs("record-log", seq, f"It belongs to {record.log!r}, not {origin!r}.")
    if record.seq != str(seq):
        raise Differs("record-seq", seq, f"It says that it is record {record.seq}.")
    _check_outcome(record, told)
    return told


def _parsed(content: bytes, seq: int) -> _Record:
    """Decode a record, having held its bytes to the profile and to their canonical form."""
    if len(content) > MAX_CONTENT_BYTES:
        raise Differs("record-bytes", seq, f"It has {len(content)} bytes, too many for a record.")
    try:
        raw = json.decode(content)
        if strange := _strange(raw):
            raise Differs("record-bytes", seq, f"It holds {strange}.")
        if _encode(raw) != content:
            raise Differs("record-canonical", seq, "Its bytes are not its canonical form.")
        return _decode(content)
    except ValidationError as error:
        raise Differs("record-form", seq, str(error)) from error
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Differs("record-bytes", seq, str(error)) from error


def _told(record: _Record, content: bytes, seq: int) -> Told:
    body = record.body
    return Told(
        seq=seq,
        leaf=sha256(b"\x00" + content).digest(),
        at=datetime.fromisoformat(record.at),
        accepted=record.outcome == "accepted",
        chain=tuple((link.fund, int(link.seq), bytes.fromhex(link.prev)) for link in record.chain),
        verb=body.verb,
        actor=body.actor,
        effective_on=body.effective_on,
        caused_by=bytes.fromhex(body.caused_by),
        reverses=int(body.reverses or 0),
        postings=tuple(
            Side(
                each.debit,
                each.credit,
                int(each.amount_minor),
                each.iati or "",
                -1 if each.sign else 1,
            )
            for each in body.postings
        ),
        sets=tuple(
            (kind, _state(kind, each, seq)) for kind, states in body.sets.items() for each in states
        ),
        command=body.command,
        commit=body.commit,
        facts=body.facts,
    )


def _state(kind: str, told: dict[str, Any], seq: int) -> Noun:
    """Read a noun's state, told as the noun's fields would be told.

    A field that a record lacks is one that its release did not have: it has its default.
    """
    if kind not in NOUNS:
        raise Differs("record-form", seq, f"It sets a {kind}, which is no noun.")
    state = convert(told, NOUNS[kind], strict=False)
    whole = plain_struct(state)
    if any(name not in whole or whole[name] != value for name, value in told.items()):
        raise Differs("record-form", seq, f"It does not tell {kind} {state.id} as it is.")
    return state


def _check_outcome(record: _Record, told: Told) -> None:
    """Hold that a refusal changes nothing, and that chains and actors are told as they must."""
    body, seq = record.body, told.seq
    if told.accepted == bool(body.refusal):
        raise Differs("record-refusal", seq, "Its outcome and its refusal contradict each other.")
    if not told.accepted:
        sets = body.sets.keys() - {"decision"}  # what policies said of it is kept
        if body.postings or sets or body.reverses or body.facts or record.chain:
            raise Differs("record-refusal", seq, "It is refused and yet changes something.")
        if not {"code", "detail"} <= body.refusal.keys() <= {"code", "detail", "pointer"}:
            raise Differs("record-refusal", seq, "Its refusal has no code and detail.")
    if body.actor.keys() != {"key", "party", "role"}:
        raise Differs("record-form", seq, "Its actor is not told as key, party and role.")
    funds = [fund for fund, _, _ in told.chain]
    if funds != sorted(set(funds)):
        raise Differs("record-chain", seq, "Its chain does not name each fund once, in order.")
    if not {each.debit.fund for each in told.postings} <= set(funds):
        raise Differs("record-chain", seq, "It moves money of a fund whose chain it is not in.")
