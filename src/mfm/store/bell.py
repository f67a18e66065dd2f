"""A bell: whoever waits hears the next ring, with no queue and nothing to lose."""

import asyncio
from contextlib import suppress
from typing import Any


class Bell:
    """Wakes all who wait; a ring that nobody waits for is forgotten, so look before you wait."""

    def __init__(self) -> None:
        """Start silent."""
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    async def wait(self, seconds: Any) -> None:  # noqa: ANN401  # a number, whole or not
        """Wait for the next ring, or so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._next.wait(), seconds)
