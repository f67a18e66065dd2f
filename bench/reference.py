"""The reference: the wheel's own pgbench on the same server, in the same run."""

import re
import subprocess
from pathlib import Path

import asyncpg
import msgspec

from bench.stage import CLIENTS, Stage

ACCOUNTS = 10_000
_ONE = (
    f"\\set a random(1, {ACCOUNTS // 2})\n\\set b random({ACCOUNTS // 2 + 1}, {ACCOUNTS})\n"
    "SELECT bench_transfer(:a, :b, 10);"
)


async def prepare(stage: Stage) -> None:
    """Make the reference's database, unless it is there."""
    connection = await asyncpg.connect(stage.server.admin_url)
    there = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'bench'")
    if not there:
        await connection.execute("CREATE DATABASE bench")
    await connection.close()
    if there:
        return
    connection = await asyncpg.connect(stage.server.admin_url, database="bench")
    await connection.execute(Path(__file__).with_suffix(".sql").read_text())
    await connection.close()


def transfers(stage: Stage) -> float:
    """Return how many minimal double entries a second, one a call, the clients of a bench make."""
    return _pgbench(stage, _ONE, CLIENTS)


def thousands(stage: Stage) -> float:
    """Return how many double entries a second go in by bare transactions of 1,000."""
    return 1_000 * _pgbench(stage, "SELECT bench_transfers(1000);", 1)


def _pgbench(stage: Stage, script: str, clients: int) -> float:
    """Return a script's transactions a second."""
    host = re.search(r"host=([^&]+)", stage.server.admin_url)
    assert host is not None
    file = stage.folder / "script.sql"
    file.write_text(script)
    connection = ["-h", host[1], "-p", "5432", "-U", "mfm_superuser"]
    seconds = str(max(1, round(stage.args.seconds)))
    load = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", seconds, "-f", str(file)]
    done = subprocess.run(  # the wheel's own pgbench
        [stage.server.bin_dir / "pgbench", *connection, *load, "bench"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout
    return msgspec.json.decode(found[1], type=float)
