"""Overlap: the check of one submission, and the scan of everything, in a register that grows.

The rows lie in the tables as verbs would have left them, but are put there in bulk and with empty
records: it is looking for overlap that is measured here. The reference is a bare select by key.
"""

import random
import resource
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import json, to_builtins

from bench.overlap_register import Growing, around
from bench.stage import Stage, Told, cpu_seconds, database_pid, table
from mfm.app.overlap_check import Kind, check
from mfm.app.overlap_keys import keys_of
from mfm.app.overlaps import scan
from mfm.core.applications import Application
from mfm.core.parties import Party
from mfm.core.permissions import OPERATOR, Actor
from mfm.core.record import Noun
from mfm.store import database
from mfm.store.database import Mechanism, snapshot
from mfm.store.nouns import KINDS
from mfm.store.overlaps import write_keys

CHECKS = 400
WANTED = {
    "overlap_check_p95_ms": "<= 50",
    "overlap_check_p99_ms": "<= 80",
    "overlap_scan_cpu_seconds": "<= 360",
    "overlap_scan_growth_tenfold": "<= 12",
    "overlap_memory_peak_mib": "<= 2,048",
}
_CHUNK = 1_000


async def measure(stage: Stage) -> Told:
    """Fill a tenth, scan; fill the rest, scan again; check single ones."""
    mechanism = await database.create_mechanism(stage.server.app_url, "overlap")
    ground = await _Ground.of(stage, mechanism)
    engine = database.reader_engine(stage.server.app_url, mechanism.id)
    size, growing = stage.args.orgs, iter(Growing(stage.args.orgs))
    task = stage.progress.add_task("filling", total=size)
    try:
        await ground.fill(around())
        spent = []
        for more in (size // 10, size - size // 10):
            part = islice(growing, more)
            while some := tuple(islice(part, _CHUNK)):
                await ground.fill([noun for nouns in some for noun in nouns])
                stage.progress.update(task, advance=len(some))
            await ground.settle()
            spent.append(await _scanned(stage, engine))
        figures = await _checked(engine, size) | {
            "overlap_organisations": size,
            "overlap_applications": size,
            "overlap_scan_cpu_seconds": round(spent[1][0], 1),
            "overlap_scan_seconds": round(spent[1][1], 1),
            "overlap_scan_found": spent[1][2],
            "overlap_scan_growth_tenfold": round(spent[1][0] / spent[0][0], 1),
        }
        figures |= await _memory(engine)
    finally:
        stage.progress.remove_task(task)
        await engine.dispose()
        await ground.close()
    rows = [
        [key.replace("_", " "), f"{value:,}", WANTED.get(key, "")] for key, value in figures.items()
    ]
    return Told(figures, [table("overlap", "what, found, wanted", rows)])


async def _scanned(stage: Stage, engine: database.Engine) -> tuple[float, float, int]:
    """Return a scan's processor time here and in the database, its seconds, and what it found."""
    pid, begun = database_pid(stage), time.perf_counter()
    before = time.process_time() + cpu_seconds(pid)
    found = await scan(engine, Actor("bench", OPERATOR, OPERATOR), lambda *_: None)
    spent = time.process_time() + cpu_seconds(pid) - before
    return spent, time.perf_counter() - begun, len(found)


async def _memory(engine: database.Engine) -> dict[str, int]:
    """Return the most memory that this process and its reader's backend had (Linux tells both).

    The buffers that all backends share are the server's own, and not in it.
    """
    async with snapshot(engine) as connection:
        raw = await database.driver_of(connection)
        backend = _own_peak_kib(await raw.fetchval("SELECT pg_backend_pid()")) // 1024
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"overlap_backend_peak_mib": backend, "overlap_memory_peak_mib": process + backend}


def _own_peak_kib(pid: int) -> int:
    told = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {
        name: int(value.split()[0])
        for name, _, value in (line.partition(":") for line in told)
        if name in ("VmHWM", "RssShmem")
    }
    return kib["VmHWM"] - kib["RssShmem"]


