"""Imports: what others have published, read into books of its own."""

import argparse
import gc
from collections import Counter
from pathlib import Path

from mfm.app.imports import Imported, import_iati
from mfm.cli import import_rates, import_tables
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.bar import Bar
from mfm.cli.session import Session
from mfm.core.errors import Invalid


def add(commands: Commands) -> None:
    """Add `import iati`."""
    text = "Import what others have published."
    formats = commands.add_parser("import", help=text, description=text)
    formats = formats.add_subparsers(dest="format", required=True, metavar="FORMAT")
    made = command(formats, "iati", _iati, "Import IATI activity files (2.01, 2.02, 2.03).")
    made.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an activity file")
    made.add_argument(
        "--schemas", type=Path, metavar="DIR", help="validate first, against your copy of the XSDs"
    )
    import_rates.add(formats)
    import_tables.add(formats)


async def _iati(session: Session, args: argparse.Namespace) -> int:
    """Import the files one after another; stop at the first that is no IATI activity file."""
    # Millions of small values and no cycles: looking for these would take a fifth of the time.
    gc.set_threshold(50_000, 20, 50)
    mechanism = await session.mechanism(args.mechanism)
    results: list[Imported] = []
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
        for path in args.files:
            with Bar(path) as bar:
                try:
                    made = await import_iati(writer, actor, path, args.schemas, bar)
                except Invalid as invalid:
                    detail = f"{path}: {invalid.detail}"
                    raise Invalid(invalid.code, detail, invalid.pointer) from invalid
            results.append(made)
            if not args.json:
                _print(path, made)
    if args.json:
        print_json(results if len(results) > 1 else results[0])
    return 0


def _print(path: Path, made: Imported) -> None:
    """Print what was imported, and each kind of oddity with its first place."""
    print(
        f"{path}: {made.transactions} transactions of {made.activities} activities stand in the"
        f" books; {made.records} records appended."
    )
    counts = Counter(finding.code for finding in made.findings)
    for finding in made.findings:
        if count := counts.pop(finding.code, 0):
            where = f"first at line {finding.line}, {finding.ref}: {finding.detail}"
            print(f"  found {count} x {finding.code}; {where}")
    counts = Counter(row.code for row in made.refused)
    for row in made.refused:
        if count := counts.pop(row.code, 0):
            where = f"first at line {row.line}, transaction {row.ordinal} of {row.activity}"
            print(f"  left out {count} x {row.code}; {where}")
