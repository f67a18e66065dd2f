"""`make bench`: the ledger's speed against pgbench on the same server, in one run.

Absolute figures are noise; the ratios are what is kept. Rounds are interleaved, and the median of
them counts. It uses a data directory of its own and loads 127.0.0.1 alone.
"""

import argparse
import asyncio
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import reads
from bench.load import Load, load, post
from mfm.app.keys import issue
from mfm.app.perform import Ask, submit
from mfm.app.registry import VERBS
from mfm.core.permissions import OPERATOR, Actor
from mfm.store import database, embedded, migrate
from mfm.store.writer import Writer

ACCOUNTS = 10_000
CLIENTS = 64
WANTED = {"entries": 0.6, "batch": 0.18, "verbs": 0.12}
_HERE = Path(__file__).parent


class Bench:
    """One run: a server, the reference beside it, and the measures."""

    def __init__(self, server: embedded.Embedded, folder: Path, args: argparse.Namespace) -> None:
        self._server = server
        self._folder = folder
        self._seconds: float = args.seconds
        self._rounds: int = args.rounds
        self._port = _free_port()
        self._secrets: dict[str, str] = {}
        self._tranches: list[str] = []
        self._count = 0

    # The reference -------------------------------------------------------------------------------

    def _pgbench(self, script: str, clients: int) -> float:
        """Return a script's transactions a second."""
        host = re.search(r"host=([^&]+)", self._server.admin_url)
        assert host is not None
        file = self._folder / "script.sql"
        file.write_text(script)
        done = subprocess.run(  # the wheel's own pgbench
            [
                self._server.bin_dir / "pgbench",
                "-h",
                host[1],
                "-p",
                "5432",
                "-U",
                "mfm_superuser",
                "-n",
                "-M",
                "prepared",
                "-c",
                str(clients),
                "-j",
                "2",
                "-T",
                str(max(1, round(self._seconds))),
                "-f",
                file,
                "bench",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        found = re.search(r"tps = ([0-9.]+)", done.stdout)
        assert found is not None, done.stdout
        return _number(found[1])

    async def prepare_reference(self) -> None:
        """Make the reference's database."""
        connection = await asyncpg.connect(self._server.admin_url)
        await connection.execute("CREATE DATABASE bench")
        await connection.close()
        connection = await asyncpg.connect(self._server.admin_url, database="bench")
        await connection.execute((_HERE / "reference.sql").read_text())
        await connection.close()

    # The ledger ----------------------------------------------------------------------------------

    async def prepare_ledger(self) -> None:
        """Make a mechanism with a fund, keys, and tranches that wait for approval."""
        mechanism = await database.create_mechanism(self._server.app_url, "bench")
        writer = Writer(self._server.app_url, mechanism)
        await writer.start()
        much = usd(10**9)
        for verb, fields in (
            ("party.register", {"id": "agent", "name": "Agent"}),
            ("party.register", {"id": "group", "name": "Group"}),
            (
                "fund.open",
                {
                    "id": "f",
                    "name": "Fund",
                    "tier": "global",
                    "currency": "USD",
                    "steward": "agent",
                },
            ),
            ("commitment.sign", {"id": "c", "from_party": "agent", "to_fund": "f", "amount": much}),
            ("deposit.receive", {"commitment": "c", "amount": much}),
            ("allocation.approve", {"id": "a", "fund": "f", "amount": much}),
        ):
            await self._do(writer, verb, fields)
        for role in ("preparer", "approver"):
            ask, secret = issue(self._ask("key.create", {"party": "agent", "role": role}))
            await submit(writer, ask)
            self._secrets[role] = secret
        for grant in range(round((self._rounds + 1) * self._seconds * 25)):
            await self._prepare_grant(writer, f"g{grant}")
        await writer.close()

    async def _prepare_grant(self, writer: Writer, grant: str) -> None:
        """Sign a grant of a hundred tranches and ask for each of them."""
        fields = {
            "id": grant,
            "from_fund": "f",
            "to_party": "group",
            "amount": usd(1_000),
            "allocation": "a",
            "tranches": [{"amount": usd(10)}] * 100,
        }
        await self._do(writer, "commitment.sign", fields)
        names = [f"{grant}-{number}" for number in range(1, 101)]
        requests = [
            self._do(
                writer,
                "disbursement.request",
                {"id": name, "commitment": grant, "tranche": number},
            )
            for number, name in enumerate(names, 1)
        ]
        await asyncio.gather(*requests)
        self._tranches += names

    def _ask(self, name: str, fields: dict[str, Any]) -> Ask:
        self._count += 1
        verb = VERBS[name]
        operator = Actor("bench", OPERATOR, OPERATOR)
        return Ask(operator, verb, msgspec.convert(fields, verb.command), f"do-{self._count}")

    async def _do(self, writer: Writer, name: str, fields: dict[str, Any]) -> None:
        made = await submit(writer, self._ask(name, fields))
        assert made.accepted, made.content

    def start_server(self) -> "subprocess.Popen[bytes]":
        """Start `mfm serve` as its users do."""
        environ = {**os.environ, "MFM_DATA_DIR": str(self._folder / "data")}
        mfm = Path(sys.executable).with_name("mfm")
        return subprocess.Popen(  # our own command
            [mfm, "serve", "--mechanism", "bench", "--port", str(self._port)], env=environ
        )

    async def ready(self) -> None:
        """Wait until the server answers."""
        for _ in range(200):
            try:
                _, to = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            to.close()
            return
        raise TimeoutError

    def _entry(self, number: int) -> bytes:
        key = f"entry-{self._count}-{number}"
        body = msgspec.json.encode({"fund": "f", "lines": _lines()})
        return post("/v1/entries", key, body, self._secrets["preparer"])

    def _approval(self, number: int) -> bytes:
        del number
        name = self._tranches.pop()
        path = f"/v1/disbursements/{name}/approve"
        return post(path, f"approve-{name}", b"{}", self._secrets["approver"])

    def _batch(self, number: int) -> bytes:
        entries = [
            {"key": f"b-{self._count}-{number}-{i}", "fund": "f", "lines": _lines()}
            for i in range(1_000)
        ]
        body = msgspec.json.encode({"entries": entries})
        return post("/v1/entries:batch", "-", body, self._secrets["preparer"])

    async def _run(self, make: Callable[[int], bytes], clients: int, most: int = 10**9) -> Load:
        self._count += 1
        result = await load(self._port, make, clients=clients, seconds=self._seconds, most=most)
        assert set(result.statuses) <= {200, 201}, result.statuses
        return result

    async def round(self) -> dict[str, float]:
        """Return one round's figures: each a number a second."""
        figures = {}
        accounts = (
            f"\\set a random(1, {ACCOUNTS // 2})\n\\set b random({ACCOUNTS // 2 + 1}, {ACCOUNTS})\n"
        )
        figures["pgbench"] = self._pgbench(accounts + "SELECT bench_transfer(:a, :b, 10);", CLIENTS)
        figures["entries"] = (await self._run(self._entry, CLIENTS)).per_second
        figures["verbs"] = (await self._run(self._approval, CLIENTS)).per_second
        figures["pgbench_batch"] = 1_000 * self._pgbench("SELECT bench_transfers(1000);", 1)
        ready = [self._batch(number) for number in range(round(20 * self._seconds))]
        figures["batch"] = (
            1_000 * (await self._run(lambda number: ready[number], 2, len(ready))).per_second
        )
        return figures

    async def measure(self, progress: Progress) -> list[dict[str, float]]:
        """Return the rounds' figures, after one round to warm up."""
        task = progress.add_task("rounds", total=self._rounds + 1)
        rounds = []
        for _ in range(self._rounds + 1):
            rounds.append(await self.round())
            progress.advance(task)
        return rounds[1:]


def usd(units: int) -> dict[str, str]:
    """Return whole dollars on the wire."""
    return {"amount": f"{units}.00", "currency": "USD"}


def _lines() -> list[dict[str, Any]]:
    debit, credit = random.sample(range(ACCOUNTS), 2)
    return [
        {"account": "3100", "subject": f"s{debit}", "debit": usd(10)},
        {"account": "3300", "subject": f"s{credit}", "credit": usd(10)},
    ]


def _number(text: str) -> float:
    return msgspec.json.decode(text, type=float)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def summary(rounds: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return each measure's median ratio, its reference, and the median figures a second."""
    told = {}
    for name, reference in (
        ("entries", "pgbench"),
        ("batch", "pgbench_batch"),
        ("verbs", "pgbench"),
    ):
        told[name] = {
            "ratio": round(statistics.median(r[name] / r[reference] for r in rounds), 3),
            "wanted": WANTED[name],
            "per_second": round(statistics.median(r[name] for r in rounds)),
            "reference_per_second": round(statistics.median(r[reference] for r in rounds)),
        }
    return told


def reads_table(years: int, read: dict[str, Any]) -> Table:
    """Return the reads' measures as a table."""
    table = Table(title=f"reads with {years} years of history, beside one indexed select")
    for heading in ("measure", "p50 ms", "p99 ms", "p50 ratio", "p99 ratio"):
        table.add_column(heading, justify="right")
    for name, row in read.items():
        if "p50_ms" in row:
            names = ("p50_ms", "p99_ms", "p50_ratio", "p99_ratio")
            table.add_row(name, *(str(row.get(each, 1.0)) for each in names))
    return table


async def run(
    server: embedded.Embedded, folder: Path, args: argparse.Namespace
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Prepare, serve, measure; the servers that it starts it stops."""
    bench = Bench(server, folder, args)
    with Progress(console=Console(stderr=True)) as progress:
        await bench.prepare_reference()
        await bench.prepare_ledger()
        process = bench.start_server()
        try:
            await bench.ready()
            rounds = await bench.measure(progress)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        if not args.years:
            return rounds, {}
        sizes = (args.years, args.rounds, _free_port())
        return rounds, await reads.measure(server, folder, sizes, progress)


def main() -> None:
    """Run the bench and print its table and its JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measure in each round")
    parser.add_argument(
        "--years", type=int, default=1, help="of history of 40 funds, to read from (0: no reads)"
    )
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mfm-bench-"))
    folder.chmod(0o755)
    server = embedded.start(folder / "data")
    try:
        migrate.migrate(server.migration_url)
        rounds, read = uvloop.run(run(server, folder, args))
    finally:
        server.close(discard=True)
        shutil.rmtree(folder, ignore_errors=True)
    told = summary(rounds)
    table = Table(title=f"median of {args.rounds} interleaved rounds of {args.seconds} s")
    for heading in ("measure", "a second", "reference a second", "ratio", "wanted"):
        table.add_column(heading, justify="right")
    for name, row in told.items():
        table.add_row(
            name,
            f"{row['per_second']:,}",
            f"{row['reference_per_second']:,}",
            f"{row['ratio']:.2f}",
            f"{row['wanted']:.2f}",
        )
    Console(stderr=True).print(table)
    if read:
        Console(stderr=True).print(reads_table(args.years, read))
    print(msgspec.json.encode(told | ({"reads": read} if read else {})).decode())


if __name__ == "__main__":
    main()