async def _checked(engine: database.Engine, size: int) -> dict[str, float]:
    """Return the milliseconds of single checks, and of a bare select beside each."""
    drawn, checks, bare = random.Random(3), [], []
    kinds: tuple[Kind, ...] = ("application", "party")
    for at in range(CHECKS + 20):
        name = f"{kinds[at % 2]}-{drawn.randrange(size)}"
        async with snapshot(engine) as connection:
            raw = await database.driver_of(connection)
            begun = time.perf_counter()
            await raw.fetchrow("SELECT * FROM party WHERE id = $1", name)
            between = time.perf_counter()
            await check(connection, kinds[at % 2], name)
            checks.append(time.perf_counter() - between)
            bare.append(between - begun)
    timed, plain = sorted(checks[20:]), sorted(bare[20:])  # the first ones read the lexicon
    figures = {
        f"overlap_check_p{part}_ms": round(1000 * timed[len(timed) * part // 100], 1)
        for part in (50, 95, 99)
    }
    middle = len(timed) // 2
    return figures | {"overlap_check_to_bare_select": round(timed[middle] / plain[middle], 1)}


_GUARDS = """
SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal"""
_RECORDS = """
INSERT INTO record
SELECT $1, seq, now(), DATE '2025-01-01' + (seq % 300)::int, true, NULL, 'bench', 'bench',
       decode(md5(seq::text), 'hex'), sha256(''), sha256(''), ''
  FROM generate_series(
       (SELECT coalesce(max(seq), 0) + 1 FROM record WHERE mechanism_id = $1), $2) seq"""


class _Ground:
    """Puts rows into tables, as the owner of the server may in its own bench."""

    def __init__(self, connection: asyncpg.Connection, writer: Any, mechanism: Mechanism) -> None:  # noqa: ANN401  # a connection too
        self._connection, self._writer, self._mechanism = connection, writer, mechanism
        self._seq = 0

    @classmethod
    async def of(cls, stage: Stage, mechanism: Mechanism) -> "_Ground":
        owner = await asyncpg.connect(stage.server.admin_url)
        await owner.execute("SET session_replication_role = replica; SET search_path = mfm")
        await owner.execute("SELECT set_config('mfm.appending', 'on', false)")
        return cls(owner, await database.connect(stage.server.app_url, "mfm_writer"), mechanism)

    async def fill(self, nouns: Iterable[Noun]) -> None:
        """Put nouns into their tables, each with a record's row, and the keys of what has some."""
        rows: dict[str, list[dict[str, Any]]] = {}
        keyed = []
        for noun in nouns:
            self._seq += 1
            told = {"mechanism_id": self._mechanism.id, "seq": self._seq}
            rows.setdefault(KINDS[type(noun)], []).append(to_builtins(noun) | told)
            if isinstance(noun, (Party, Application)):
                keyed.append(keys_of(noun))
        for kind, each in rows.items():
            async with self._connection.transaction():
                # No verb has let these through: the guards are off for this transaction alone.
                await self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                guards = await self._connection.fetch(_GUARDS, kind)
                for (name,) in guards:
                    await self._connection.execute(f"ALTER TABLE {kind} DISABLE TRIGGER {name}")
                await self._connection.execute(
                    f"INSERT INTO {kind} SELECT * FROM jsonb_populate_recordset(NULL::{kind}, $1)",  # noqa: S608  # kinds are ours
                    json.encode(each).decode(),
                )
                for (name,) in guards:
                    await self._connection.execute(
                        f"ALTER TABLE {kind} ENABLE ALWAYS TRIGGER {name}"
                    )
        if keyed:
            await self._connection.execute(_RECORDS, self._mechanism.id, self._seq)
            await write_keys(self._writer, self._mechanism.id, keyed)

    async def settle(self) -> None:
        """Let the planner know what there is."""
        await self._connection.execute("VACUUM ANALYZE")

    async def close(self) -> None:
        await self._connection.close()
        await self._writer.close()
