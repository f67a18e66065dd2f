"""Receipts: proof that a record is in the trail, as text (C2SP tlog-proof@v1)."""

from base64 import b64encode
from typing import NamedTuple

from mfm.verifier import Tampered, b64

_HEADER = "c2sp.org/tlog-proof@v1"
HASHES_MAX = 64
"""A tree of more levels than this has never been."""


class Proof(NamedTuple):
    """Which leaf (from 0), the hashes that lead from it to the root, and the checkpoint's note."""

    leaf: int
    hashes: list[bytes]
    note: str


def encode(proof: Proof) -> str:
    """Return a proof as text."""
    lines = [_HEADER, f"index {proof.leaf}", *(b64encode(each).decode() for each in proof.hashes)]
    return "\n".join(lines) + "\n\n" + proof.note


def decode(text: str) -> Proof:
    """Read a proof back; unauthenticated `extra` data is passed over.

    Raises:
        Tampered: `proof-form`, `base64`.
    """
    head, found, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[1:2] and lines[1].startswith("extra "):
        b64(lines.pop(1).removeprefix("extra "))
    told = lines[1].removeprefix("index ") if len(lines) > 1 else ""
    plain = told.isascii() and told.isdigit() and str(int(told)) == told
    if not found or lines[0] != _HEADER or not plain or len(lines) > HASHES_MAX + 2:
        raise Tampered("proof-form", f"This is no {_HEADER}.")
    return Proof(int(told), [b64(line) for line in lines[2:]], note)
