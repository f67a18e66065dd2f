"""Overlap: the check of one submission, and the scan of everything, in a register that grows.

The rows lie in the tables as verbs would have left them, but are put there in bulk and without
records: it is looking for overlap that is measured here. The reference is a bare select by key.
"""

import random
import resource
import time
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any

import asyncpg
from msgspec import json, to_builtins

from bench.matching import register
from bench.stage import Stage, Told, cpu_seconds, database_pid, table
from mfm.app.matching import lexicon
from mfm.app.overlap_check import Kind, check
from mfm.app.overlap_keys import keys_of
from mfm.app.overlaps import scan
from mfm.core.applications import Application, BudgetLine
from mfm.core.calls import Call
from mfm.core.funds import Fund
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
    "overlap_process_peak_mib": "<= 2,048",
}
_CALLS, _FUNDS, _CHUNK = 40, 4, 2_000
_DAY = date(2026, 1, 1)


async def measure(stage: Stage) -> Told:
    """Fill a tenth, scan; fill the rest, scan again; check single ones."""
    mechanism = await database.create_mechanism(stage.server.app_url, "overlap")
    ground = await _Ground.of(stage, mechanism)
    engine = database.reader_engine(stage.server.app_url, mechanism.id)
    size, nouns = stage.args.orgs, _nouns(stage.args.orgs)
    task = stage.progress.add_task("filling", total=2 * size)
    try:
        await ground.fill(_around())
        spent = []
        for more in (size // 10, size - size // 10):
            part = islice(nouns, 2 * more)
            while some := tuple(islice(part, _CHUNK)):
                await ground.fill(some)
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
            "overlap_process_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
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

    async def fill(self, nouns: tuple[Noun, ...]) -> None:
        """Put nouns into their tables, and the keys of those that are looked for."""
        rows: dict[str, list[dict[str, Any]]] = {}
        for noun in nouns:
            self._seq += 1
            told = {"mechanism_id": self._mechanism.id, "seq": self._seq}
            rows.setdefault(KINDS[type(noun)], []).append(to_builtins(noun) | told)
        for kind, each in rows.items():
            async with self._connection.transaction():
                # No gate has let these through: its guard is off for this transaction alone.
                gated = kind == KINDS[Application]
                await self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                if gated:
                    await self._connection.execute(f"ALTER TABLE {kind} DISABLE TRIGGER gate")
                await self._connection.execute(
                    f"INSERT INTO {kind} SELECT * FROM jsonb_populate_recordset(NULL::{kind}, $1)",  # noqa: S608  # kinds are ours
                    json.encode(each).decode(),
                )
                if gated:
                    await self._connection.execute(f"ALTER TABLE {kind} ENABLE ALWAYS TRIGGER gate")
        keyed = [keys_of(each) for each in nouns if isinstance(each, (Party, Application))]
        if keyed:
            await write_keys(self._writer, self._mechanism.id, keyed)

    async def settle(self) -> None:
        """Let the planner know what there is."""
        await self._connection.execute("VACUUM ANALYZE")

    async def close(self) -> None:
        await self._connection.close()
        await self._writer.close()


def _around() -> tuple[Noun, ...]:
    """Return the funds and their calls."""
    funds = tuple(
        Fund(
            id=f"f{at}",
            status="open",
            name=f"Fund {at}",
            tier="national",
            currency="USD",
            time_zone="UTC",
            steward="agent",
            open_from=_DAY,
        )
        for at in range(_FUNDS)
    )
    calls = tuple(
        Call(
            id=f"k{at}",
            status="published",
            fund=f"f{at % _FUNDS}",
            title=f"Call {at}",
            currency="USD",
            opens_on=_DAY + timedelta(20 * at),
            closes_on=_DAY + timedelta(20 * at + 40),
            ceiling_minor=5_000_000,
            written_in=1,
            drafted_by="a",
            published_by="b",
        )
        for at in range(_CALLS)
    )
    return (*funds, *calls)


def _nouns(size: int) -> Iterator[Noun]:
    """Yield an organisation and an application in turn; one in fifty is another's again."""
    drawn = random.Random(7)
    words = sorted(word for word, means in lexicon().exact.items() if len(word) > 3 and means)
    titles: list[str] = []
    for at, each in enumerate(register(size)):
        name, country = each.view.name, each.view.country or ""
        yield Party(id=f"party-{at}", status="registered", name=name, country=country)
        title = " ".join(drawn.choice(words) for _ in range(drawn.randint(5, 9)))
        if titles and drawn.random() < 0.02:
            title = drawn.choice(titles)
        titles.append(title)
        lead, call = f"party-{drawn.randint(0, at)}", drawn.randrange(_CALLS)
        starts_on = _DAY + timedelta(drawn.randrange(700))
        amount_minor = 100_000 + drawn.randrange(4_900_000)
        yield Application(
            id=f"application-{at}",
            status="submitted",
            call=f"k{call}",
            fund=f"f{call % _FUNDS}",
            lead=lead,
            title=title,
            currency="USD",
            amount_minor=amount_minor,
            budget=(BudgetLine(lead, "staff", amount_minor),),
            starts_on=starts_on,
            ends_on=starts_on + timedelta(365),
            written_in=1,
            submitted_by="a",
            submitted_on=_DAY + timedelta(20 * call),
        )
