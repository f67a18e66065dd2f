"""Private keys in files: a log's and a witness's, made on first use, read by one user alone."""

import os
import secrets
from base64 import b64decode, b64encode
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import DecodeError, Struct, json

from mfm.core.errors import Invalid

_PREFIX = "PRIVATE+KEY+"
S = TypeVar("S", bound=Struct)


class NoteKey:
    """A key that signs notes (C2SP signed-note).

    Attributes:
        name: the name under which it signs.
        id: the 4 bytes by which signatures name it.
        vkey: its verifier key in note format.
    """

    def __init__(self, name: str, kind: int, key: Ed25519PrivateKey) -> None:
        """Hold a private key of a kind: `verifier.LOG` or `verifier.COSIGNATURE`."""
        raw = bytes([kind]) + key.public_key().public_bytes_raw()
        self.name = name
        self.id = sha256(name.encode() + b"\n" + raw).digest()[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64encode(raw).decode()}"
        self._key = key

    def line(self, message: bytes, before: bytes = b"") -> str:
        """Return the signature line over a message, with what stands before the signature in it."""
        signed = b64encode(self.id + before + self._key.sign(message)).decode()
        return f"\u2014 {self.name} {signed}\n"


def key_in(path: Path, kind: int, name: str = "") -> NoteKey:
    """Return the key in a file; it is made on first use, for the name given.

    Args:
        path: the file; its folder is there.
        kind: `verifier.LOG` or `verifier.COSIGNATURE`.
        name: whose key it must be; "" for whosever it is.

    Raises:
        Invalid: `signer-key` when others may read it, or it is another's; `witness-name` when it
            is to be made, and nobody said for whom.
    """
    if not path.exists():
        _make(path, kind, name)
    if path.stat().st_mode & 0o077:
        detail = f"{path} may be read by others: chmod 600 it, and change the key."
        raise Invalid("signer-key", detail)
    try:
        told, _, rest = path.read_text("utf-8").removeprefix(_PREFIX).strip().partition("+")
        raw = b64decode(rest.partition("+")[2])
    except ValueError as fault:
        detail = f"{path} is no key, or was damaged: put back the copy that you keep of it."
        raise Invalid("signer-key", detail) from fault
    if (name and told != name) or raw[:1] != bytes([kind]) or len(raw) != 1 + 32:
        raise Invalid("signer-key", f"{path} is not the key of {name or 'this kind'}.")
    return NoteKey(told, kind, Ed25519PrivateKey.from_private_bytes(raw[1:]))


def _make(path: Path, kind: int, name: str) -> None:
    if not name or set(name) & {"+", " ", "\n"}:
        detail = "A new key needs a name, without spaces and plus signs: --name example.org/w1."
        raise Invalid("witness-name", detail)
    made = Ed25519PrivateKey.generate()
    told = NoteKey(name, kind, made)
    private = b64encode(bytes([kind]) + made.private_bytes_raw()).decode()
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    write_flushed(fresh, f"{_PREFIX}{name}+{told.id.hex()}+{private}\n".encode())
    with suppress(FileExistsError):  # another process was first: its key it is
        path.hardlink_to(fresh)
    fresh.unlink()
    flush_folder(path.parent)


def state_in(path: Path, kind: type[S], otherwise: str) -> S:
    """Return what was written to a file of state, or the kind's beginning where there is none.

    Args:
        path: the file.
        kind: what is in it.
        otherwise: what to do when it was damaged and there is no copy, a sentence.

    Raises:
        Invalid: `signer-state` when it is not what was written.
    """
    if not path.exists():
        return kind()
    try:
        return json.decode(path.read_bytes(), type=kind)
    except (DecodeError, ValueError) as fault:
        detail = f"{path} was damaged: put back a copy of just this moment. {otherwise}"
        raise Invalid("signer-state", detail) from fault


def write_flushed(path: Path, content: bytes) -> None:
    """Write a file for this user alone, and flush it to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_flushed(path: Path, content: bytes) -> None:
    """Replace a file, so that after a crash it is the old one or the new one, whole."""
    fresh = path.with_name(f"{path.name}.new")
    write_flushed(fresh, content)
    fresh.replace(path)
    flush_folder(path.parent)


def flush_folder(path: Path) -> None:
    """Flush what a folder says is in it."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
