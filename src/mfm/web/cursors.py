"""Cursors: places in a list, signed so that nobody makes one by hand."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from msgspec import DecodeError, json

from mfm.core.errors import Invalid

_TAG_BYTES = 16


def sign(key: bytes, listing: str, after: tuple[int, str]) -> str:
    """Return the cursor that continues a list after a place.

    Args:
        key: the server's secret, 32 bytes.
        listing: which list, with its filters: a cursor of one list is none of another.
        after: (seq, id) of the last item seen.
    """
    place = json.encode(after)
    return urlsafe_b64encode(_tag(key, listing, place) + place).decode().rstrip("=")


def read(key: bytes, listing: str, cursor: str) -> tuple[int, str]:
    """Return the place that a cursor names.

    Raises:
        Invalid: `cursor-invalid`.
    """
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        tag, place = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if hmac.compare_digest(tag, _tag(key, listing, place)):
            return json.decode(place, type=tuple[int, str])
    except (ValueError, DecodeError):
        pass
    raise Invalid("cursor-invalid", "This cursor does not belong to this list.", "") from None


def _tag(key: bytes, listing: str, place: bytes) -> bytes:
    return hmac.digest(key, listing.encode() + b"\0" + place, sha256)[:_TAG_BYTES]
