"""The demonstration: one chain of money, then the API over it."""

import argparse
import secrets
import sys

from rich.console import Console
from rich.table import Table

from mfm.app.demo import Demo, DemoKey
from mfm.app.overview import Overview, overview
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.serve import serve
from mfm.cli.session import Session
from mfm.store import database
from mfm.store.database import Mechanism

NAME = "demo"


def add(commands: Commands) -> None:
    """Add `demo`."""
    made = command(commands, "demo", _demo, "Play a whole chain of money, then serve it.")
    made.add_argument("--once", action="store_true", help="play the worked example and end")
    made.add_argument("--scale", type=_scale, default=1, help="every amount times this (1)")
    made.add_argument("--port", type=int, default=8000, help="port to serve on (8000)")


def _scale(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError("a whole number from 1 to 1,000,000")
    return int(text)


async def _demo(session: Session, args: argparse.Namespace) -> int:
    if args.once:
        return await _once(session, args)
    url = session.settings.database_url
    known = {each.name: each for each in await database.mechanisms(url)}
    mechanism, keys = known.get(NAME), []
    if mechanism is None:
        mechanism = await database.create_mechanism(url, NAME)
        async with session.writer(mechanism) as writer:
            demo = Demo(writer, args.scale)
            await demo.worked_example()
            await demo.continued()
            keys = demo.keys
    async with session.reader(mechanism) as engine:
        _show(await overview(engine, mechanism.name), keys, args.port)
    await serve(session, mechanism, "127.0.0.1", args.port)
    return 0


async def _once(session: Session, args: argparse.Namespace) -> int:
    name = args.mechanism or f"{NAME}-{secrets.token_hex(4)}"
    mechanism: Mechanism = await database.create_mechanism(session.settings.database_url, name)
    async with session.writer(mechanism) as writer:
        await Demo(writer, args.scale).worked_example()
    async with session.reader(mechanism) as engine:
        seen = await overview(engine, mechanism.name)
    if args.json:
        print_json(seen)
    else:
        _show(seen, [], 0)
    return 0 if seen.balanced else 1


def _show(seen: Overview, keys: list[DemoKey], port: int) -> None:
    console = Console(file=sys.stdout)
    table = Table(title=f"Mechanism {seen.mechanism}: {seen.records} records, books balance")
    for heading in ("fund", "tier", "currency"):
        table.add_column(heading)
    table.add_column("cash", justify="right")
    table.add_column("unallocated", justify="right")
    for fund in seen.funds:
        table.add_row(fund.fund, fund.tier, fund.currency, fund.cash, fund.unallocated)
    console.print(table)
    if port and keys:
        held = Table(title="API keys, shown once")
        for heading in ("role", "party", "key"):
            held.add_column(heading, no_wrap=True)
        for key in keys:
            held.add_row(key.role, key.party, key.secret)
        console.print(held)
    elif port:
        console.print("The keys were shown when the demo was made; `mfm key create` makes more.")
    if port:
        console.print(
            f"API on http://127.0.0.1:{port}/v1, reference on http://127.0.0.1:{port}/docs"
        )
        console.print("Stop with Ctrl-C.")
