"""The writer: one per mechanism and process; verbs one after another, sharing a commit.

While the journal's head is the one it wrote last, it decides from memory and writes a whole batch
with a single call, which checks the head; while that call is under way it decides the next batch,
and reads what it misses for that on a second connection (what the call is writing is in memory).
Anything the call does not like (another writer, a known key, a lost connection) sends its verbs,
and after them those decided meanwhile, down the careful way: lock the head, read, decide, write,
commit. A connection lost while writing leaves the outcome unknown; the careful way finds out by
the idempotency keys.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import structlog

from mfm.core.errors import Invalid, Problem
from mfm.store import journal
from mfm.store.bell import Bell
from mfm.store.database import LOST, Mechanism, connect
from mfm.store.flights import Flight, Job, R, Waiting
from mfm.store.memory import NOTHING, Ahead, Memory
from mfm.store.unit import Unit

Guard = Callable[[asyncpg.Connection], Awaitable[None]]
"""Holds that the journal may be written, or raises Invalid; asked whenever the head is locked."""

QUEUE_MAX = 2_048
"""Verbs that may wait; beyond it the caller is asked to come again."""
SHARED_MAX = 256
"""The weight of verbs that share one commit: most weigh 1, a batch as much as its items."""
_HALVED_FROM = 32
"""From so many waiting verbs on, half go first and the others are decided meanwhile."""
_RECONNECT_SECONDS = 30
_GATHER_SECONDS = 0.002
"""The longest that verbs wait for others to share their commit; a lone caller never waits."""

_DATABASE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
log = structlog.get_logger(__name__)


class _Spoilt(Exception):
    """A job failed after it had changed something: the batch is decided again without it."""

    def __init__(self, waiting: Waiting, cause: Exception) -> None:
        super().__init__(str(cause))
        self.waiting = waiting
        self.cause = cause


class Careful(Exception):
    """Raised by a job that must see all that is written: its batch is decided the careful way."""


class Writer:
    """Runs verbs on a mechanism's journal, one after another."""

    def __init__(self, url: str, mechanism: Mechanism, guard: Guard | None = None) -> None:
        """Prepare; nothing connects before `start`.

        Args:
            url: the database, as a login that may become mfm_writer.
            mechanism: whose journal.
            guard: asked before it writes, whenever the journal may be another than it was.
        """
        self._guard = guard
        self.mechanism = mechanism
        self.written = Bell()  # rings when the journal grew: for those who follow it
        self._url = url
        self._queue: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._reading: asyncpg.Connection | None = None
        self._flight: Flight | None = None
        self._memory: Memory | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._replan_at = 0
        self._enough = 1  # how many must wait before the loop wakes
        self._expected = 0  # how many are about to come
        self._late = False  # whether they have been waited for long enough

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
        for connection in (self._connection, self._reading):
            if connection is not None:
                await connection.close()

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
        waiting = Waiting(job, ahead, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if len(self._queue) >= self._enough:
            self._wake.set()
        return await waiting.future  # type: ignore[no-any-return]  # the job's own result

    async def rehearse(self, job: Job[R]) -> R:
        """Run a job on the books as they stand, writing nothing; raises what the job raises."""
        connection = await connect(self._url, "mfm_writer")
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                head = await journal.head_of(connection, self.mechanism.id, lock=False)
                return await job(self._unit(connection, Memory(head), strict=True))
        finally:
            await connection.close()

    # The loop ------------------------------------------------------------------------------------

    async def _loop(self) -> None:
        while some := await self._gather():
            self._expected = 0
            await self._serve(some)
            # Half of those who ask: the others' batch is decided while theirs is written.
            self._expected = (len(some) + len(self._queue) + 1) // 2

    async def _gather(self) -> list[Waiting]:
        """Return the verbs of the next batch, once there are some; none when all is done.

        It waits a moment for verbs that are about to come: a commit costs the same for many.
        """
        timer: asyncio.TimerHandle | None = None
        self._late = False
        while True:
            if self._flight is not None and self._flight.task.done():
                await self._land()
                self._late = True  # nothing is being written: whoever waits goes now
            if self._queue:
                if len(self._queue) >= self._expected or self._late or self._closing:
                    break
                loop = asyncio.get_running_loop()
                timer = timer or loop.call_later(_GATHER_SECONDS, self._ring)
            elif self._closing and self._flight is None:
                return []
            self._enough = self._expected if self._queue else 1
            self._wake.clear()
            await self._wake.wait()
        if timer is not None:
            timer.cancel()
        return self._take()

    def _ring(self) -> None:
        self._late = True
        self._wake.set()

    def _take(self) -> list[Waiting]:
        """Return the next verbs that share a commit.

        By weight, so that while a large batch is being written the next one is decided.
        """
        taken: list[Waiting] = []
        weight = 0
        most = SHARED_MAX
        if self._flight is None:
            most = min(most, max(_HALVED_FROM, len(self._queue) + 1) // 2)
        while self._queue and weight < most:
            taken.append(self._queue.popleft())
            weight += taken[-1].ahead.weight
        return taken

    async def _serve(self, batch: list[Waiting]) -> None:
        """Decide a batch and send it on its way, or do it the careful way at once."""
        try:
            decided = await self._decide_ahead(batch)
        except _Spoilt as spoilt:
            self._memory = None
            await self._land()
            await self._redo(batch, spoilt)
            return
        if decided is not None:
            decided[0].close()
        landed = await self._landed()
        if decided is None or self._memory is not decided[0].memory:
            if landed is not None:
                landed.answer()
            await self._redo(batch)
            return
        unit, outcomes = decided
        task = asyncio.create_task(self._write(unit))
        task.add_done_callback(lambda _: self._wake.set())
        self._flight = Flight(batch, outcomes, task)
        # Only now, so that PostgreSQL does not wait while answers are sent.
        if landed is not None:
            landed.answer()

    async def _decide_ahead(self, batch: list[Waiting]) -> tuple[Unit, list[object]] | None:
        """Decide from memory, perhaps while a batch is under way; None when it cannot be done."""
        memory, reading = self._memory, self._reading
        if memory is None or memory.full or reading is None or reading.is_closed():
            return None
        unit = self._unit(reading, memory, strict=False)
        try:
            return unit, await self._decide(unit, batch)
        except _Spoilt:
            raise
        except Exception as error:  # noqa: BLE001  # the connection's; the careful way finds out
            log.info("careful-way", because=type(error).__name__)
            self._memory = None
            return None

    async def _write(self, unit: Unit) -> bool:
        """Write a batch that was decided from memory; False when the careful way must decide it."""
        try:
            connection = await self._connected()
            if unit.written:
                await unit.flush(connection)
                await self._replan(connection, unit.memory.head.seq)
                self.written.ring()
                return True
            # What is answered without writing is only true if nobody else wrote meanwhile.
            head = await journal.head_of(connection, self.mechanism.id, lock=False)
        except Exception as error:  # noqa: BLE001  # whatever it is, the careful way finds out
            log.info("careful-way", because=type(error).__name__)
            return False
        return head.seq == unit.memory.head.seq

    async def _landed(self) -> Flight | None:
        """See the batch under way home: return it to be answered, or do it the careful way."""
        flight, self._flight = self._flight, None
        if flight is None or await flight.task:
            return flight
        self._memory = None
        await self._redo(flight.batch)
        return None

    async def _land(self) -> None:
        """See the batch under way home, and answer it."""
        if (flight := await self._landed()) is not None:
            flight.answer()

    async def _redo(self, batch: list[Waiting], spoilt: _Spoilt | None = None) -> None:
        """Do a batch the careful way, without the verbs that spoil it."""
        while True:
            if spoilt is not None:
                self._memory = None
                spoilt.waiting.answer(spoilt.cause)
                batch = [waiting for waiting in batch if waiting is not spoilt.waiting]
            if not batch:
                return
            try:
                outcomes = await self._carefully(batch)
            except _Spoilt as another:
                spoilt = another
                continue
            except Exception as error:  # noqa: BLE001  # whatever it is, every caller is answered
                await self._failed(batch, error)
                return
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.answer(outcome)
            return

    async def _failed(self, batch: list[Waiting], error: Exception) -> None:
        """Answer a batch that cannot be written: one verb's fault is not its neighbours'."""
        self._memory = None
        if len(batch) == 1 or isinstance(error, Problem):  # a database that does not answer
            if error.__cause__ or not isinstance(error, Problem):  # else the caller is told it all
                log.error("write-failed", exc_info=error)
            for waiting in batch:
                waiting.answer(error)
            return
        for waiting in batch:
            await self._redo([waiting])

    async def _carefully(self, batch: list[Waiting]) -> list[object]:
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
                    may_write = await self._may_write(connection, unit)
                    await unit.flush()
            except LOST as error:
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                if asyncio.get_running_loop().time() > deadline:
                    detail = "The database does not answer. Repeat the request with the same key."
                    raise Invalid("unavailable", detail) from error
                await asyncio.sleep(0.2)
                continue
            self._memory = memory if may_write else None
            self.written.ring()
            return outcomes

    async def _may_write(self, connection: asyncpg.Connection, unit: Unit) -> bool:
        """Ask the guard; where it says no, reading goes on, and nothing is decided from memory.

        Raises:
            Invalid: the guard's, if something is to be written.
        """
        try:
            if self._guard is not None:
                await self._guard(connection)
        except Invalid:
            if unit.written:
                raise
            return False
        return True

    async def _replan(self, connection: asyncpg.Connection, seq: int) -> None:
        """Have PostgreSQL plan anew each time the journal has doubled.

        A plan made while the tables were nearly empty may walk a whole index for every row, and
        would stay until they are analysed: minutes in which a thousand entries take seconds.
        """
        if seq >= self._replan_at:
            await connection.execute("DISCARD PLANS")
            self._replan_at = max(256, 2 * seq)

    async def _decide(self, unit: Unit, batch: list[Waiting]) -> list[object]:
        outcomes: list[object] = []
        await unit.read_ahead([waiting.ahead for waiting in batch])
        for waiting in batch:
            stamp = unit.stamp
            try:
                outcomes.append(await waiting.job(unit))
            except Exception as error:
                if isinstance(error, (*_DATABASE, Careful)) or unit.connection.is_closed():
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
        if self._reading is None or self._reading.is_closed():
            self._reading = await connect(self._url, "mfm_writer")
        return self._connection
