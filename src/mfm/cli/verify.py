"""Verification: everything that is stored against what the records say."""

import argparse

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mfm.app.verify import verify_database
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.session import Session
from mfm.store.verify import Verified


def add(commands: Commands) -> None:
    """Add `verify`."""
    text = "Fold the records and compare every table with what they say."
    made = command(commands, "verify", _verify, text)
    made.add_argument("--database", action="store_true", required=True, help="verify the database")


async def _verify(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism, create=False)
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
    with _bar() as bar:
        task = bar.add_task("record", total=None)

        def show(table: str, done: int, total: int) -> None:
            bar.update(task, description=table, completed=done, total=total)

        url = session.settings.read_database_url
        found = await verify_database(url, mechanism, actor, show)
    if args.json:
        print_json(found)
    else:
        print(_sentence(mechanism.name, found))
    return 0 if found.ok else 1


def _bar() -> Progress:
    """Return a progress bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description:>20}"), BarColumn(), MofNCompleteColumn()
    return Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _sentence(name: str, found: Verified) -> str:
    if found.difference is None:
        return (
            f"ok: {name}: {found.records} records, {found.postings} postings;"
            f" {found.checks} comparisons agree"
        )
    difference = found.difference
    return (
        f"difference: {difference.check}, record {difference.seq}: {difference.detail}"
        f" {found.checks} comparisons agreed before it."
    )
