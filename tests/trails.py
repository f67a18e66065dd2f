"""What tests of the trail share: logs made of numbers, exports of books, forged manifests."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from mfm.app import trail
from mfm.core import merkle
from mfm.core.merkle import leaf_hash, root_of
from mfm.formats.witnessing import Continuity
from mfm.store.signer import Signer
from mfm.verifier import Options, checkpoint_of, verify
from tests.support import Books


class Numbers:
    """A log whose records are numbers, and its signer.

    Attributes:
        signer: its own.
        leaves: the hashes of its records.
    """

    def __init__(self, folder: Path, origin: str, salt: bytes = b"") -> None:
        self.signer = Signer(folder, origin)
        self.leaves: list[bytes] = []
        self.salt = salt

    def grow(self, count: int) -> str:
        """Add so many records; return the signed checkpoint."""
        start = len(self.leaves)
        fresh = [leaf_hash(self.salt + bytes(str(start + n), "ascii")) for n in range(count)]
        self.leaves += fresh
        return self.signer.sign(start, fresh, root_of(self.leaves))

    def proof(self, old: int, new: int = 0) -> Continuity:
        """Return proof that the tree continues the one of `old` records."""
        spans = merkle.consistency(old, new or len(self.leaves))
        return Continuity(old, [root_of(self.leaves[low:high]) for low, high in spans])


def manifest_again(folder: Path) -> None:
    """Make MANIFEST anew, as a forger would."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "MANIFEST"
    ]
    (folder / "MANIFEST").write_text("".join(lines))


async def exported(books: Books, keys: Path, folder: Path, *withhold: str) -> Path:
    """Seal and export a mechanism's trail into a folder."""
    await trail.seal(books.url, books.mechanism, keys)
    texts = frozenset(withhold)
    await trail.export(books.url, books.mechanism, folder, lambda _: None, texts)
    return folder


def policy_of(*keys: str, quorum: str = "none", witnesses: tuple[str, ...] = ()) -> str:
    """Return a policy that believes these keys."""
    logs = "".join(f"log {key}\n" for key in keys)
    return logs + "".join(f"{line}\n" for line in witnesses) + f"quorum {quorum}\n"


def unsigned_timestamp(text: bytes, at: datetime) -> bytes:
    """Return a response (RFC 3161) as far as mfm reads one: granted, of a text, of a time."""

    def der(tag: int, content: bytes) -> bytes:
        return bytes([tag, len(content)]) + content

    told = der(0x04, hashlib.sha256(text).digest()) + der(0x02, b"\x01")
    told += der(0x18, f"{at:%Y%m%d%H%M%SZ}".encode())
    return der(0x30, der(0x30, der(0x02, b"\x00")) + der(0x30, told))


def codes(path: Path, policy: str, **more: Any) -> tuple[int, list[str]]:  # noqa: ANN401  # its Options
    """Verify an export; return the exit code and what is wrong."""
    code, told = verify(path, policy, Options(**more))
    return code, [problem["code"] for problem in told["problems"]]


def size_of(note: str) -> int:
    """Return a checkpoint's size."""
    return checkpoint_of(note.encode()).size
