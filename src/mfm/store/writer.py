"""The writer: one connection per mechanism and process; verbs one after another, sharing a commit.

While the journal's head is the one it wrote last, it decides from memory and writes a whole batch
with a single call, which checks the head. Anything that call does not like (another writer, a
known key, a lost connection) sends the same verbs down the careful way: lock the head, read,
decide, write, commit. A connection lost while writing leaves the outcome unknown; the careful way
finds out by the idempotency keys.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
import structlog

from mfm.core.errors import Invalid, Problem
from mfm.store import journal
from mfm.store.database import Mechanism, connect
from mfm.store.memory import NOTHING, Ahead, Memory
from mfm.store.unit import Unit

R = TypeVar("R")
Job = Callable[[Unit], Awaitable[R]]

QUEUE_MAX = 2_048
"""Verbs that may wait; beyond it the caller is asked to come again."""
SHARED_MAX = 256
"""Verbs that share one commit."""
_RECONNECT_SECONDS = 30
_GATHER_SECONDS = 0.002
"""The longest that verbs wait for others to share their commit; a lone caller never waits."""

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection says that was cut while it was idle
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
    OSError,
)
_DATABASE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
log = structlog.get_logger(__name__)


class _Waiting:
    """A job, what it will need, and the future that its caller awaits."""

    __slots__ = ("ahead", "future", "job")

    def __init__(self, job: Job[Any], ahead: Ahead, future: asyncio.Future[Any]) -> None:
        self.job = job
        self.ahead = ahead
        self.future = future

    def answer(self, outcome: object) -> None:
        """Tell the caller, unless it went away."""
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class _Spoilt(Exception):
    """A job failed after it had changed something: the batch is decided again without it."""

    def __init__(self, waiting: _Waiting, cause: Exception) -> None:
        super().__init__(str(cause))
        self.waiting = waiting
        self.cause = cause


class Writer:
    """Runs verbs on a mechanism's journal, one after another."""

    def __init__(self, url: str, mechanism: Mechanism) -> None:
        """Prepare; nothing connects before `start`.

        Args:
            url: the database, as a login that may become mfm_writer.
            mechanism: whose journal.
        """
        self.mechanism = mechanism
        self._url = url
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._memory: Memory | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._replan_at = 0
        self._enough = 1  # how many must wait before the loop wakes
        self._expected = 1  # how many are about to come

    @property
    def waiting(self) -> int:
        """How many verbs wait."""
        return len(self._queue)

    @property
    def serving(self) -> bool:
        """Whether it runs what is given to it."""
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Connect and begin to serve."""
        await self._connected()
        self._task = asyncio.create_task(self._loop(), name=f"writer-{self.mechanism.name}")

    async def close(self) -> None:
        """Serve what waits, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._connection is not None:
            await self._connection.close()

    async def run(self, job: Job[R], ahead: Ahead = NOTHING) -> R:
        """Run a job in its turn; return its result once it is committed.

        Args:
            job: reads and writes through the unit that it is given.
            ahead: what it is known to need: read for all jobs of a commit at once.

        The job may be run more than once, each time on a unit that knows nothing of the run
        before: it must leave nothing behind but what it returns.

        Raises:
            Invalid: `overloaded` when too many wait; whatever the job raises.
        """
        if len(self._queue) >= QUEUE_MAX or self._closing:
            raise Invalid("overloaded", "The ledger is busy; try again in a second.")
        waiting = _Waiting(job, ahead, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if len(self._queue) >= self._enough:
            self._wake.set()
        return await waiting.future  # type: ignore[no-any-return]  # the job's own result

    # The loop ------------------------------------------------------------------------------------

    async def _loop(self) -> None:
        while self._queue or not self._closing:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._gather()
            some = [self._queue.popleft() for _ in range(min(SHARED_MAX, len(self._queue)))]
            await self._serve(some)
            # Those just answered and those who came meanwhile: about as many will ask next.
            self._expected = (len(some) + len(self._queue)) * 3 // 4

    async def _gather(self) -> None:
        """Wait a moment for verbs that are about to come: a commit costs the same for many."""
        if len(self._queue) < self._expected and not self._closing:
            self._enough = self._expected
            self._wake.clear()
            timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._wake.set)
            await self._wake.wait()
            timer.cancel()
            self._enough = 1

    async def _serve(self, batch: list[_Waiting]) -> None:
        while batch:
            try:
                outcomes = await self._quickly(batch) or await self._carefully(batch)
            except _Spoilt as spoilt:
                self._memory = None
                spoilt.waiting.answer(spoilt.cause)
                batch = [waiting for waiting in batch if waiting is not spoilt.waiting]
                continue
            except Exception as error:
                self._memory = None
                if len(batch) == 1 or isinstance(error, Problem):  # a database that does not answer
                    log.exception("write-failed", exc_info=error)
                    for waiting in batch:
                        waiting.answer(error)
                else:  # one verb's fault is not its neighbours': each goes alone
                    for waiting in batch:
                        await self._serve([waiting])
                return
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.answer(outcome)
            return

    async def _quickly(self, batch: list[_Waiting]) -> list[object] | None:
        """Decide from memory and write with one call; None when the careful way is needed."""
        memory, connection = self._memory, self._connection
        if memory is None or memory.full or connection is None or connection.is_closed():
            return None
        unit = self._unit(connection, memory, strict=False)
        try:
            outcomes = await self._decide(unit, batch)
            await unit.flush()
            await self._replan(connection, memory)
            if not unit.written:
                # What is answered without writing is only true if nobody else wrote meanwhile.
                head = await journal.head_of(connection, self.mechanism.id, lock=False)
                if head.seq != memory.head.seq:
                    self._memory = None
                    return None
        except (*_LOST, asyncpg.PostgresError) as error:
            self._memory = None
            log.info("careful-way", because=type(error).__name__)
            return None
        return outcomes

    async def _carefully(self, batch: list[_Waiting]) -> list[object]:
        """Lock the head, read, decide, write, commit; again if the connection is lost."""
        deadline = asyncio.get_running_loop().time() + _RECONNECT_SECONDS
        while True:
            try:
                connection = await self._connected()
                async with connection.transaction():
                    head = await journal.head_of(connection, self.mechanism.id, lock=True)
                    memory = Memory(head)
                    unit = self._unit(connection, memory, strict=True)
                    outcomes = await self._decide(unit, batch)
                    await unit.flush()
            except _LOST as error:
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                if asyncio.get_running_loop().time() > deadline:
                    detail = "The database does not answer. Repeat the request with the same key."
                    raise Invalid("unavailable", detail) from error
                await asyncio.sleep(0.2)
                continue
            self._memory = memory
            return outcomes

    async def _replan(self, connection: asyncpg.Connection, memory: Memory) -> None:
        """Have PostgreSQL plan anew each time the journal has doubled.

        A plan made while the tables were nearly empty may walk a whole index for every row, and
        would stay until they are analysed: minutes in which a thousand entries take seconds.
        """
        if memory.head.seq >= self._replan_at:
            await connection.execute("DISCARD PLANS")
            self._replan_at = max(256, 2 * memory.head.seq)

    async def _decide(self, unit: Unit, batch: list[_Waiting]) -> list[object]:
        outcomes: list[object] = []
        await unit.read_ahead([waiting.ahead for waiting in batch])
        for waiting in batch:
            stamp = unit.stamp
            try:
                outcomes.append(await waiting.job(unit))
            except Exception as error:
                if isinstance(error, _DATABASE) or unit.connection.is_closed():
                    raise
                if unit.stamp != stamp or not isinstance(error, Problem):
                    raise _Spoilt(waiting, error) from error
                outcomes.append(error)
        return outcomes

    def _unit(self, connection: asyncpg.Connection, memory: Memory, *, strict: bool) -> Unit:
        return Unit(connection, self.mechanism, memory, datetime.now(UTC), strict=strict)

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url, "mfm_writer")
        return self._connection
