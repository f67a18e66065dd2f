"""Importing IATI files with the terminal, while a server takes verbs on the same mechanism.

Seconds and memory are those of `mfm import iati`, from its start to its end; the wait is the
longest of one voucher after another, each posted over HTTP fifty times a second at the most.
"""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench import generate_iati, posting
from bench.posting import Requests
from bench.stage import Served, Stage, Told, serving, table

NAME = "importing"
REAL = Path(__file__).parents[2] / "shared" / "data" / "iati-real"
_EVERY_SECONDS = 0.02
_LOOK_SECONDS = 0.05
_KIB_A_MIB = 1_024


class Run(NamedTuple):
    """An import: how many transactions it told of, seconds, and the most memory it had (MiB)."""

    transactions: int
    seconds: float
    memory_mib: float


def _import(stage: Stage, files: list[Path]) -> Run:
    """Import files with the terminal, and wait for it."""
    command = [Path(sys.executable).with_name("mfm"), "import", "iati", *files]
    told, peak_kib, began = stage.folder / "imported.json", 0, time.perf_counter()
    with told.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--mechanism", NAME, "--json"],
            env=stage.environ(),
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None:
            peak_kib = max(peak_kib, _peak_kib(process.pid))
            time.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - began
    assert process.returncode == 0, told.read_text()
    results = msgspec.json.decode(told.read_bytes())
    counted = [each["transactions"] for each in (results if len(files) > 1 else [results])]
    return Run(sum(counted), seconds, peak_kib / _KIB_A_MIB)


def _peak_kib(pid: int) -> int:
    """Return the most memory that a process has had so far, 0 where that is not told.

    Not by its resource usage, which begins with what the bench had when it started the process.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) if found else 0


async def _waits(served: Served, requests: Requests, done: asyncio.Event) -> list[float]:
    """Post one voucher after another until something is done; return how long each took."""
    waits: list[float] = []
    while not done.is_set():
        for ready in requests.of("entries", 50):
            took = await served.load([ready].__getitem__, clients=1, seconds=600, most=1)
            waits += took.latencies
            await asyncio.sleep(max(0, _EVERY_SECONDS - took.latencies[0]))
            if done.is_set():
                break
    return waits


async def measure(stage: Stage) -> Told:
    """Import the real files, where they are, and a generated one."""
    large = stage.folder / "large.xml"
    generate_iati.write(large, stage.args.transactions, max(1, stage.args.transactions // 100))
    wanted = {"generated": [large]}
    if real := sorted(REAL.rglob("*.xml")):
        wanted = {"real": real} | wanted
    requests = await posting.prepare(stage, NAME, 0)
    task = stage.progress.add_task("importing", total=len(wanted))
    told: dict[str, Any] = {}
    async with serving(stage, NAME) as served:
        for name, files in wanted.items():
            done = asyncio.Event()
            waiting = asyncio.create_task(_waits(served, requests, done))
            run = await asyncio.to_thread(_import, stage, files)
            done.set()
            waits = await waiting
            told[name] = {
                "transactions": run.transactions,
                "seconds": round(run.seconds, 1),
                "per_second": round(run.transactions / run.seconds),
                "memory_mib": round(run.memory_mib),
                "longest_wait_ms": round(1_000 * max(waits)),
                "median_wait_ms": round(1_000 * sorted(waits)[len(waits) // 2], 1),
            }
            stage.progress.advance(task)
    headings = "file,transactions,seconds,a second,peak MiB,longest wait ms,median wait ms"
    rows = [[name, *map(str, row.values())] for name, row in told.items()]
    return Told({"importing": told}, [table("importing, and verbs meanwhile", headings, rows)])
