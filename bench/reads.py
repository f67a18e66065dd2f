"""How long reading takes with years of history: statements and chains against a bare select.

The reference is one indexed select of one row, through the same driver to the same server, in the
same run; rounds are interleaved, one request at a time. It also walks every list of the API and
holds that no page leaves its bounds.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import msgspec

from bench.books import EVENTS_A_YEAR, GLOBAL, LOCAL, NATIONAL, Mechanism
from bench.load import get
from bench.stage import Clerk, Served, Stage, Told, serving, table
from mfm.store import database
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

    def __init__(self, stage: Stage) -> None:
        """Prepare; nothing is started."""
        self._stage = stage
        self._url = stage.server.app_url
        self._served: Served | None = None
        self._random = random.Random(2242)
        self._secret = ""
        self._number = 0
        self._mechanism: Mechanism | None = None
        self.figures: dict[str, list[float]] = {}
        self.pages = {"pages": 0, "items_max": 0, "bytes_max": 0}

    async def prepare(self) -> None:
        """Load the years, through the real verbs and batches."""
        years, progress = self._stage.args.years, self._stage.progress
        clerk = await Clerk.of(self._stage, NAME)
        self._number = clerk.writer.mechanism.id
        total = (GLOBAL + NATIONAL + LOCAL) * EVENTS_A_YEAR * years
        task = progress.add_task(f"{years} years of history", total=total)
        self._mechanism = Mechanism(clerk.writer, lambda count: progress.advance(task, count))
        await self._mechanism.begin()
        progress.reset(task)
        for number in range(years):
            await self._mechanism.year(number)
        self._secret = await clerk.key("agent", "auditor")
        await clerk.writer.close()
        connection = await asyncpg.connect(self._stage.server.admin_url)
        await connection.execute("ANALYZE")  # as autovacuum does within a minute
        await connection.close()

    # Measures ------------------------------------------------------------------------------------

    async def round(self, served: Served) -> None:
        """Measure everything once, the reference too."""
        assert self._mechanism is not None
        self._served = served
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
        connection = await database.connect(self._url, "mfm_writer")
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

        assert self._served is not None
        done = await self._served.load(make, clients=1, seconds=60, most=_REQUESTS)
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

        assert self._served is not None
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._served.port}{path}",
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


async def measure(stage: Stage) -> Told:
    """Load, serve, measure; the server that it starts it stops."""
    reads = Reads(stage)
    await reads.prepare()
    async with serving(stage, NAME) as served:
        task = stage.progress.add_task("reads", total=stage.args.rounds)
        for _ in range(stage.args.rounds):
            await reads.round(served)
            stage.progress.advance(task)
        await reads.walk()
    told = reads.summary()
    names = ("p50_ms", "p99_ms", "p50_ratio", "p99_ratio")
    rows = [
        [name, *(str(row.get(each, 1.0)) for each in names)]
        for name, row in told.items()
        if "p50_ms" in row
    ]
    title = f"reads with {stage.args.years} years of history, beside one indexed select"
    return Told({"reads": told}, [table(title, "measure,p50 ms,p99 ms,p50 ratio,p99 ratio", rows)])
