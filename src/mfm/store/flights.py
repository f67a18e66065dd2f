"""Verbs on their way through the writer: one that waits, and a batch that is being written."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mfm.store.memory import Ahead
from mfm.store.unit import Unit

R = TypeVar("R")
Job = Callable[[Unit], Awaitable[R]]
"""Reads and writes through the unit that it is given."""


class Waiting:
    """A job, what it will need, and the future that its caller awaits."""

    __slots__ = ("ahead", "future", "job")

    def __init__(self, job: Job[Any], ahead: Ahead, future: asyncio.Future[Any]) -> None:
        """Keep them."""
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


class Flight:
    """A batch under way: decided, not yet known to be written."""

    __slots__ = ("batch", "outcomes", "task")

    def __init__(
        self, batch: list[Waiting], outcomes: list[object], task: asyncio.Task[bool]
    ) -> None:
        """Keep the batch, its outcomes in the same order, and the writing itself."""
        self.batch = batch
        self.outcomes = outcomes
        self.task = task

    def answer(self) -> None:
        """Tell every caller: it is written."""
        for waiting, outcome in zip(self.batch, self.outcomes, strict=True):
            waiting.answer(outcome)
