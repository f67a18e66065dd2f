"""What a log sends a witness (C2SP tlog-witness): a checkpoint, and proof that it continues."""

from base64 import b64encode
from typing import NamedTuple

from mfm.verifier import Tampered, b64

HASHES_MAX = 63
"""The most lines of proof that a witness takes."""


class Continuity(NamedTuple):
    """Proof that a tree continues an older one: the older size, and the hashes."""

    old: int
    hashes: list[bytes]


def encode(proof: Continuity) -> str:
    """Return a proof as text: the size, then a hash a line."""
    lines = [f"old {proof.old}", *(b64encode(each).decode() for each in proof.hashes)]
    return "\n".join(lines) + "\n"


def decode(text: str) -> Continuity:
    """Read a proof back.

    Raises:
        Tampered: `proof-form`, `base64`.
    """
    told, *lines = text.split("\n")
    size = told.removeprefix("old ")
    plain = size.isascii() and size.isdigit() and str(int(size)) == size and told != size
    if not plain or not lines or lines.pop() or len(lines) > HASHES_MAX:
        raise Tampered("proof-form", "A proof is `old SIZE` and at most 63 hashes, a line each.")
    return Continuity(int(size), [b64(line) for line in lines])


def encode_request(proof: Continuity, note: str) -> bytes:
    """Return what a log posts to a witness: the proof, an empty line, the checkpoint."""
    return f"{encode(proof)}\n{note}".encode()


def decode_request(body: bytes) -> tuple[Continuity, bytes]:
    """Read a log's request; return the proof and the checkpoint.

    Raises:
        Tampered: `proof-form`, `base64`.
    """
    head, found, note = body.partition(b"\n\n")
    if not found or not head.isascii():
        raise Tampered("proof-form", "A proof, an empty line, and a checkpoint are asked.")
    return decode(head.decode() + "\n"), note
