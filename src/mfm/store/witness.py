"""A witness's own folder: its key, the logs that it knows, and how far it has seen each."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct, json

from mfm.core.errors import Invalid
from mfm.formats.policies import policy_in
from mfm.store.keyfile import NoteKey, key_in, replace_flushed, state_in
from mfm.verifier import COSIGNATURE, Key


class _Seen(Struct):
    """The checkpoint that was cosigned last: its size, and its root (in the file, base64)."""

    size: int = 0
    root: bytes = b""


class WitnessFolder:
    """What a witness keeps. Several processes may use it; one at a time looks and stores.

    Attributes:
        key: its own key.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        """Open the folder; it and the key are made on first use.

        Args:
            folder: readable by this user alone.
            name: the witness's, such as witness.example.org/w1; needed on first use.

        Raises:
            Invalid: `witness-name`, `signer-key`.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.key: NoteKey = key_in(folder / "witness.key", COSIGNATURE, name)

    def logs(self) -> list[Key]:
        """Return the keys of the logs that it knows: those that its file `policy` names.

        Raises:
            Invalid: `policy-missing`, `policy-malformed`.
        """
        path = self._folder / "policy"
        if not path.exists():
            detail = f"Name the logs in {path}: `log KEY` for each, then `quorum none`."
            raise Invalid("policy-missing", detail)
        return policy_in(path.read_text("utf-8"), str(path)).logs

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else look or store until the block ends."""
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def seen(self, origin: str) -> tuple[int, bytes]:
        """Return size and root of the checkpoint that was cosigned last; (0, b"") before any.

        Raises:
            Invalid: `signer-state` when the file was damaged.
        """
        instead = (
            "Without one, this witness cannot tell a fork any more: begin another, with a new key."
        )
        seen = state_in(self._path(origin), _Seen, instead)
        return seen.size, seen.root

    def store(self, origin: str, size: int, root: bytes) -> None:
        """Remember a checkpoint, flushed to the disk, before its cosignature is let out."""
        replace_flushed(self._path(origin), json.encode(_Seen(size, root)))

    def _path(self, origin: str) -> Path:
        return self._folder / f"{quote(origin, safe='')}.seen"
