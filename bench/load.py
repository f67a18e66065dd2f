"""A load generator for HTTP/1.1 on loopback: many connections, each one request at a time.

It speaks just enough HTTP to count: requests are ready-made bytes, answers are read by their
Content-Length. It costs little beside the server that it loads.
"""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple


class Load(NamedTuple):
    """What a run of load came to: answers by status, seconds, and the latencies in seconds."""

    statuses: dict[int, int]
    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        """Successful answers a second."""
        good = sum(count for status, count in self.statuses.items() if status < 300)
        return good / self.seconds


class _Client(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP transport, uvloop's or asyncio's
        self._next()

    def _next(self) -> None:
        request = self._run.take()
        assert self._transport is not None
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at:].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._buffer = b""
        self._run.note(int(head[9:12]), time.perf_counter() - self._sent_at)
        self._next()

    def connection_lost(self, _: Exception | None) -> None:
        self._run.lost()


class _Run:
    def __init__(
        self, make: Callable[[int], bytes], seconds: float, most: int, clients: int
    ) -> None:
        self._make = make
        self._most = most
        self._until = time.perf_counter() + seconds
        self._open = clients
        self._count = 0
        self.statuses: dict[int, int] = {}
        self.latencies: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def take(self) -> bytes | None:
        if self._count >= self._most or time.perf_counter() >= self._until:
            return None
        self._count += 1
        return self._make(self._count - 1)

    def note(self, status: int, took: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latencies.append(took)

    def lost(self) -> None:
        self._open -= 1
        if not self._open and not self.done.done():
            self.done.set_result(None)


async def load(
    port: int, make: Callable[[int], bytes], *, clients: int, seconds: float, most: int = 10**9
) -> Load:
    """Load 127.0.0.1:port until the time is up or `most` requests are sent.

    Args:
        port: where the server listens on loopback.
        make: request number -> the whole request's bytes.
        clients: connections, each with one request under way.
        seconds: how long.
        most: how many requests at the most.
    """
    run = _Run(make, seconds, most, clients)
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    for _ in range(clients):
        await loop.create_connection(lambda: _Client(run), "127.0.0.1", port)
    await run.done
    return Load(run.statuses, time.perf_counter() - began, run.latencies)


def get(path: str, secret: str) -> bytes:
    """Return a GET request's bytes."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n\r\n"
    return head.encode()


def post(path: str, key: str, body: bytes, secret: str) -> bytes:
    """Return a POST request's bytes."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {secret}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
