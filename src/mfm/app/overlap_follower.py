"""The check for overlap right after commit: a follower of the journal, which nobody waits for.

It keeps how far it has come beside the journal, so that a restart goes on where the last one
stopped. What is checked twice opens no second case, so a check that failed only holds that mark
back: those behind it do not wait, and from it on all is looked at again.
"""

import asyncio
import time
from typing import get_args

import structlog

from mfm.app.matching import warm
from mfm.app.overlap_check import Kind, check
from mfm.app.overlap_keys import renew
from mfm.app.overlap_opening import open_found
from mfm.core.errors import Invalid
from mfm.core.permissions import OPERATOR, Actor
from mfm.core.record import parse
from mfm.store import followers
from mfm.store.database import FAILED, LOST, Connection, Engine, connect, is_unreachable, snapshot
from mfm.store.writer import Writer

_NAME = "overlap"
_VERBS = (
    *("party.register", "party.attest", "application.submit"),
    *("call.draft", "call.revise", "call.publish"),
    *("report.submit", "report.answer", "report.accept", "cost.pay", "commitment.sign"),
)
"""Calls from their draft on: both secretariats hear of it before one is published."""
_KINDS: tuple[Kind, ...] = get_args(Kind)
_OF_PARTIES = {"attestation": "party"}
"""What is about a party, which is then looked at -> its field that names the party."""
_SPAN = 1_000
"""So many records are looked through at once."""
_POLL_SECONDS = 0.5
"""Another process may have written, and a bell rung while checking is not heard."""
AGAIN_SECONDS = 600
"""So long after a check failed it is tried again, unless the process is started anew before."""
HELD_BACK_MAX = 10_000
"""So many records behind the last one the mark is held; what failed before is left to a scan."""
_BUSY = frozenset({"overloaded", "unavailable"})
"""What the writer says when it is worth asking again at once."""
log = structlog.get_logger(__name__)


class OverlapFollower:
    """Checks what is submitted and registered as the journal grows, until it is cancelled.

    Attributes:
        seq: the last record that it has dealt with.
    """

    def __init__(
        self, url: str, writer: Writer, engine: Engine, again_seconds: int = AGAIN_SECONDS
    ) -> None:
        """Prepare; nothing connects before `run`.

        Args:
            url: the database, as a login that may become mfm_writer.
            writer: the mechanism's: cases are opened through it, in their turn.
            engine: where to read.
            again_seconds: how long after a check failed to try it again.
        """
        self.seq = 0
        self._missed = 0  # the first record whose check failed, since the mark was read
        self._again_at = time.monotonic()
        self._again_seconds = again_seconds
        self._url = url
        self._writer = writer
        self._engine = engine
        self._actor = Actor(writer.mechanism.name, OPERATOR, "overlap")

    async def run(self) -> None:
        """Follow the journal until cancelled; what fails is tried again."""
        while True:
            try:
                await self._follow()
            except (*FAILED, *LOST, Invalid) as error:
                log.warning("overlap-waits", because=getattr(error, "code", type(error).__name__))
            await asyncio.sleep(_POLL_SECONDS)

    async def _follow(self) -> None:
        """Go on from the mark; return when what failed is to be tried again."""
        number = self._writer.mechanism.id
        await asyncio.to_thread(warm)  # some tenths of a second, while others are answered
        await renew(self._writer)
        connection = await connect(self._url, "mfm_writer")
        try:
            self.seq, self._missed = await followers.reached(connection, number, _NAME), 0
            while not (self._missed and time.monotonic() >= self._again_at):
                head = await followers.head(connection, number)
                if head > self.seq:
                    await self._check(connection, min(head, self.seq + _SPAN))
                else:
                    await self._writer.written.wait(_POLL_SECONDS)
        finally:
            await connection.close()

    async def _check(self, connection: Connection, until: int) -> None:
        """Check what the next records submit or register, and note that this is done."""
        number = self._writer.mechanism.id
        for seq, content in await followers.records(connection, number, (self.seq, until), _VERBS):
            sets = parse(content)[1].sets
            for kind in _KINDS:
                for state in sets.get(kind, ()):
                    await self._check_one(kind, state["id"], seq)
            for noun, field in _OF_PARTIES.items():
                for state in sets.get(noun, ()):
                    await self._check_one("party", state[field], seq)
            await self._reach(connection, seq)
        await self._reach(connection, until)

    async def _reach(self, connection: Connection, seq: int) -> None:
        """Note how far all is done: not beyond what failed, unless that is long ago."""
        if self._missed and seq - self._missed >= HELD_BACK_MAX:
            log.error("overlap-left-to-scan", since=self._missed)
            self._missed = 0
        mark = min(seq, self._missed - 1) if self._missed else seq
        await followers.follow(connection, self._writer.mechanism.id, _NAME, mark)
        self.seq = seq

    async def _check_one(self, kind: Kind, noun_id: str, seq: int) -> None:
        """Check one and open cases of what is found; where that fails, remember and go on."""
        try:
            async with snapshot(self._engine) as reader:
                found = await check(reader, kind, noun_id)
            await open_found(self._writer, self._actor, found, lambda _: None)
        except Exception as error:
            if _passes(error):
                raise
            # Whatever it is, those behind it are not to wait for it.
            log.exception("overlap-check-failed", kind=kind, id=noun_id, seq=seq)
            if not self._missed:
                self._missed, self._again_at = seq, time.monotonic() + self._again_seconds


def _passes(error: Exception) -> bool:
    """Tell whether the same is worth doing again soon: what failed is not this check alone."""
    if isinstance(error, Invalid):
        return error.code in _BUSY
    return isinstance(error, LOST) or is_unreachable(error)
