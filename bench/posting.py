"""Writing over HTTP: vouchers one by one, by the thousand, and a verb, against pgbench.

Rounds of all of them are interleaved. Requests are made before the clock starts: the load
generator shares two cores with what it loads. The accounts are there before it starts, as the
reference's are, and one policy of one rule lets every approval through (with `--shipped`, all
that are shipped). Beside each ratio stands
where the time went: microseconds of processor an item, in the load generator, `mfm serve` and
PostgreSQL, and how many records shared a commit.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from bench import reference
from bench.load import post
from bench.stage import (
    BENCH,
    CLIENTS,
    Clerk,
    Served,
    Stage,
    Told,
    cpu_seconds,
    database_pid,
    serving,
    table,
)
from mfm.app.context import utc_now
from mfm.app.demo import evidence
from mfm.app.entries import submit_batch
from mfm.core.entries import EntryItem

KINDS = ("entries", "verbs", "batch")
"""What is measured, in the order of a round; both of the first stand against one reference."""
WANTED = {"entries": 0.6, "batch": 0.18, "verbs": 0.12}
BATCH = 1_000
_A_SECOND = {"entries": 18_000, "batch": 40, "verbs": 3_000}
"""Requests that are made ready for each second; once they are used up the load ends sooner."""
_TRANCHES = 100
_MARKED = {
    "marker": {"scheme": "un-gem", "score": "3"},
    "marker_author": "agent",
    "marker_justification": "It is what the fund is for.",
}
"""An allocation's gender marker, without which none is approved under the policies shipped."""


class Requests:
    """Makes requests of each kind; never the same one twice."""

    def __init__(self, secrets: dict[str, str], tranches: list[str]) -> None:
        """Begin.

        Args:
            secrets: of a key of each role.
            tranches: disbursements that wait for approval.
        """
        self._secrets = secrets
        self._tranches = tranches
        self._count = 0

    def of(self, kind: str, most: int) -> list[bytes]:
        """Return up to so many fresh requests of a kind."""
        self._count += 1
        if kind == "verbs":
            some, self._tranches = self._tranches[:most], self._tranches[most:]
            return [self._approval(name) for name in some]
        make = self._entry if kind == "entries" else self._batch
        return [make(f"{self._count}-{number}") for number in range(most)]

    def _approval(self, name: str) -> bytes:
        path = f"/v1/disbursements/{name}/approve"
        return post(path, f"approve-{name}", b"{}", self._secrets["approver"])

    def _entry(self, key: str) -> bytes:
        body = msgspec.json.encode({"fund": "f", "lines": _lines()})
        return post("/v1/entries", f"entry-{key}", body, self._secrets["preparer"])

    def _batch(self, key: str) -> bytes:
        entries = [
            {"key": f"b-{key}-{number}", "fund": "f", "lines": _lines()} for number in range(BATCH)
        ]
        body = msgspec.json.encode({"entries": entries})
        return post("/v1/entries:batch", "-", body, self._secrets["preparer"])


async def prepare(stage: Stage, name: str, tranches: int) -> Requests:
    """Make a mechanism with a fund, keys, and tranches that wait for approval."""
    clerk, much = await Clerk.of(stage, name, shipped=stage.args.shipped), usd(10**9)
    fund = {"id": "f", "name": "Fund", "tier": "global", "currency": "USD", "steward": "agent"}
    for verb, fields in (
        ("party.register", {"id": "agent", "name": "Agent"}),
        ("fund.open", fund),
        ("commitment.sign", {"id": "c", "from_party": "agent", "to_fund": "f", "amount": much}),
        ("deposit.receive", {"commitment": "c", "amount": much}),
        ("allocation.approve", {"id": "a", "fund": "f", "amount": much, **_MARKED}),
    ):
        await clerk.do(verb, fields)
    await _open_accounts(clerk)
    secrets = {role: await clerk.key("agent", role) for role in ("preparer", "approver")}
    task = stage.progress.add_task("tranches that wait", total=tranches)
    made: list[str] = []
    while len(made) < tranches:
        made += await _grant(clerk, f"g{len(made)}", shipped=stage.args.shipped)
        stage.progress.update(task, completed=len(made))
    random.shuffle(made)  # so that those who share a commit are of different groups
    await clerk.writer.close()
    connection = await asyncpg.connect(stage.server.admin_url)
    await connection.execute("CHECKPOINT")  # as there is every five minutes: for all that follows
    await connection.close()
    return Requests(secrets, made)


async def _open_accounts(clerk: Clerk) -> None:
    """Post one voucher to each pair of the accounts that requests will name."""
    told = [
        {"key": f"open-{number}", "fund": "f", "lines": _between(number, number)}
        for number in range(reference.ACCOUNTS)
    ]
    for start in range(0, len(told), BATCH):
        items = msgspec.convert(told[start : start + BATCH], list[EntryItem])
        await submit_batch(clerk.writer, BENCH, items)


