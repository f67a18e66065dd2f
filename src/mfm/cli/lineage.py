"""Chains, the donor's view and the log of reads in the terminal: tables, or JSON to go on with."""

import argparse
from collections.abc import Iterator
from typing import get_args

from msgspec import Struct, structs

from mfm.app import lineage, read_log
from mfm.app.lineage import Chained, ChainQuery, DonorQuery
from mfm.app.read_log import Read
from mfm.app.reads import Page
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.session import Session
from mfm.cli.statements import print_table
from mfm.core.chains import Direction
from mfm.core.donors import DonorView
from mfm.core.money import Money

_PAGE_ROWS = 1_000


def add(commands: Commands) -> None:
    """Add `chain`, `donor` and `reads`."""
    made = command(commands, "chain", _chain, "Print where money came from, or what it became.")
    made.add_argument("id", metavar="ID", help="a fund, party or commitment; perhaps fund:ID ...")
    made.add_argument(
        "--direction", choices=get_args(Direction), default="down", help="which way (down)"
    )
    made.add_argument("--currency", metavar="CUR", help="for a party's money in several")

    made = command(commands, "donor", _donor, "Print what became of a donor's money.")
    made.add_argument("party", metavar="PARTY", help="the donor, by id")

    made = command(commands, "reads", _reads, "Print who read what is not public.")
    for name in ("party", "role", "action"):
        made.add_argument(f"--{name}", metavar="VALUE", help=f"only with this {name}")


async def _chain(session: Session, args: argparse.Namespace) -> int:
    query = ChainQuery(id=args.id, direction=args.direction, currency=args.currency)
    subject = f"mfm chain {args.id} --direction {args.direction}"
    async with session.reading(args.mechanism, "chain.read", subject) as (engine, actor):
        found = await lineage.chain(engine, actor, query)
    if args.json:
        print_json(found.chain)
        return 0
    names = ("from", "to", "commitment", "stage", ">amount", ">fee", ">days")
    print_table(f"{found.chain.root} {args.direction}", names, _hops(found))
    told = found.chain.boundary
    rows = [(name, _money(getattr(told, name))) for name in told.__struct_fields__]
    print_table("", ("Across the funds' boundary", ">amount"), rows)
    return 0


def _hops(found: Chained) -> Iterator[tuple[str, ...]]:
    for edge, depth in zip(found.chain.edges, found.depths, strict=True):
        amounts = _money(edge.amount), edge.fee.amount, str(edge.days)
        yield ("  " * depth + edge.from_, edge.to, edge.commitment, edge.stage, *amounts)


async def _donor(session: Session, args: argparse.Namespace) -> int:
    subject = f"mfm donor {args.party}"
    async with session.reading(args.mechanism, "donor.read", subject) as (engine, actor):
        found, _ = await lineage.donor(engine, actor, DonorQuery(donor=args.party))
    if args.json:
        print_json(found)
        return 0
    for title, rows in _tables(found):
        print_table(title, ("", ">amount"), rows)
    names = found.receivers[0].__struct_fields__ if found.receivers else ()
    if names:
        cells = [[_cell(getattr(each, name)) for name in names] for each in found.receivers]
        heads = [*names[:2], *(f">{name.replace('_', ' ')}" for name in names[2:])]
        print_table("Receivers", heads, cells)
    return 0


def _tables(found: DonorView) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for total in found.totals:
        yield (
            f"Donor {found.donor}, {total.currency}, as known at record {found.known_at}",
            [*_lines(total)],
        )
    for each in found.funds:
        yield f"In fund {each.fund}", [*_lines(each)]


def _lines(told: Struct, indent: str = "") -> Iterator[tuple[str, str]]:
    """Return the amounts of a Struct, those of a Struct within it indented; zeros are left out."""
    for name in told.__struct_fields__:
        value = getattr(told, name)
        if isinstance(value, Money):
            if value.amount.strip("0."):
                yield indent + name.replace("_", " "), _money(value)
        elif isinstance(value, Struct):
            yield name, ""
            yield from _lines(value, "  ")


async def _reads(session: Session, args: argparse.Namespace) -> int:
    named = {name: getattr(args, name) for name in ("party", "role", "action")}
    page = Page(_PAGE_ROWS, filters={name: value for name, value in named.items() if value})
    found: list[Read] = []
    mechanism = await session.mechanism(args.mechanism)
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
    async with session.reader(mechanism) as engine:
        while some := await read_log.page_of(engine, actor, page):
            found += some
            page = structs.replace(page, after=(0, some[-1].id))
    if args.json:
        print_json({"items": found})
        return 0
    names = ("at", "party", "role", "key", "action", "subject", ">items")
    rows = [
        (f"{each.at:%Y-%m-%d %H:%M:%S}", *structs.astuple(each)[2:-1], str(each.items))
        for each in found
    ]
    print_table("Reads of what is not public", names, rows)
    return 0


def _cell(value: Money | str) -> str:
    return _money(value) if isinstance(value, Money) else value


def _money(money: Money) -> str:
    return f"{money.amount} {money.currency}"
