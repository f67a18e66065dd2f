"""The trail: sealing what was written, and taking it away."""

import io
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from mfm.app.context import utc_now
from mfm.core.errors import Invalid
from mfm.store import rotations, signer, trail, trail_export
from mfm.store.database import Connection, Mechanism, connect
from mfm.store.signer import Signer
from mfm.store.trail import Sealed
from mfm.store.writer import Guard

_PATIENCE_SECONDS = 10
_IN_MEMORY_BYTES = 4 * 2**20


async def seal(url: str, mechanism: Mechanism, folder: Path) -> Sealed | None:
    """Seal all that was written; return the newest checkpoint, None of an empty journal.

    Args:
        url: the database, as a login that may become mfm_writer.
        mechanism: whose trail.
        folder: the signer's keys and state.

    Raises:
        Invalid: `signer-key`; `signer-busy` when another process signs and is not done in time;
            and as `store.trail.seal`.
    """
    connection = await connect(url, "mfm_writer")
    try:
        try:
            with Signer(folder, mechanism.origin) as held:
                while await trail.seal(connection, mechanism, held, utc_now()):
                    pass
        except Invalid as busy:
            if busy.code != "signer-busy":
                raise
            # The process that signs, such as a server, seals within a second.
            if not await trail.sealed_by_another(connection, mechanism.id, _PATIENCE_SECONDS):
                raise
        return await trail.newest(connection, mechanism.id)
    finally:
        await connection.close()


def guard(mechanism: Mechanism, folder: Path) -> Guard:
    """Return what holds that a journal still begins with what was signed, for its writer.

    Args:
        mechanism: whose journal.
        folder: the signer's keys and state.
    """

    async def hold(connection: Connection) -> None:
        """Read first what was signed, so that the journal is never behind it but when it is."""
        signed = signer.signed(folder, mechanism.origin)
        await trail.hold_signed(connection, mechanism, signed)

    return hold


async def check(url: str, mechanism: Mechanism, folder: Path) -> None:
    """Hold that a journal still begins with what was signed.

    Raises:
        Invalid: `journal-restored`, `journal-replaced`.
    """
    connection = await connect(url, "mfm_writer")
    try:
        await guard(mechanism, folder)(connection)
    finally:
        await connection.close()


async def keys_of(connection: Connection, mechanism: Mechanism, folder: Path) -> list[str]:
    """Return all keys that have signed a trail, the first one first."""
    changes = await rotations.all_of(connection, mechanism.id)
    current = changes[-1].new if changes else signer.verifier_key(folder, mechanism.origin)
    return [*(change.old for change in changes), current]


async def key_in_force(url: str, mechanism: Mechanism) -> str:
    """Return the key that the journal named last, or ""."""
    connection = await connect(url, "mfm_writer")
    try:
        changes = await rotations.all_of(connection, mechanism.id)
    finally:
        await connection.close()
    return changes[-1].new if changes else ""


def verifier_key(mechanism: Mechanism, folder: Path) -> str:
    """Return the log's public key in note format; it is made on first use."""
    return signer.verifier_key(folder, mechanism.origin)


class _Sink:
    """Where an export goes: a folder that is new, or a tar file."""

    def __init__(self, path: Path) -> None:
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise Invalid("file-exists", f"{path} is there already; an export is written anew.")
        self._path = path
        # Kept open until all is added.
        self._tar = tarfile.open(path, "w") if path.suffix == ".tar" else None  # noqa: SIM115  # see above
        self.sums: dict[str, str] = {}

    def add(self, name: str, content: IO[bytes], size: int, digest: str) -> None:
        self.sums[name] = digest
        if self._tar is not None:
            member = tarfile.TarInfo(name)
            member.size = size
            self._tar.addfile(member, content)
            return
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while part := content.read(2**20):
                file.write(part)

    def close(self) -> None:
        text = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.sums.items())).encode()
        self.add("MANIFEST", io.BytesIO(text), len(text), "")
        if self._tar is not None:
            self._tar.close()


async def export(
    url: str,
    mechanism: Mechanism,
    path: Path,
    progress: Callable[[str], None],
    withhold: frozenset[str] = frozenset(),
) -> Sealed:
    """Write the trail as far as it is sealed into a new folder, or a .tar file.

    Args:
        url: the database, as a login that may become mfm_auditor.
        mechanism: whose trail.
        path: the folder or file.
        progress: told each file's name.
        withhold: fields of free text that are left out, or "all": the export says that they are.

    Raises:
        Invalid: `file-exists`; `trail-empty` before the first checkpoint.
    """
    connection = await connect(url, "mfm_auditor", mechanism.id)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            sealed = await trail.reached(connection, mechanism.id)
            sink = _Sink(path)
            pieces = trail_export.pieces(connection, mechanism, sealed, withhold)
            await _write(sink, pieces, progress)
            sink.close()
    finally:
        with suppress(OSError):
            await connection.close()
    return sealed


async def _write(
    sink: _Sink, pieces: AsyncIterator[trail_export.Piece], progress: Callable[[str], None]
) -> None:
    """Gather each file's pieces, then add it; what is large waits on the disk."""
    name, digest = "", sha256()
    with SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:

        def end() -> None:
            if name:
                size = file.tell()
                file.seek(0)
                sink.add(name, file, size, digest.hexdigest())
                progress(name)
                file.seek(0)
                file.truncate()

        async for each, content in pieces:
            if each != name:
                end()
                name, digest = each, sha256()
            digest.update(content)
            file.write(content)
        end()
