"""`mfm import rates`: a published table of exchange rates."""

import argparse
from pathlib import Path

from mfm.app.rates_import import RatesImported, RateTable, import_rates
from mfm.cli.arguments import Commands, command, print_json, visible
from mfm.cli.session import Session
from mfm.core.errors import Invalid

_SHOWN = 20


def add(formats: Commands) -> None:
    """Add `import rates`."""
    text = "Import a table of exchange rates (CSV or XLSX: date, rate, currency)."
    made = command(formats, "rates", _rates, text)
    made.add_argument("file", type=Path, metavar="FILE", help="the table")
    made.add_argument(
        "--base", default="", metavar="CURRENCY", help="of which each rate has one, if no column"
    )
    made.add_argument("--source", default="", help="who published it, if no column says it")
    made.add_argument(
        "--only", metavar="COLUMN=VALUE", help="look only at rows that have this value"
    )
    made.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")


async def _rates(session: Session, args: argparse.Namespace) -> int:
    """Import a table; 1 where something is wrong with it, and then nothing was recorded."""
    only = None
    if args.only is not None:
        column, found, value = args.only.partition("=")
        if not found:
            raise Invalid("field-invalid", "--only is a column and a value: country_code=U2.")
        only = (column.strip().lower().replace(" ", "_"), value)
    how = RateTable(base=args.base, source=args.source, only=only, dry_run=args.dry_run)
    mechanism = await session.mechanism(args.mechanism)
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
        made = await import_rates(writer, actor, args.file, how)
    if args.json:
        print_json(made)
    else:
        _print(made, dry_run=args.dry_run)
    return 1 if made.problems else 0


def _print(made: RatesImported, *, dry_run: bool) -> None:
    for title, rows in (("wrong", made.problems), ("left out", made.left_out)):
        for each in rows[:_SHOWN]:
            where = f"row {each.row} {each.column} ({title})"
            print(visible(f"{where}: {each.code}: {each.detail}"))
        if len(rows) > _SHOWN:
            print(f"... and {len(rows) - _SHOWN} more {title}; --json lists them")
    word = "would be recorded" if dry_run else "recorded"
    print(
        f"{made.rows} rows: {made.recorded} rates {word}, {made.unchanged} known,"
        f" {len(made.left_out)} left out, {len(made.problems)} wrong."
    )
