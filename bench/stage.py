"""What every measure stands on: a database server, ledgers on it, and `mfm serve` over them."""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
from rich.progress import Progress
from rich.table import Table

from bench.load import Load, load
from mfm.app.keys import issue
from mfm.app.perform import Ask, submit
from mfm.app.policies import adopt_shipped
from mfm.app.registry import VERBS
from mfm.core.permissions import OPERATOR, Actor
from mfm.store import database, embedded
from mfm.store.database import Mechanism
from mfm.store.writer import Writer
from tests.support import permit

CLIENTS = 64
BENCH = Actor("bench", OPERATOR, OPERATOR)
"""Who prepares what is measured."""
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Stage(NamedTuple):
    """One run of the bench.

    Attributes:
        server: the database server, migrated.
        folder: the bench's own, with the server's data directory in it.
        args: rounds, seconds, and what single measures add.
        progress: where to show how far it is.
    """

    server: embedded.Embedded
    folder: Path
    args: argparse.Namespace
    progress: Progress

    def environ(self) -> dict[str, str]:
        """Return the environment in which `mfm` finds the server."""
        return {**os.environ, "MFM_DATA_DIR": str(self.folder / "data")}


class Told(NamedTuple):
    """What a measure found.

    Attributes:
        figures: for the JSON, merged with the other measures'.
        tables: for people.
    """

    figures: dict[str, Any]
    tables: list[Table]


def table(title: str, headings: str, rows: list[list[str]]) -> Table:
    """Return a table of right-aligned columns.

    Args:
        title: above it.
        headings: with commas between.
        rows: the cells.
    """
    made = Table(title=title)
    for heading in headings.split(","):
        made.add_column(heading.strip(), justify="right")
    for row in rows:
        made.add_row(*row)
    return made


class Clerk:
    """Prepares a ledger through the real verbs, before anything is measured."""

    def __init__(self, writer: Writer) -> None:
        """Begin with a writer that is started."""
        self.writer = writer
        self._count = 0

    @classmethod
    async def of(cls, stage: Stage, name: str, *, shipped: bool = False) -> Self:
        """Return the clerk of a new mechanism, whose policies let every step through.

        Args:
            stage: where.
            name: the mechanism's.
            shipped: whether its policies are those that are shipped, instead.
        """
        made = cls(await _writer(stage, await database.create_mechanism(_url(stage), name)))
        await (adopt_shipped if shipped else permit)(made.writer, BENCH)
        return made

    def _ask(self, name: str, fields: dict[str, Any]) -> Ask:
        self._count += 1
        verb = VERBS[name]
        return Ask(BENCH, verb, msgspec.convert(fields, verb.command), f"do-{self._count}")

    async def do(self, name: str, fields: dict[str, Any]) -> None:
        """Perform a verb; it must be accepted."""
        made = await submit(self.writer, self._ask(name, fields))
        assert made.accepted, made.content

    async def key(self, party: str, role: str) -> str:
        """Return the secret of a new API key."""
        ask, secret = issue(self._ask("key.create", {"party": party, "role": role}))
        assert (await submit(self.writer, ask)).accepted
        return secret


async def _writer(stage: Stage, mechanism: Mechanism) -> Writer:
    writer = Writer(_url(stage), mechanism)
    await writer.start()
    return writer


def _url(stage: Stage) -> str:
    return stage.server.app_url


class Served(NamedTuple):
    """A running `mfm serve`: its port on loopback, and its process's number."""

    port: int
    pid: int

    async def load(
        self,
        make: Callable[[int], bytes],
        *,
        clients: int = CLIENTS,
        seconds: float,
        most: int = 10**9,
    ) -> Load:
        """Load it; every answer must be a success."""
        done = await load(self.port, make, clients=clients, seconds=seconds, most=most)
        assert set(done.statuses) <= {200, 201}, done.statuses
        return done


@asynccontextmanager
async def serving(stage: Stage, mechanism: str, **environ: str) -> AsyncIterator[Served]:
    """Run `mfm serve` as its users do, with more in its environment if told; then stop it."""
    port, mfm = free_port(), Path(sys.executable).with_name("mfm")
    told = ("serve", "--mechanism", mechanism, "--port", str(port))
    process = await asyncio.create_subprocess_exec(mfm, *told, env=stage.environ() | environ)
    try:
        await _ready(port)
        yield Served(port, process.pid)
    finally:
        process.terminate()
        await process.wait()


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


def free_port() -> int:
    """Return a port on loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process and its children have had (0 where unknown)."""
    ticks = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if status.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))  # its own, and that of children that ended
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / _TICKS_A_SECOND


def database_pid(stage: Stage) -> int:
    """Return the database server's process: the parent of all its others."""
    file = stage.server.home.data / "postmaster.pid"
    return int(file.read_text().split("\n", 1)[0])
