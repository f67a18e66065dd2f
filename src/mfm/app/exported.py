"""Files that somebody else made, read with a bound: an export's, and the records in it.

Nothing is checked here, and no database's library is asked for: verifying offline begins with this.
"""

import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mfm.verifier import RECORD_MAX, WIDTH, Tampered, tile_path

_FILE_MAX = 2**20
"""More than any file of a receipt has, in bytes."""
_BUNDLE_MAX = WIDTH * (2 + RECORD_MAX)
"""The largest file that an export's tree has, in bytes."""


def bounded(path: Path, most: int = _FILE_MAX) -> bytes:
    """Return a file that somebody else made, if it is no larger than it can be.

    Raises:
        Tampered: `file-size`.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise Tampered("file-size", f"{path.name} has more than {most} bytes.")
    return content


@contextmanager
def exported(path: Path) -> Iterator[Callable[[str], bytes]]:
    """Give what reads a file of an export by its name; nothing is checked.

    Raises:
        OSError, KeyError, tarfile.TarError: by what it gives too: there is no such file.
    """
    if path.is_dir():
        yield lambda name: bounded(path / name, _BUNDLE_MAX)
        return
    with tarfile.open(path, "r:") as tar:

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            return file.read(_BUNDLE_MAX) if file else b""

        yield read


def names_in(path: Path, folder: str) -> list[str]:
    """Return the files in one folder of an export, by name; nothing is checked.

    Raises:
        OSError, tarfile.TarError: it cannot be read.
    """
    if path.is_dir():
        return sorted(each.name for each in (path / folder).glob("*"))
    with tarfile.open(path, "r:") as tar:
        parts = [name.removeprefix("./").split("/") for name in tar.getnames()]
    return sorted(rest[0] for first, *rest in parts if first == folder and rest)


def records_in(path: Path, size: int) -> Iterator[bytes]:
    """Yield the records of an export of so many, in order; nothing is checked.

    Raises:
        OSError, KeyError, tarfile.TarError, Tampered: a bundle cannot be read.
    """
    with exported(path) as read:
        for first in range(0, size, WIDTH):
            yield from bundled(read(bundle_at(first, size)))


def bundle_at(first: int, size: int) -> str:
    """Return the name of the bundle that begins with a leaf, in an export of so many records."""
    return tile_path("entries", first // WIDTH, min(WIDTH, size - first))


def bundled(content: bytes) -> Iterator[bytes]:
    """Yield the records of a bundle: each stands behind its length, in two bytes (tlog-tiles)."""
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 2], "big")
        yield content[at + 2 : at + 2 + length]
        at += 2 + length
