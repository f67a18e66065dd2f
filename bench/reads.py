"""How long reading takes with years of history: statements and chains against a bare select.

The reference is one indexed select of one row, through the same driver to the same server, in the
same run; rounds are interleaved, one request at a time. It also walks every list of the API and
holds that no page leaves its bounds.
"""

import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from rich.progress import Progress

from bench.books import EVENTS_A_YEAR, GLOBAL, LOCAL, NATIONAL, Mechanism
from bench.load import get, load
from mfm.app.keys import issue
from mfm.app.perform import Ask, submit
from mfm.app.registry import VERBS
from mfm.core.permissions import OPERATOR, Actor
from mfm.store import database, embedded
from mfm.store.writer import Writer
from mfm.web.asgi import ENDPOINTS

NAME = "years"
PAGE_ITEMS_MAX = 500
PAGE_BYTES_MAX = 4 * 2**20
_REQUESTS = 40
"""Of each measure in each round."""
_SELECT = "SELECT * FROM commitment WHERE mechanism_id = $1 AND id = $2"


class Reads:
    """A mechanism with years in it, a server over it, and the measures.

    Attributes:
        figures: measure -> every latency in seconds.
        pages: how many pages were looked at, and the most items and bytes of one.
    """

    def __init__(self, server: embedded.Embedded, folder: Path, port: int) -> None:
        """Prepare; nothing is started.

        Args:
            server: the database server.
            folder: the bench's own, with the server's data directory.
            port: a free one.
        """
        self._server = server
        self._folder = folder
        self._port = port
        self._random = random.Random(2242)
        self._secret = ""
        self._number = 0
        self._mechanism: Mechanism | None = None
        self.figures: dict[str, list[float]] = {}
        self.pages = {"pages": 0, "items_max": 0, "bytes_max": 0}

    async def prepare(self, years: int, progress: Progress) -> None:
        """Load the years, through the real verbs and batches."""
        made = await database.create_mechanism(self._server.app_url, NAME)
        self._number = made.id
        total = (GLOBAL + NATIONAL + LOCAL) * EVENTS_A_YEAR * years
        task = progress.add_task(f"{years} years of history", total=total)
        writer = Writer(self._server.app_url, made)
        await writer.start()
        self._mechanism = Mechanism(writer, lambda count: progress.advance(task, count))
        await self._mechanism.begin()
        progress.reset(task)
        for number in range(years):
            await self._mechanism.year(number)
        verb = VERBS["key.create"]
        fields = msgspec.convert({"party": "agent", "role": "auditor"}, verb.command)
        ask, self._secret = issue(Ask(Actor("bench", OPERATOR, OPERATOR), verb, fields, "key"))
        assert (await submit(writer, ask)).accepted
        await writer.close()
        connection = await asyncpg.connect(self._server.admin_url)
        await connection.execute("ANALYZE")  # as autovacuum does within a minute
        await connection.close()

    def start_server(self) -> "subprocess.Popen[bytes]":
        """Start `mfm serve` as its users do."""
        environ = {**os.environ, "MFM_DATA_DIR": str(self._folder / "data")}
        mfm = Path(sys.executable).with_name("mfm")
        return subprocess.Popen(  # our own command
            [mfm, "serve", "--mechanism", NAME, "--port", str(self._port)], env=environ
        )

    # Measures ------------------------------------------------------------------------------------

    async def round(self) -> None:
        """Measure everything once, the reference too."""
        assert self._mechanism is not None
        funds, given, grants = (
            self._mechanism.funds,
            self._mechanism.contributions,
            self._mechanism.grants,
        )
        pick = self._random.choice
        await self._select(given)
        await self._get("statement", lambda: f"/v1/funds/{pick(funds)}/statement")
        await self._get("chain_up", lambda: f"/v1/chain?id={pick(grants)}&direction=up")
        await self._get("chain_down", lambda: f"/v1/chain?id={pick(given)}&direction=down")
        await self._get("chain_fund", lambda: f"/v1/chain?id={pick(funds)}&direction=down")
        await self._get("donor", lambda: f"/v1/donors/donor-{pick('01234567')}/money")

    async def _select(self, names: list[str]) -> None:
        connection = await database.connect(self._server.app_url, "mfm_writer")
        took = self.figures.setdefault("select", [])
        await connection.fetch(_SELECT, self._number, names[0])
        for _ in range(_REQUESTS):
            name, began = self._random.choice(names), time.perf_counter()
            await connection.fetch(_SELECT, self._number, name)
            took.append(time.perf_counter() - began)
        await connection.close()

    async def _get(self, measure: str, path: Callable[[], str]) -> None:
        def make(_: int) -> bytes:
            return get(path(), self._secret)

        done = await load(self._port, make, clients=1, seconds=60, most=_REQUESTS)
        assert set(done.statuses) == {200}, (measure, done.statuses)
        self.figures.setdefault(measure, []).extend(done.latencies)

    # Bounds --------------------------------------------------------------------------------------

    async def walk(self) -> None:
        """Ask every list for its largest pages, to the third one, and hold their bounds."""
        lists = [e.path for e in ENDPOINTS if {"limit", "cursor"} <= {q.name for q in e.queries}]
        assert self._mechanism is not None
        for path in lists:
            told = path.format(fund="global-0", code="9300", party="donor-0")
            query = "?id=donor-0&limit=500" if path == "/v1/chain" else "?limit=500"
            link: str = told + query
            for _ in range(3):
                if link:
                    link = await self._page(link)

    async def _page(self, path: str) -> str:
        """Look at a page; return the address of the next one, or ""."""
        body = await asyncio.to_thread(self._fetch, path)
        told = msgspec.json.decode(body)
        lists = [value for value in told.values() if isinstance(value, list)]
        items = max([0, *map(len, lists)])
        assert items <= PAGE_ITEMS_MAX, (path, items)
        assert len(body) <= PAGE_BYTES_MAX, (path, len(body))
        self.pages["pages"] += 1
        self.pages["items_max"] = max(self.pages["items_max"], items)
        self.pages["bytes_max"] = max(self.pages["bytes_max"], len(body))
        cursor = told.get("next")
        return f"{path.partition('&cursor=')[0]}&cursor={cursor}" if isinstance(cursor, str) else ""

    def _fetch(self, path: str) -> bytes:
        import urllib.request  # noqa: PLC0415  # for these few requests only

        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}",
            headers={"Authorization": f"Bearer {self._secret}"},
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310  # our own server
            return bytes(response.read())

    def summary(self) -> dict[str, Any]:
        """Return each measure's median and 99th percentile, and their ratios to the select's."""
        select = _percentiles(self.figures["select"])
        told: dict[str, Any] = {"select": {"p50_ms": select[0], "p99_ms": select[1]}}
        for name, latencies in self.figures.items():
            if name != "select":
                p50, p99 = _percentiles(latencies)
                told[name] = {
                    "p50_ms": p50,
                    "p99_ms": p99,
                    "p50_ratio": round(p50 / select[0], 1),
                    "p99_ratio": round(p99 / select[1], 1),
                }
        return told | {"pages": self.pages}


def _percentiles(latencies: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile in milliseconds."""
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    return round(1_000 * cuts[49], 3), round(1_000 * cuts[98], 3)


async def measure(
    server: embedded.Embedded, folder: Path, sizes: tuple[int, int, int], progress: Progress
) -> dict[str, Any]:
    """Load, serve, measure; the server that it starts it stops.

    Args:
        server: the database server.
        folder: the bench's own.
        sizes: years of history, rounds, and a free port.
        progress: where to show how far it is.
    """
    years, rounds, port = sizes
    reads = Reads(server, folder, port)
    await reads.prepare(years, progress)
    process = reads.start_server()
    try:
        await _ready(port)
        task = progress.add_task("reads", total=rounds)
        for _ in range(rounds):
            await reads.round()
            progress.advance(task)
        await reads.walk()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return reads.summary()


async def _ready(port: int) -> None:
    for _ in range(200):
        try:
            _, to = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        to.close()
        return
    raise TimeoutError
