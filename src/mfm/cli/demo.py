"""The demonstration: one chain of money, then the API over it."""

import argparse
import secrets
import sys

from rich.console import Console
from rich.table import Table

from mfm.app.demo import SCALE_MAX, Demo, DemoKey
from mfm.app.overview import Overview, overview
from mfm.cli.arguments import Commands, command, port, print_json
from mfm.cli.mechanisms import ORIGIN_HELP
from mfm.cli.serve import listen, serve, url_of
from mfm.cli.session import Session
from mfm.core.errors import Invalid
from mfm.store import database
from mfm.store.database import Mechanism

NAME = "demo"


def add(commands: Commands) -> None:
    """Add `demo`."""
    made = command(commands, "demo", _demo, "Play a whole chain of money, then serve it.")
    made.add_argument("--once", action="store_true", help="play the worked example and end")
    made.add_argument("--origin", metavar="NAME", help=ORIGIN_HELP)
    made.add_argument("--scale", type=_scale, default=1, help="every amount times this (1)")
    made.add_argument("--port", type=port, default=8000, help="port to serve on (8000)")


def _scale(text: str) -> int:
    whole = text.isascii() and text.isdigit() and len(text) <= len(str(SCALE_MAX))
    if not (whole and 1 <= int(text) <= SCALE_MAX):
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {SCALE_MAX:,}")
    return int(text)


async def _demo(session: Session, args: argparse.Namespace) -> int:
    if args.once:
        return await _once(session, args)
    with listen("127.0.0.1", args.port) as listening:
        mechanism, keys = await _played(session, args)
        async with session.reader(mechanism) as engine:
            seen = await overview(engine, mechanism.name)
        if args.json:
            print_json({"overview": seen, "keys": keys, "url": url_of(listening)})
        else:
            _show(seen)
            _show_address(keys, url_of(listening))
        await serve(session, mechanism, listening)
    return 0


async def _played(session: Session, args: argparse.Namespace) -> tuple[Mechanism, list[DemoKey]]:
    """Return the demonstration's mechanism, played to its end, and the keys that were made."""
    url = session.settings.database_url
    known = {each.name: each for each in await database.mechanisms(url)}
    name = args.mechanism or NAME
    mechanism = known.get(name) or await database.create_mechanism(url, name, args.origin)
    async with session.writer(mechanism) as writer:
        demo = Demo(writer, args.scale)
        if await demo.is_whole():
            return mechanism, []
        if name in known and name != NAME:
            detail = f"{name} holds books of its own; name one that is not there yet."
            raise Invalid("mechanism-exists", detail)
        # New, or killed half-way: steps that were taken are answered from their records.
        await demo.worked_example()
        await demo.continued()
    return mechanism, demo.keys


async def _once(session: Session, args: argparse.Namespace) -> int:
    name = args.mechanism or f"{NAME}-{secrets.token_hex(4)}"
    url = session.settings.database_url
    mechanism: Mechanism = await database.create_mechanism(url, name, args.origin)
    async with session.writer(mechanism) as writer:
        await Demo(writer, args.scale).worked_example()
    async with session.reader(mechanism) as engine:
        seen = await overview(engine, mechanism.name)
    if args.json:
        print_json(seen)
    else:
        _show(seen)
    return 0 if seen.balanced else 1


def _show(seen: Overview) -> None:
    books = "books balance" if seen.balanced else "BOOKS DO NOT BALANCE"
    table = Table(title=f"Mechanism {seen.mechanism}: {seen.records} records, {books}")
    for heading in ("fund", "tier", "currency"):
        table.add_column(heading)
    table.add_column("cash", justify="right")
    table.add_column("unallocated", justify="right")
    for fund in seen.funds:
        table.add_row(fund.fund, fund.tier, fund.currency, fund.cash, fund.unallocated)
    Console(file=sys.stdout).print(table)


def _show_address(keys: list[DemoKey], url: str) -> None:
    console = Console(file=sys.stdout)
    if keys:
        held = Table(title="API keys, shown once")
        for heading in ("role", "party", "key"):
            held.add_column(heading, no_wrap=True)
        for key in keys:
            held.add_row(key.role, key.party, key.secret)
        console.print(held)
    else:
        console.print("The keys were shown when the demo was made; `mfm key create` makes more.")
    console.print(f"API on {url}/v1, reference on {url}/docs")
    console.print("Stop with Ctrl-C.")
    sys.stdout.flush()
