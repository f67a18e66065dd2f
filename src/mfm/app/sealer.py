"""The sealer: a follower of the journal that signs what was written within a second."""

import asyncio
from pathlib import Path

import structlog

from mfm.app.context import utc_now
from mfm.core.errors import Invalid
from mfm.store import trail
from mfm.store.bell import Bell
from mfm.store.database import FAILED, Mechanism, connect
from mfm.store.signer import Signer, verifier_key
from mfm.store.trail import Sealed

_PAUSE_SECONDS = 0.3
"""Between two checkpoints, at the least: each is signed, kept for ever, and flushed twice."""
_POLL_SECONDS = 0.5
"""Another process may have written, and a bell rung while sealing is not heard."""
log = structlog.get_logger(__name__)


class Sealer:
    """Signs checkpoints as the journal grows, until it is closed.

    Attributes:
        sealed: rings after every checkpoint.
        size: how many records the newest one is over.
    """

    def __init__(self, url: str, mechanism: Mechanism, folder: Path, written: Bell) -> None:
        """Prepare; nothing connects or signs before `run`.

        Args:
            url: the database, as a login that may become mfm_writer.
            mechanism: whose trail.
            folder: the signer's keys and state.
            written: rings when the journal grew.
        """
        self.sealed = Bell()
        self.size = 0
        self._url = url
        self._mechanism = mechanism
        self._folder = folder
        self._written = written

    async def run(self) -> None:
        """Follow the journal until cancelled; what it may not sign stops it, loudly.

        Raises:
            Invalid: `record-altered`, `journal-restored`, `signer-regress`, `signer-fork`,
                `signer-key`.
        """
        while True:
            try:
                await self._follow()
            except FAILED as error:
                log.warning("sealer-waits", because=type(error).__name__)
            except Invalid as error:
                if error.code != "signer-busy":
                    log.critical("trail-stopped", code=error.code, detail=error.detail)
                    raise
                log.info("sealer-waits", because=error.code)
            await asyncio.sleep(_POLL_SECONDS)

    async def _follow(self) -> None:
        connection = await connect(self._url, "mfm_writer")
        try:
            self._reach(await trail.newest(connection, self._mechanism.id))
            with Signer(self._folder, self._mechanism.origin) as signer:
                while True:
                    made = await trail.seal(connection, self._mechanism, signer, utc_now())
                    if made is None:
                        await self._written.wait(_POLL_SECONDS)
                        continue
                    self._reach(made)
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            await connection.close()

    def _reach(self, made: Sealed | None) -> None:
        """Tell those who wait of a checkpoint, of another process's too."""
        if made is not None and made.size > self.size:
            self.size = made.size
            self.sealed.ring()

    async def wait(self, seq: int, seconds: int) -> bool:
        """Wait until a record is sealed, or so many seconds; tell whether it is."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while self.size < seq and clock() < end:
            await self.sealed.wait(end - clock())
        return self.size >= seq

    def verifier_key(self) -> str:
        """Return the log's public key in note format.

        Raises:
            Invalid: `signer-key`.
        """
        return verifier_key(self._folder, self._mechanism.origin)
