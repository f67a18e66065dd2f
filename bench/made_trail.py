"""An exported trail of any length, made without a database: vouchers of forty funds, signed.

Every byte is as `mfm export trail` would write it; only the books behind it were never kept.
"""

import random
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import json

from mfm.core.merkle import EMPTY, Edge, leaf_hash
from mfm.core.money import decimal_text
from mfm.core.record import canonical, instant
from mfm.store.signer import Signer
from mfm.verifier import WIDTH, tile_path

ORIGIN = "mfm/made"
_FUNDS, _SUBJECTS = 40, 50
_FROM = datetime(2026, 3, 2, tzinfo=UTC)


class _Maker:
    """A trail on its way: its tree, its funds' chains and balances, and what was written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._random = random.Random(1325)
        self._edge = Edge()
        self._chains = dict[str, tuple[int, str]]()
        self._sums = defaultdict[tuple[str, ...], list[int]](lambda: [0, 0])
        self._lines: list[str] = []

    def bundle(self, size: int) -> list[bytes]:
        """Add a bundle of records, or as many as a trail of this size has left."""
        first = self._edge.size
        records = []
        for seq in range(first + 1, min(first + WIDTH, size) + 1):
            content, fund = self._record(seq)
            leaf = leaf_hash(content)
            self._chains[fund] = (self._chains.get(fund, (0, ""))[0] + 1, leaf.hex())
            records.append(content)
            for full in self._edge.append(leaf):
                self._write(tile_path(full.level, full.place), full.hashes)
        joined = b"".join(len(each).to_bytes(2, "big") + each for each in records)
        self._write(tile_path("entries", first // WIDTH, len(records)), joined)
        return [leaf_hash(each) for each in records]

    def _record(self, seq: int) -> tuple[bytes, str]:
        fund = f"fund-{self._random.randrange(_FUNDS)}"
        names = self._random.sample(range(_SUBJECTS), 2)
        minor = self._random.randrange(1, 10**7)
        money = {"amount": decimal_text(minor, "USD"), "currency": "USD"}
        sides = ("3100", f"s{names[0]}"), ("3300", f"s{names[1]}")
        debit, credit = ([fund, "FIN", code, "USD", subject] for code, subject in sides)
        self._sums[tuple(debit)][0] += minor
        self._sums[tuple(credit)][1] += minor
        lines = [
            {"account": code, "subject": subject, side: money}
            for (code, subject), side in zip(sides, ("debit", "credit"), strict=True)
        ]
        number, prev = self._chains.get(fund, (0, EMPTY.hex()))
        body: dict[str, Any] = {
            "actor": {"key": f"{1:032x}", "party": "agent", "role": "preparer"},
            "caused_by": self._random.randbytes(16).hex(),
            "command": {"fund": fund, "lines": lines},
            "effective_on": f"{_FROM:%Y-%m-%d}",
            "postings": [{"amount_minor": str(minor), "credit": credit, "debit": debit}],
            "verb": "entry.post",
        }
        told = {
            "at": instant(_FROM + timedelta(milliseconds=seq)),
            "body": body,
            "chain": [{"fund": fund, "prev": prev, "seq": str(number + 1)}],
            "log": ORIGIN,
            "nonce": b64encode(self._random.randbytes(16)).decode().rstrip("="),
            "outcome": "accepted",
            "seq": str(seq),
            "v": "1",
        }
        return canonical(told), fund

    def _write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._lines.append(f"{sha256(content).hexdigest()}  {name}\n")

    def end(self, sign: Callable[[bytes], str]) -> None:
        """Write what stands beside the records; `sign` returns the checkpoint over a root."""
        size = self._edge.size
        for level, hashes in enumerate(self._edge.levels):
            if hashes:
                place = (size >> 8 * level) // WIDTH
                self._write(tile_path(level, place, len(hashes)), b"".join(hashes))
        note = sign(self._edge.root()).encode()
        self._write("checkpoint", note)
        self._write(f"checkpoints/{size}", note)
        self._write("disclosures.jsonl", b"")
        rows = [[*names, *map(str, sums)] for names, sums in sorted(self._sums.items())]
        self._write("balances.jsonl", b"".join(json.encode(row) + b"\n" for row in rows))
        (self._folder / "MANIFEST").write_text("".join(sorted(self._lines)))


def make(folder: Path, keys: Path, size: int, progress: Callable[[int], object]) -> None:
    """Write an export of so many records.

    Args:
        folder: where; it is made.
        keys: the signer's folder.
        size: how many records.
        progress: told how many more there are, now and then.
    """
    maker, leaves = _Maker(folder), list[bytes]()
    for first in range(0, size, WIDTH):
        leaves += maker.bundle(size)
        progress(len(leaves) - first)
    with Signer(keys, ORIGIN) as signer:
        maker.end(lambda root: signer.sign(0, leaves, root))
