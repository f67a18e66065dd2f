"""The trail: sealing, verifying an export of any length, and receipts.

Sealing has as its reference the bare reading of the same rows, verifying the bare hashing of the
same records, a receipt one indexed select of its record. Verification is `mfm verify` as a process
of its own; its time is processor time, and its memory the most that it ever held.
"""

import asyncio
import random
import statistics
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from bench import made_trail
from bench.load import get, post
from bench.stage import Clerk, Served, Stage, Told, cpu_seconds, serving, table
from mfm.app import trail
from mfm.app.entries import submit_batch
from mfm.core.entries import EntryItem
from mfm.core.permissions import OPERATOR, Actor
from mfm.store import database
from mfm.store.database import Mechanism
from mfm.store.signer import verifier_key

NAME = "trail"
WANTED = {"seal": 20_000, "verify": 100_000, "memory_mb": 64, "lag_seconds": 1.0}
_BATCHES, _BATCH = 40, 1_000
_RECEIPTS = 200
_SELECT = "SELECT content FROM mfm.record WHERE mechanism_id = $1 AND seq = $2"
_UNSEALED = (
    "SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float FROM mfm.record"
    " WHERE mechanism_id = $1 AND seq ="
    " (SELECT max(size) + 1 FROM mfm.checkpoint WHERE mechanism_id = $1)"
)
_ROWS = "SELECT seq, leaf, content FROM mfm.record WHERE mechanism_id = $1 AND seq > $2 LIMIT 8192"


async def _journal(stage: Stage) -> tuple[Mechanism, dict[str, str]]:
    """Make a journal that nobody has sealed; return it and keys by role."""
    clerk = await Clerk.of(stage, NAME)
    await clerk.do("party.register", {"id": "agent", "name": "Agent"})
    fund = {"id": "f", "name": "Fund", "tier": "global", "currency": "USD", "steward": "agent"}
    await clerk.do("fund.open", fund)
    secrets = {role: await clerk.key("agent", role) for role in ("auditor", "preparer")}
    task = stage.progress.add_task("a journal to seal", total=_BATCHES * _BATCH)
    draw = random.Random(1325)
    for number in range(_BATCHES):
        items = [_item(f"{number}-{each}", draw) for each in range(_BATCH)]
        made = await submit_batch(clerk.writer, Actor("bench", OPERATOR, OPERATOR), items)
        assert all(getattr(each, "accepted", False) for each in made), made[0]
        stage.progress.advance(task, _BATCH)
    await clerk.writer.close()
    return clerk.writer.mechanism, secrets


def _lines(draw: random.Random) -> list[dict[str, Any]]:
    amount = {"amount": "10.00", "currency": "USD"}
    debit, credit = draw.sample(range(10_000), 2)
    return [
        {"account": "3100", "subject": f"s{debit}", "debit": amount},
        {"account": "3300", "subject": f"s{credit}", "credit": amount},
    ]


def _item(key: str, draw: random.Random) -> EntryItem:
    return msgspec.convert({"key": key, "fund": "f", "lines": _lines(draw)}, EntryItem)


def _voucher(draw: random.Random) -> bytes:
    return msgspec.json.encode({"fund": "f", "lines": _lines(draw)})


async def _seal(stage: Stage, mechanism: Mechanism) -> dict[str, Any]:
    """Read all rows, then seal them: leaves a second, and their ratio."""
    connection = await database.connect(stage.server.app_url, "mfm_writer")
    began, seq = time.perf_counter(), 0
    while rows := await connection.fetch(_ROWS, mechanism.id, seq):
        seq = rows[-1]["seq"]
    read = seq / (time.perf_counter() - began)
    await connection.close()
    began = time.perf_counter()
    sealed = await trail.seal(stage.server.app_url, mechanism, stage.folder / "data/keys")
    assert sealed is not None
    assert sealed.size == seq
    told = seq / (time.perf_counter() - began)
    return {
        "per_second": round(told),
        "wanted": WANTED["seal"],
        "reference_per_second": round(read),
        "ratio": round(told / read, 3),
    }