async def _grant(clerk: Clerk, grant: str, *, shipped: bool) -> list[str]:
    """Sign a grant of many tranches to a group of its own, and ask for each of them."""
    await clerk.do("party.register", {"id": f"of-{grant}", "name": f"Group of {grant}"})
    if shipped:  # they ask for evidence
        for _, verb, told in evidence(f"of-{grant}", utc_now().date()):
            await clerk.do(verb, told)
    fields = {
        "id": grant,
        "from_fund": "f",
        "to_party": f"of-{grant}",
        "amount": usd(10 * _TRANCHES),
        "allocation": "a",
        "tranches": [{"amount": usd(10)}] * _TRANCHES,
    }
    await clerk.do("commitment.sign", fields)
    names = [f"{grant}-{number}" for number in range(1, _TRANCHES + 1)]
    asked = [
        {"id": name, "commitment": grant, "tranche": number} for number, name in enumerate(names, 1)
    ]
    await asyncio.gather(*(clerk.do("disbursement.request", fields) for fields in asked))
    return names


class Figure(NamedTuple):
    """What a run of load came to: items a second, microseconds of processor an item, sharing."""

    per_second: float
    client_us: float
    server_us: float
    database_us: float
    records_a_commit: float


async def figure(stage: Stage, served: Served, requests: Requests, kind: str) -> Figure:
    """Load a server with requests of a kind for a measure's time."""
    ready = requests.of(kind, round(_A_SECOND[kind] * stage.args.seconds))
    clients, items = (2, BATCH) if kind == "batch" else (CLIENTS, 1)
    spent: tuple[Callable[[], float], ...] = (
        time.process_time,
        lambda: cpu_seconds(served.pid),
        lambda: cpu_seconds(database_pid(stage)),
    )
    since, before = utc_now(), [each() for each in spent]
    done = await served.load(
        ready.__getitem__, clients=clients, seconds=stage.args.seconds, most=len(ready)
    )
    count = items * sum(done.statuses.values())
    us = [1e6 * (each() - old) / count for each, old in zip(spent, before, strict=True)]
    return Figure(items * done.per_second, *us, await _records_a_commit(stage, since))


async def _records_a_commit(stage: Stage, since: datetime) -> float:
    """Return how many records shared a commit, of those written since an instant."""
    connection = await asyncpg.connect(stage.server.admin_url)
    told: float = await connection.fetchval(
        "SELECT count(*)::float8 / count(DISTINCT recorded_at) FROM mfm.record"
        " WHERE recorded_at > $1",
        since,
    )
    await connection.close()
    return told


async def measure(stage: Stage) -> Told:
    """Prepare, serve and load; the server that it starts it stops."""
    rounds, kinds = stage.args.rounds + 1, stage.args.kinds
    await reference.prepare(stage)
    tranches = round(_A_SECOND["verbs"] * stage.args.seconds * rounds) if "verbs" in kinds else 0
    requests = await prepare(stage, "posting", tranches)
    task = stage.progress.add_task("posting", total=rounds)
    found: list[dict[str, Figure]] = []
    limits: list[dict[str, float]] = []
    async with serving(stage, "posting") as served:
        for _ in range(rounds):
            one, limit = await asyncio.to_thread(reference.transfers, stage), dict[str, float]()
            figures: dict[str, Figure] = {}
            for kind in kinds:
                limit[kind] = one
                if kind == "batch":
                    limit[kind] = await asyncio.to_thread(reference.thousands, stage)
                figures[kind] = await figure(stage, served, requests, kind)
            found.append(figures)
            limits.append(limit)
            stage.progress.advance(task)
    return _told(stage, found[1:], limits[1:])  # the first one warmed up


def _told(stage: Stage, found: list[dict[str, Figure]], limits: list[dict[str, float]]) -> Told:
    told: dict[str, Any] = {}
    for name in stage.args.kinds:
        ratios = [
            each[name].per_second / limit[name] for each, limit in zip(found, limits, strict=True)
        ]
        middle = Figure(*map(statistics.median, zip(*(each[name] for each in found), strict=True)))
        told[name] = {
            "ratio": round(statistics.median(ratios), 3),
            "wanted": WANTED[name],
            "per_second": round(middle.per_second),
            "reference_per_second": round(statistics.median(limit[name] for limit in limits)),
            "cpu_us": {
                "client": round(middle.client_us, 1),
                "server": round(middle.server_us, 1),
                "database": round(middle.database_us, 1),
            },
            "records_a_commit": round(middle.records_a_commit, 1),
        }
    title = f"posting: median of {stage.args.rounds} interleaved rounds of {stage.args.seconds} s"
    headings = "measure,a second,reference,ratio,wanted,us: client + server + PostgreSQL,a commit"
    rows = [
        [
            name,
            f"{row['per_second']:,}",
            f"{row['reference_per_second']:,}",
            f"{row['ratio']:.3f}",
            f"{row['wanted']:.2f}",
            " + ".join(map(str, row["cpu_us"].values())),
            str(row["records_a_commit"]),
        ]
        for name, row in told.items()
    ]
    return Told(told, [table(title, headings, rows)])


def usd(units: int) -> dict[str, str]:
    """Return whole dollars on the wire."""
    return {"amount": f"{units}.00", "currency": "USD"}


def _lines() -> list[dict[str, Any]]:
    return _between(*random.sample(range(reference.ACCOUNTS), 2))


def _between(debit: int, credit: int) -> list[dict[str, Any]]:
    return [
        {"account": "3100", "subject": f"s{debit}", "debit": usd(10)},
        {"account": "3300", "subject": f"s{credit}", "credit": usd(10)},
    ]
