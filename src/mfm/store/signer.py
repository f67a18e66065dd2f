"""The signer: it signs checkpoints of one growing tree, and never two that contradict each other.

It sees no database. It keeps the roots of the tree that it signed last in a file of its own, adds
the new leaves itself, and writes the file, flushed to the disk, before it lets a signature out. So
a journal that was rolled back or rewritten below that size finds a signer that refuses.
"""

import fcntl
import os
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Annotated, NamedTuple, Self

from msgspec import Meta, Struct, json

from mfm.core.errors import Invalid
from mfm.core.merkle import Range
from mfm.store.keyfile import flush_folder, key_in, replace_flushed, state_in
from mfm.verifier import LOG, Tampered, checkpoint_of, key_of


class _State(Struct):
    """What the signer signed last: a size, and the roots of that tree's full subtrees (hex)."""

    size: Annotated[int, Meta(ge=0)] = 0
    roots: tuple[Annotated[str, Meta(pattern="^[0-9a-f]{64}$")], ...] = ()

    def __post_init__(self) -> None:
        """Hold that there is a root for each full subtree of a tree of that size."""
        if len(self.roots) != self.size.bit_count():
            raise ValueError("its roots are not those of a tree of its size")

    def range(self) -> Range:
        """Return the tree, to go on from."""
        return Range(self.size, map(bytes.fromhex, self.roots))


class Signed(NamedTuple):
    """What was signed last: the tree's size and root."""

    size: int
    root: bytes


class Signer:
    """A key and the tree that it has signed. One process at a time holds it.

    A change of key begins with `NAME.next.key` beside `NAME.key`. Once the journal says so, in a
    record that the old key has signed, `rotate` puts the next one in its place.
    """

    def __init__(self, folder: Path, origin: str) -> None:
        """Open the signer of a log; its key is made on first use.

        Args:
            folder: holds the key and the state, readable by this user alone.
            origin: the log's name.

        Raises:
            Invalid: `signer-busy` when another process holds it; `signer-key` when others may read
                the key, or it is another log's; `signer-state` when the state was damaged.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._origin = origin
        self._folder = folder
        self._lock = os.open(_file(folder, origin, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._key = key_in(_file(folder, origin, "key"), LOG, origin)
            self._range = _state(folder, origin).range()
        except BlockingIOError:
            os.close(self._lock)
            detail = f"Another process signs for {origin}; stop it first, or let it go on."
            raise Invalid("signer-busy", detail) from None
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def vkey(self) -> str:
        """The verifier key in note format."""
        return self._key.vkey

    @property
    def size(self) -> int:
        """The last size signed."""
        return self._range.size

    def root(self) -> bytes:
        """Return the root signed last, 32 bytes."""
        return self._range.root()

    def sign(self, old: int, leaves: Iterable[bytes], root: bytes) -> str:
        """Return a signed checkpoint of the tree with these leaves added.

        Args:
            old: the size it signed last; with no leaves the same checkpoint is signed again.
            leaves: the new leaves' hashes.
            root: what the caller holds the new root to be.

        Raises:
            Invalid: `signer-regress` for another size than the last, `signer-fork` for another
                root.
        """
        if old != self._range.size:
            detail = f"{self._range.size} records were signed, not {old}: the journal went back."
            raise Invalid("signer-regress", detail)
        grown = Range(self._range.size, self._range.roots)
        for leaf in leaves:
            grown.append(leaf)
        if grown.root() != root:
            detail = f"The tree of {grown.size} would not continue the one signed at {old}."
            raise Invalid("signer-fork", detail)
        if grown.size != old:
            self._keep(grown)
            self._range = grown
        text = f"{self._origin}\n{grown.size}\n{b64encode(root).decode()}\n"
        return f"{text}\n{self._key.line(text.encode())}"

    def _keep(self, grown: Range) -> None:
        state = _State(grown.size, tuple(root.hex() for root in grown.roots))
        replace_flushed(_file(self._folder, self._origin, "signed"), json.encode(state))

    def resume(self, note: str, roots: list[bytes]) -> None:
        """Go on from a later checkpoint than is kept, which this very key has signed.

        Args:
            note: the checkpoint.
            roots: those of its tree's full subtrees, largest first.

        Raises:
            Invalid: `signer-regress` when it is not signed by this key, or not over that tree.
        """
        detail = f"The checkpoint after {self.size}, the last that is kept here, is not ours."
        try:
            told = checkpoint_of(note.encode())
            signed = told.signed_by(key_of(self.vkey), 0)
        except Tampered as fault:
            raise Invalid("signer-regress", detail) from fault
        grown = Range(told.size, roots)
        wanted = (self._origin, grown.root())
        if not signed or told.size <= self.size or (told.origin, told.root) != wanted:
            raise Invalid("signer-regress", detail)
        self._keep(grown)
        self._range = grown

    def rotate(self, new: str) -> None:
        """Sign with the next key from here on, unless that is done already.

        The old private key is no more: what it signed stays signed.

        Args:
            new: the verifier key that the journal names.

        Raises:
            Invalid: `signer-key` when its private half is not here.
        """
        if new == self.vkey:
            return
        path = _file(self._folder, self._origin, "next.key")
        if not path.exists() or key_in(path, LOG, self._origin).vkey != new:
            detail = f"The journal says that {new} signs from here on; {path} is not that key."
            raise Invalid("signer-key", detail)
        path.replace(_file(self._folder, self._origin, "key"))
        flush_folder(self._folder)
        self._key = key_in(_file(self._folder, self._origin, "key"), LOG, self._origin)

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        """Use it within a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def verifier_key(folder: Path, origin: str, *, upcoming: bool = False) -> str:
    """Return a log's public key in note format, also while another process signs.

    The key is made on first use; so is the upcoming one, which is to sign after a change of key.
    Raises as `Signer`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return key_in(_file(folder, origin, "next.key" if upcoming else "key"), LOG, origin).vkey


def signed(folder: Path, origin: str) -> Signed | None:
    """Return what was signed last for a log, also while another process signs; None if nothing."""
    state = _state(folder, origin)
    return Signed(state.size, state.range().root()) if state.size else None


def _file(folder: Path, origin: str, kind: str) -> Path:
    return folder / f"{origin.replace('/', '-')}.{kind}"


def _state(folder: Path, origin: str) -> _State:
    instead = (
        "Without one, move it away: signing goes on from the newest checkpoint that is stored."
    )
    return state_in(_file(folder, origin, "signed"), _State, instead)
