"""The log of reads and exports: kept beside the requests, for the auditor.

A request only leaves a note in memory; one task writes what has gathered, a call a second at the
most, on a connection of its own. What cannot be kept is counted, never waited for.
"""

import asyncio
from collections import deque
from contextlib import suppress
from itertools import islice

import structlog

from mfm.app.context import utc_now
from mfm.core.permissions import Actor, scope_of
from mfm.store import read_log as store
from mfm.store.database import Engine, Mechanism
from mfm.store.read_log import Noted, Read
from mfm.store.reads import Page

__all__ = ["Read", "ReadLog", "note_now", "page_of"]

QUEUE_MAX = 10_000
"""Reads that may wait to be written; beyond it they are lost, and counted."""
_BATCH_MAX = 1_000
_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 10.0
_SUBJECT_MAX = 500
log = structlog.get_logger(__name__)


def _noted(actor: Actor, action: str, subject: str, items: int) -> Noted:
    # Addresses may hold what PostgreSQL cannot; one of them would keep all others waiting.
    told = subject[:_SUBJECT_MAX].replace("\0", "").encode("utf-8", "replace").decode()
    return Noted(utc_now(), actor.party, actor.role, actor.key, action, told, items)


class ReadLog:
    """Reads that wait to be written, and the task that writes them.

    Attributes:
        lost: how many could not be kept since the start.
        waiting: how many wait.
    """

    def __init__(self, url: str, mechanism: Mechanism) -> None:
        """Prepare; nothing connects before there is something to write.

        Args:
            url: the database, as a login that may become mfm_writer.
            mechanism: whose log.
        """
        self.lost = 0
        self._name = mechanism.name
        self._log = store.Log(url, mechanism)
        self._queue: deque[Noted] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many reads wait to be written."""
        return len(self._queue)

    def start(self) -> None:
        """Begin to write what is noted."""
        self._task = asyncio.create_task(self._loop(), name=f"read-log-{self._name}")

    def note(self, actor: Actor, action: str, subject: str, items: int = 1) -> None:
        """Leave a note of a read; it returns at once, whatever the database does.

        Args:
            actor: who read.
            action: by which action of the table of permissions.
            subject: what: an address with its query, or a command.
            items: how many things were told.
        """
        if len(self._queue) >= QUEUE_MAX:
            self.lost += 1
            return
        self._queue.append(_noted(actor, action, subject, items))

    async def close(self) -> None:
        """Write what waits, then stop; what cannot be written now is lost."""
        self._closing.set()
        if self._task is not None:
            await self._task
        if self._queue:
            self.lost += len(self._queue)
            log.error("read-log-lost", reads=len(self._queue))
        await self._log.close()

    async def _loop(self) -> None:
        closing = False
        while not closing:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _PAUSE_SECONDS)
            closing = self._closing.is_set()
            await self._flush()

    async def _flush(self) -> None:
        """Write all that waits; what fails stays for the next time.

        A read whose writing was cut off may so be in the log twice, but is never missing.
        """
        try:
            while self._queue:
                some = list(islice(self._queue, _BATCH_MAX))
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._log.write(some)
                for _ in some:
                    self._queue.popleft()
        except Exception as error:  # noqa: BLE001  # whatever it is, the next time may do
            log.warning("read-log-waits", because=type(error).__name__, waiting=self.waiting)


async def note_now(
    url: str, mechanism: Mechanism, actor: Actor, noted: tuple[str, str, int]
) -> None:
    """Write one read to the log at once: for a command, which ends with its process.

    Args:
        url: the database, as a login that may become mfm_writer.
        mechanism: whose log.
        actor: who read.
        noted: the action, the subject, and how many things were told.
    """
    once = store.Log(url, mechanism)
    try:
        await once.write([_noted(actor, *noted)])
    finally:
        await once.close()


async def page_of(engine: Engine, actor: Actor, page: Page) -> list[Read]:
    """Return a page of the log, in the order of writing.

    Raises:
        Invalid: `role-not-allowed`.
    """
    scope_of(actor, "read.read")
    async with engine.connect() as connection:
        return await store.page_of(connection, page)
