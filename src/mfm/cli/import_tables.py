"""Imports of tables and of bank statements: all problems by row first, then all or nothing."""

import argparse
from pathlib import Path

from mfm.app.import_bank import ImportedStatement, Place, import_bank
from mfm.app.import_rows import TABLES, ImportedTable, Manner, import_table
from mfm.cli.arguments import Commands, command, print_json, visible
from mfm.cli.bar import Bar
from mfm.cli.session import Session

_SHOWN = 20


def add(formats: Commands) -> None:
    """Add `import commitments`, `import deposits`, `import parties` and `import bank`."""
    for what in TABLES:
        text = f"Import {what} from a CSV or XLSX file; a row is one of them."
        made = command(formats, what, _table, text)
        made.set_defaults(what=what)
        _add_file(made)
    text = "Import a bank statement (camt.053, CSV or XLSX) and match it with the books."
    made = command(formats, "bank", _bank, text)
    _add_file(made)
    made.add_argument("--fund", required=True, help="whose bank account it is")
    made.add_argument("--account", default="main", help="which one: the subject of 1100")


def _add_file(made: argparse.ArgumentParser) -> None:
    made.add_argument("file", type=Path, metavar="FILE", help="the file")
    made.add_argument("--dry-run", action="store_true", help="tell all problems, write nothing")


async def _table(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism)
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
        with Bar(args.file, rows=True) as bar:
            manner = Manner(args.dry_run, bar)
            made = await import_table(writer, actor, args.what, args.file, manner)
    return _tell(args, made)


async def _bank(session: Session, args: argparse.Namespace) -> int:
    place = Place(args.fund, args.account)
    mechanism = await session.mechanism(args.mechanism)
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
        with Bar(args.file, rows=True) as bar:
            manner = Manner(args.dry_run, bar)
            made = await import_bank(writer, actor, place, args.file, manner)
    return _tell(args, made)


def _tell(args: argparse.Namespace, made: ImportedTable | ImportedStatement) -> int:
    """Print what an import has come to; return 1 where a row is wrong."""
    if args.json:
        print_json(made)
        return 1 if made.problems else 0
    for each in made.problems[:_SHOWN]:
        where = f"row {each.row} {each.column}".rstrip() if each.row else "the file"
        print(visible(f"{where}: {each.code}: {each.detail}"))
    if len(made.problems) > _SHOWN:
        print(f"... and {len(made.problems) - _SHOWN} more; --json lists them")
    wrong = f"{len(made.problems)} problems" if made.problems else "nothing wrong"
    done = f"{made.records} records appended" if made.written else "nothing written"
    print(f"{args.file}: {made.rows} rows, {wrong}, {done}.")
    if isinstance(made, ImportedStatement) and not made.problems:
        are, not_ = ("are", "are not") if made.written else ("would be", "would not")
        print(f"{made.matched} lines {are} matched with the books, {made.unmatched} {not_}.")
        for found in made.findings[:_SHOWN]:
            print(visible(f"  found {found.code}: {found.detail}"))
    return 1 if made.problems else 0
