"""Exports: the books as files that others read."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Literal

from mfm.app import export
from mfm.app.export import Export, Exported, Source
from mfm.app.export_lists import LISTS, action, export_list
from mfm.cli import trail
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.session import Session
from mfm.core.errors import Invalid
from mfm.formats.iati_write import validate
from mfm.formats.listing import FORMS


def add(commands: Commands) -> None:
    """Add every `export`."""
    text = "Write the books as files that others read."
    formats = commands.add_parser("export", help=text, description=text)
    formats = formats.add_subparsers(dest="format", required=True, metavar="FORMAT")
    made = command(formats, "iati", _iati, "Write an IATI 2.03 activity file.")
    _add_target(made)
    made.add_argument(
        "--schemas",
        type=Path,
        metavar="DIR",
        help="then validate it, against your copy of the XSDs",
    )
    text = "Write a journal for hledger (plain text accounting)."
    _add_target(command(formats, "hledger", _hledger, text))
    trail.add_export(formats)
    for what in LISTS:
        made = command(formats, what, _list, f"Write all {what} as CSV, JSON Lines or XLSX.")
        made.set_defaults(what=what)
        made.add_argument("--format", dest="form", choices=FORMS, default="csv", help="%(default)s")
        made.add_argument(
            "-o", "--output", type=Path, required=True, metavar="FILE", help="write here"
        )


def _add_target(made: argparse.ArgumentParser) -> None:
    made.add_argument("--fund", default="", help="only this: its id, or its IATI identifier")
    made.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="write here")


async def _iati(session: Session, args: argparse.Namespace) -> int:
    done = await _write(session, args, export.iati)
    for found in done.findings:
        said = f"{found.count} x {found.code}; first in {found.ref}: {found.detail}"
        print(f"mfm: {said}", file=sys.stderr)
    fault = _fault(args.output, args.schemas) if args.schemas else ""
    if args.json:
        print_json({"file": str(args.output), "export": done, "fault": fault})
    else:
        print(
            f"{args.output}: {done.activities} activities with {done.transactions} transactions,"
            f" up to record {done.seq}."
        )
    if fault:
        print(f"mfm: {args.output}: {fault}", file=sys.stderr)
    return 1 if fault else 0


async def _hledger(session: Session, args: argparse.Namespace) -> int:
    done = await _write(session, args, export.journal)
    if args.json:
        print_json({"file": str(args.output), "export": done})
    else:
        print(f"{args.output}: {done.transactions} transactions, up to record {done.seq}.")
    return 0


async def _write(session: Session, args: argparse.Namespace, make: Export) -> Exported:
    mechanism = await session.mechanism(args.mechanism, create=False)
    action = f"export.{args.format}"
    subject = f"mfm export {args.format} {args.fund}".rstrip()
    with _replacing(args.output) as sink:
        async with session.reading(mechanism.name, action, subject) as (engine, actor):
            return await make(engine, actor, Source(mechanism.name, args.fund), sink)


async def _list(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism, create=False)
    reading = mechanism.name, action(args.what), f"mfm export {args.what}"
    with _replacing(args.output) as sink:
        async with session.reading(*reading) as (engine, actor):
            done = await export_list(engine, actor, args.what, args.form, sink)
    if args.json:
        print_json({"file": str(args.output), "export": done})
    else:
        print(f"{args.output}: {done.rows} {args.what}, up to record {done.seq}.")
    return 0


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the path's place once it is whole; until then nothing is there.

    Raises:
        Invalid: `file-unwritable`.
    """
    if path.exists() and not path.is_file():  # a pipe or a device has no place to take
        with _opened(path, path, "wb") as sink:
            yield sink
        return
    aside = path.with_name(f".{path.name[:200]}.{token_hex(6)}")
    try:
        with _opened(aside, path, "xb") as sink:
            yield sink
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _opened(path: Path, told: Path, mode: Literal["wb", "xb"]) -> BinaryIO:
    try:
        return path.open(mode)
    except OSError as error:
        detail = f"{told} cannot be written: {error.strerror}."
        raise Invalid("file-unwritable", detail) from error


def _fault(path: Path, schemas: Path) -> str:
    """Return the first fault of a file against the schema, or nothing."""
    try:
        validate(path, schemas)
    except Invalid as fault:
        if fault.code != "iati-schema":
            raise
        return fault.detail
    return ""
