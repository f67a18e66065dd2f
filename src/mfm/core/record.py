"""Records: the canonical bytes of every fact. Encoded once, stored, and hashed as stored.

The form is a restricted profile of RFC 8785: keys sorted, no white space, and no numbers at all
(integers are decimal strings), so that every JSON reader in every language sees the same value.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import date, datetime
from hashlib import sha256
from typing import Any, cast

from msgspec import Raw, Struct, convert, json, structs, to_builtins

from mfm.core.accounts import Account
from mfm.core.errors import Invalid

MAX_CONTENT_BYTES = 16_384
"""The largest record; larger content is a blob that the record names by its SHA-256."""

_encode: Callable[[Any], bytes] = json.Encoder(order="sorted").encode


class Noun(Struct, frozen=True, kw_only=True, gc=False):
    """What every noun's current state has; a noun's fields are the columns of its table.

    Attributes:
        id: unique among its kind within the mechanism.
        seq: the record that set this state.
        prev: the record that set the state before, 0 when there was none.
        status: where it stands in its life.
    """

    id: str
    seq: int = 0
    prev: int = 0
    status: str


class Posting(Struct, frozen=True, gc=False):
    """An amount from a credit account to a debit account of one fund, book and currency.

    Attributes:
        debit: the account debited.
        credit: the account credited.
        amount_minor: above zero, minor units of the accounts' currency.
        iati_type: the IATI transaction type this is in the fund's own activity, or "".
        iati_sign: -1 where IATI reports it as a negative value of that type.
    """

    debit: Account
    credit: Account
    amount_minor: int
    iati_type: str = ""
    iati_sign: int = 1


class Draft(Struct, frozen=True, kw_only=True, gc=False):
    """What a rule decided and the journal is to record.

    Attributes:
        effective_on: the day it counts from, in the fund's time zone.
        sets: the new state of every noun it touches.
        postings: the money it moves.
        funds: funds whose chain it belongs to, beyond those of its postings.
        reverses: the seq of the record whose postings it takes back, else 0.
        facts: further facts for the record's body, plain values only.
        blobs: larger content that its nouns name by its SHA-256.
    """

    effective_on: date
    sets: tuple[Noun, ...] = ()
    postings: tuple[Posting, ...] = ()
    funds: tuple[str, ...] = ()
    reverses: int = 0
    facts: dict[str, Any] = {}
    blobs: tuple[bytes, ...] = ()


class ChainLink(Struct, frozen=True):
    """A record's place in one fund's own chain: its number there and the leaf before it (hex)."""

    fund: str
    prev: str
    seq: int


class Record(Struct, frozen=True, omit_defaults=True):
    """A record as its bytes say; `body` stays undecoded until somebody asks."""

    at: str
    body: Raw
    chain: tuple[ChainLink, ...]
    log: str
    nonce: str
    outcome: str
    seq: int
    v: str


class Body(Struct, frozen=True, kw_only=True):
    """The body of a record.

    Attributes:
        verb: what was done, such as `disbursement.approve`.
        actor: party, role and key of who asked.
        effective_on: the day it counts from.
        caused_by: hash (hex) of the acting party and its idempotency key, so that a key cannot
            be given to another record unseen.
        command: what was asked, without its free text.
        commit: field -> salted commitment (base64url) of free text kept beside.
        postings: the money it moved.
        sets: noun kind -> states it set.
        reverses: the record it takes back.
        refusal: code and detail where the rules refused.
        facts: further facts.
    """

    verb: str
    actor: dict[str, str]
    effective_on: date | None = None
    caused_by: str = ""
    command: dict[str, Any] = {}
    commit: dict[str, str] = {}
    postings: tuple[dict[str, Any], ...] = ()
    sets: dict[str, list[dict[str, Any]]] = {}
    reverses: int = 0
    refusal: dict[str, str] = {}
    facts: dict[str, Any] = {}


_decode_record = json.Decoder(Record, strict=False).decode
_decode_body = json.Decoder(Body, strict=False).decode


def plain(value: Any) -> Any:  # noqa: ANN401  # any JSON value in, the profile's value out
    """Return a JSON value in the record's profile: integers as strings, absent for null."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def plain_struct(value: Struct) -> dict[str, Any]:
    """Return a Struct's fields in the record's profile."""
    return cast("dict[str, Any]", plain(to_builtins(value)))


def plain_posting(posting: Posting) -> dict[str, Any]:
    """Return a posting as records carry it: accounts as [fund, book, code, currency, subject]."""
    told: dict[str, Any] = {
        "amount_minor": str(posting.amount_minor),
        "credit": posting.credit,
        "debit": posting.debit,
    }
    if posting.iati_type:
        told["iati"] = posting.iati_type
        if posting.iati_sign < 0:
            told["sign"] = "-"
    return told


def posting_of(told: dict[str, Any]) -> Posting:
    """Read a posting back from a record."""
    return Posting(
        Account(*told["debit"]),
        Account(*told["credit"]),
        int(told["amount_minor"]),
        told.get("iati", ""),
        -1 if told.get("sign") == "-" else 1,
    )


def canonical(value: Any) -> bytes:  # noqa: ANN401  # any value of the profile
    """Return the canonical bytes of a value that is in the profile already."""
    return _encode(value)


def instant(at: datetime) -> str:
    """Return a UTC instant as records write it: 2026-01-05T09:30:00.000000Z."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


def parse(content: bytes) -> tuple[Record, Body]:
    """Read a record's bytes back.

    Raises:
        msgspec.DecodeError, msgspec.ValidationError: these are no record.
    """
    record = _decode_record(content)
    return record, _decode_body(record.body)


def restore(told: dict[str, Any], kind: type[Noun]) -> Noun:
    """Read a noun's state back from a record's `sets`."""
    return convert(told, kind, strict=False)


def placed(row: Noun, seq: int, prev: int) -> Noun:
    """Return a noun's state with its place in the journal filled in."""
    return structs.replace(row, seq=seq, prev=prev)


def commitment(field: str, salt: bytes, value: str) -> str:
    """Return the salted commitment of a free-text field, base64url without padding.

    SHA-256 over length-prefixed parts, so that no two (field, salt, value) share their bytes.
    """
    parts = (b"mfm/commit/v1", field.encode(), salt, value.encode())
    joined = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return urlsafe_b64encode(sha256(joined).digest()).decode().rstrip("=")


def check_size(content: bytes) -> None:
    """Refuse a record larger than the trail can carry.

    Raises:
        Invalid: `record-too-large`.
    """
    if len(content) > MAX_CONTENT_BYTES:
        detail = f"This would be a record of {len(content)} bytes; {MAX_CONTENT_BYTES} is the most."
        raise Invalid("record-too-large", detail)
