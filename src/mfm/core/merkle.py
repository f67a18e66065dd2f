"""Hashing of the trail: leaves as RFC 6962 section 2.1 defines them, over the bytes as stored."""

from hashlib import sha256


def leaf_hash(content: bytes) -> bytes:
    """Return SHA-256(0x00 || content), 32 bytes: the leaf of a record's canonical bytes."""
    return sha256(b"\x00" + content).digest()


EMPTY = bytes(32)
"""What the first record of a fund names as the one before it."""
