"""What the sealer costs: posting while the server seals, against posting while it may not.

One server after the other over the same mechanism, in turn. While sealing is off the bench holds
the signer, as another process that signs would, and the server's own sealer waits.
"""

import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench import posting
from bench.posting import Figure, Requests
from bench.stage import Stage, Told, serving, table
from mfm.store import database
from mfm.store.signer import Signer

NAME = "sealing"
WANTED = 0.9


@asynccontextmanager
async def _unsealed(stage: Stage) -> AsyncIterator[None]:
    """Keep everybody else from signing."""
    found = await database.mechanisms(stage.server.app_url)
    origin = next(each.origin for each in found if each.name == NAME)
    with Signer(stage.folder / "data" / "keys", origin):
        yield


async def _round(stage: Stage, requests: Requests) -> dict[str, Figure]:
    async with serving(stage, NAME) as served:
        await posting.figure(stage, served, requests, "entries")  # warms it up
        return {
            kind: await posting.figure(stage, served, requests, kind)
            for kind in ("entries", "batch")
        }


async def measure(stage: Stage) -> Told:
    """Load with and without sealing in turn; report how much of the speed is left with it."""
    requests = await posting.prepare(stage, NAME, 0)
    task = stage.progress.add_task("sealing on and off", total=stage.args.rounds)
    on: list[dict[str, Figure]] = []
    off: list[dict[str, Figure]] = []
    for _ in range(stage.args.rounds):
        on.append(await _round(stage, requests))
        async with _unsealed(stage):
            off.append(await _round(stage, requests))
        stage.progress.advance(task)
    told = {}
    for kind in ("entries", "batch"):
        with_it, without = (
            statistics.median(each[kind].per_second for each in rounds) for rounds in (on, off)
        )
        told[kind] = {
            "on_per_second": round(with_it),
            "off_per_second": round(without),
            "ratio": round(with_it / without, 3),
            "wanted": WANTED,
        }
    rows = [
        [kind, f"{row['on_per_second']:,}", f"{row['off_per_second']:,}", str(row["ratio"])]
        for kind, row in told.items()
    ]
    headings = f"measure,a second,a second unsealed,ratio ({WANTED} wanted)"
    return Told({"sealing": told}, [table("posting while it is sealed", headings, rows)])
