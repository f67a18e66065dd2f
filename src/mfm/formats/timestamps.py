"""Timestamps (RFC 3161): asking an authority when something existed, and what its answer says.

Only this is read here: that a token was granted, for these bytes, and of which time. Whether the
authority is to be believed, `openssl ts -verify` says.
"""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from mfm.core.errors import Invalid

CLOCKS_APART = timedelta(minutes=5)
"""By how much an authority's clock may be behind the ledger's."""
REQUEST_TYPE = "application/timestamp-query"
_SEQUENCE, _INTEGER = 0x30, 0x02
_SHA256 = bytes.fromhex("300d06096086480165030402010500")
_LONG = 0x80
# What follows the imprint in TSTInfo: the serial number, at most 160 bits, and the time.
_SERIAL_AND_TIME = re.compile(rb"\x02[\x01-\x15].{1,21}?\x18.([0-9]{14})(?:\.[0-9]+)?Z", re.DOTALL)


def _der(tag: int, content: bytes) -> bytes:
    """Return a DER element of less than 128 bytes."""
    return bytes([tag, len(content)]) + content


def request(content: bytes) -> bytes:
    """Return the request for a timestamp over some bytes (RFC 3161, 2.4.1), in DER.

    It asks for the authority's certificate, and has no nonce: an older token for the same bytes
    would show more, not less.
    """
    imprint = _der(_SEQUENCE, _SHA256 + _der(0x04, sha256(content).digest()))
    return _der(_SEQUENCE, _der(_INTEGER, b"\x01") + imprint + _der(0x01, b"\xff"))


def check(response: bytes, content: bytes) -> datetime:
    """Hold that a response (RFC 3161, 2.4.2) grants a token, and for these bytes; return its time.

    Raises:
        Invalid: `anchor-malformed`, `anchor-refused`, `anchor-differs`.
    """
    try:
        whole, rest = _element(response, _SEQUENCE)
        status, token = _element(whole, _SEQUENCE)
        granted = _element(status, _INTEGER)[0]
    except (IndexError, ValueError):
        raise Invalid("anchor-malformed", "This is no timestamp response (RFC 3161).") from None
    if rest:
        raise Invalid("anchor-malformed", "There is more than a timestamp response (RFC 3161).")
    if granted not in (b"\x00", b"\x01") or not token:
        detail = f"The authority granted no timestamp: status {int.from_bytes(granted, 'big')}."
        raise Invalid("anchor-refused", detail)
    _, found, rest = token.partition(_der(0x04, sha256(content).digest()))
    if not found:
        raise Invalid("anchor-differs", "The timestamp is of something else.")
    told = _SERIAL_AND_TIME.match(rest)
    if told is None:
        raise Invalid("anchor-malformed", "This timestamp tells no time (RFC 3161, 2.4.2).")
    return datetime.strptime(told[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _element(content: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first DER element, which must have this tag, and what follows."""
    if content[0] != tag:
        raise ValueError(tag)
    length, at = content[1], 2
    if length & _LONG:
        at += length & ~_LONG
        length = int.from_bytes(content[2:at], "big")
    if len(content) < at + length:
        raise ValueError(length)
    return content[at : at + length], content[at + length :]