def _verify(stage: Stage, size: int) -> dict[str, Any]:
    """Make an export and verify it: records a second of processor time, and the most memory."""
    folder, keys = stage.folder / f"made-{size}", stage.folder / "made-keys" / str(size)
    task = stage.progress.add_task(f"a trail of {size:,}", total=size)
    made_trail.make(folder, keys, size, lambda more: stage.progress.advance(task, more))
    policy = stage.folder / "made.policy"
    policy.write_text(f"log {verifier_key(keys, made_trail.ORIGIN)}\nquorum none\n")
    hashed = _hashing(folder, size)
    mfm = Path(sys.executable).with_name("mfm")
    process = subprocess.Popen(  # our own command
        [mfm, "verify", folder, "--policy", policy, "--json"], stdout=subprocess.PIPE
    )
    # The kernel tells another process's time and memory only while it lives.
    seconds, memory_kb = 0.0, 0
    while process.poll() is None:
        seconds = cpu_seconds(process.pid) or seconds
        memory_kb = _most_kb(process.pid) or memory_kb
        time.sleep(0.01)
    told = process.communicate()[0]
    assert process.returncode == 0, told
    return {
        "per_second": round(size / seconds),
        "wanted": WANTED["verify"],
        "memory_mb": round(memory_kb / 1024, 1),
        "memory_wanted_mb": WANTED["memory_mb"],
        "reference_per_second": round(hashed),
        "ratio": round(size / seconds / hashed, 3),
    }


def _hashing(folder: Path, size: int) -> float:
    """Return how many records a second are read and hashed, a bundle at a time: no check at all."""
    began = time.process_time()
    for path in sorted((folder / "tile/entries").rglob("*")):
        if path.is_file():
            sha256(path.read_bytes()).digest()
    return size / (time.process_time() - began)


def _most_kb(pid: int) -> int:
    """Return the most memory that a process has held, in KiB (0 once it has ended)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    _, found, rest = status.partition("VmHWM:")
    return int(rest.split()[0]) if found else 0


async def _receipts(
    stage: Stage, mechanism: Mechanism, secret: str, served: Served
) -> dict[str, float]:
    """Ask for receipts one by one; return their median, and its ratio to a bare select's."""
    draw, size = random.Random(1325), _BATCHES * _BATCH
    connection = await database.connect(stage.server.app_url, "mfm_writer")
    bare: list[float] = []
    took: list[float] = []
    for _ in range(stage.args.rounds):
        for _ in range(_RECEIPTS):
            began = time.perf_counter()
            await connection.fetchval(_SELECT, mechanism.id, draw.randint(1, size))
            bare.append(time.perf_counter() - began)
        done = await served.load(
            lambda _: get(f"/v1/records/{draw.randint(1, size)}/receipt", secret),
            clients=1,
            seconds=60,
            most=_RECEIPTS,
        )
        took += done.latencies
    await connection.close()
    middle, select = statistics.median(took), statistics.median(bare)
    return {
        "p50_ms": round(1_000 * middle, 3),
        "select_p50_ms": round(1_000 * select, 3),
        "p50_ratio": round(middle / select, 1),
    }


async def _lag(stage: Stage, mechanism: Mechanism, secret: str, served: Served) -> dict[str, float]:
    """Post under load; return the age of the oldest record not sealed yet, at the worst moment."""
    connection = await database.connect(stage.server.app_url, "mfm_writer")
    draw = random.Random(2242)
    posting = asyncio.create_task(
        served.load(
            lambda n: post("/v1/entries", f"lag-{n}", _voucher(draw), secret),
            seconds=stage.args.seconds,
        )
    )
    ages: list[float] = []
    while not posting.done():
        ages.append(await connection.fetchval(_UNSEALED, mechanism.id) or 0.0)
        await asyncio.sleep(0.02)
    await connection.close()
    told = {"worst_seconds": round(max(ages), 3), "wanted_seconds": WANTED["lag_seconds"]}
    return told | {"entries_per_second": round((await posting).per_second)}


async def measure(stage: Stage) -> Told:
    """Seal a journal, serve receipts of it, and verify exports made for it."""
    mechanism, secrets = await _journal(stage)
    figures: dict[str, Any] = {"seal": await _seal(stage, mechanism)}
    async with serving(stage, NAME) as served:
        receipt = await _receipts(stage, mechanism, secrets["auditor"], served)
        lag = await _lag(stage, mechanism, secrets["preparer"], served)
    sizes = (100_000, 1_000_000) if stage.args.million else (100_000,)
    for size in sizes:
        figures[f"verify_{size}"] = await asyncio.to_thread(_verify, stage, size)
    columns = ("per_second", "wanted", "reference_per_second", "ratio", "memory_mb")
    rows = [[name, *(str(row.get(each, "")) for each in columns)] for name, row in figures.items()]
    title = "the trail, beside reading the rows (seal) and hashing the bundles (verify)"
    headings = "measure,a second,wanted,reference a second,ratio,memory MB"
    beside = (
        f"a receipt's p50 is {receipt['p50_ms']} ms, {receipt['p50_ratio']} selects; under load a"
        f" record was sealed within {lag['worst_seconds']} s (wanted: {lag['wanted_seconds']})"
    )
    made = table(title, headings, rows)
    made.caption = beside
    return Told({"trail": figures | {"receipt": receipt, "lag": lag}}, [made])
