"""Statements, histories and totals in the terminal: tables to read, JSON or CSV to go on with."""

import argparse
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert, structs
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mfm.app import statements
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.session import Session
from mfm.core.errors import Invalid
from mfm.core.histories import History, HistoryQuery
from mfm.core.permissions import Actor
from mfm.core.statements import StatementQuery, TrailPoint
from mfm.core.totals import DIMENSIONS, dimensions
from mfm.formats import csv
from mfm.formats.faults import said
from mfm.store.database import Engine

S = TypeVar("S", bound=Struct)

_PAGE_ROWS = 10_000
_PIPE_COLUMNS = 160


def add(commands: Commands) -> None:
    """Add `statement`, `history` and `totals`."""
    text = "Print a fund's Sources and Uses and its trial balances."
    made = command(commands, "statement", _statement, text)
    made.add_argument("fund", metavar="FUND", help="its id, or its activity's IATI identifier")
    made.add_argument("--trial-balance", action="store_true", help="with --csv: these instead")
    _add_moment(made)

    made = command(commands, "history", _history, "Print an account's postings, one by one.")
    made.add_argument("fund", metavar="FUND", help="its id, or its activity's IATI identifier")
    made.add_argument("code", metavar="CODE", help="a code of the chart of accounts, such as 1100")
    made.add_argument("--subject", help="one account; without it, all accounts of the code")
    _add_moment(made)

    made = command(commands, "totals", _totals, "Sum the ledger's transactions as IATI does.")
    made.add_argument(
        "--by", default=",".join(DIMENSIONS), metavar="COLUMNS", help="of %(default)s (the default)"
    )
    made.add_argument("--csv", action="store_true", help="print CSV")


def _add_moment(made: argparse.ArgumentParser) -> None:
    made.add_argument("--as-of", metavar="DATE", help="only what counts from this day or earlier")
    made.add_argument("--known-at", metavar="SEQ", help="only what was known at this record")
    made.add_argument("--currency", metavar="CUR", help="for reported books with several")
    made.add_argument("--csv", action="store_true", help="print CSV")


async def _statement(session: Session, args: argparse.Namespace) -> int:
    async with _reading(session, args) as (engine, actor):
        found = await statements.statement(engine, actor, _query(args, StatementQuery))
    if args.json:
        print_json(found)
    elif args.csv:
        made = csv.trial_balance(found) if args.trial_balance else csv.sources_and_uses(found)
        sys.stdout.write(made)
    else:
        when = f"as of {found.as_of}, " if found.as_of else ""
        title = f"Fund {found.fund}, {found.currency}, {when}as known at record {found.known_at}"
        lines = [(each.line, each.amount) for each in found.sources_and_uses]
        print_table(title, ("Sources and Uses", ">amount"), lines)
        for book, trial in found.trial_balance.items():
            cells = [structs.astuple(each) for each in trial]
            print_table("", (book, "Trial balance", ">debit", ">credit"), cells)
        print(_trail(found.trail))
    return 0


async def _history(session: Session, args: argparse.Namespace) -> int:
    query = _query(args, HistoryQuery)
    async with _reading(session, args) as (engine, actor):
        found = await _whole(engine, actor, structs.replace(query, limit=_PAGE_ROWS))
    if args.json:
        print_json(found)
    elif args.csv:
        sys.stdout.write(csv.history(found))
    else:
        title = f"Fund {found.fund}: {found.code} {found.name}, {found.currency}"
        names = (">seq", "day", "verb", "subject", "other", ">debit", ">credit", ">balance")
        rows = [
            (
                *(str(each.seq), str(each.effective_on), each.verb, each.subject),
                *(f"{each.other} {each.other_subject}", each.debit, each.credit, each.balance),
            )
            for each in found.rows
        ]
        print_table(title, names, rows)
        print(_trail(found.trail))
    return 0


def _trail(point: TrailPoint | None) -> str:
    return f"Trail: {point.size} records, root {point.root}" if point else "Trail: not sealed yet"


async def _whole(engine: Engine, actor: Actor, query: HistoryQuery) -> History:
    """Return all pages as one; each is asked as known at the first one's record."""
    page = whole = await statements.history(engine, actor, query)
    while page.next is not None:
        query = structs.replace(query, after=page.next, known_at=whole.known_at)
        page = await statements.history(engine, actor, query)
        whole = structs.replace(
            whole, rows=(*whole.rows, *page.rows), closing=page.closing, next=None
        )
    return whole


async def _totals(session: Session, args: argparse.Namespace) -> int:
    by = dimensions(args.by)
    async with _reading(session, args) as (engine, actor):
        found = await statements.totals(engine, actor, by)
    if args.json:
        print_json(found)
    elif args.csv:
        sys.stdout.write(csv.totals(found, by))
    else:
        rows = [
            (*(getattr(each, name) for name in by), each.amount, str(each.count)) for each in found
        ]
        print_table("Totals out of the ledger", (*by, ">amount", ">count"), rows)
    return 0


def _query(args: argparse.Namespace, kind: type[S]) -> S:
    """Return what the command line asks for, checked as a request over HTTP is.

    Raises:
        Invalid: `query-invalid`.
    """
    told: dict[str, Any] = {
        name: value
        for name in kind.__struct_fields__
        if (value := getattr(args, name, None)) is not None
    }
    try:
        return convert(told, kind, strict=False)
    except ValidationError as error:
        detail, pointer = said(error, kind)
        option = pointer.strip("/").replace("_", "-")
        raise Invalid("query-invalid", f"--{option}: {detail}") from None


@asynccontextmanager
async def _reading(
    session: Session, args: argparse.Namespace
) -> AsyncIterator[tuple[Engine, Actor]]:
    """Give the readers' connections of the mechanism, and who asks."""
    if args.json and args.csv:
        raise Invalid("field-invalid", "Ask for --json or for --csv, not for both.")
    action = "totals.read" if args.command == "totals" else "statement.read"
    subject = " ".join(["mfm", args.command, getattr(args, "fund", ""), getattr(args, "code", "")])
    async with session.reading(args.mechanism, action, subject.strip()) as found:
        yield found


def print_table(title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a column whose name begins with > is for numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in names:
        right = name.startswith(">")
        table.add_column(
            name.removeprefix(">"),
            justify="right" if right else "left",
            no_wrap=right or name == "day",  # a number is never cut, a text goes on below
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))  # as Text: nothing that others wrote is taken for markup
    Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS).print(table)
