"""The trail: seal it, take it away, and verify what was taken away."""

import argparse
from pathlib import Path

from mfm.app import trail
from mfm.cli import keeping
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.session import Session


def keys_of(session: Session) -> Path:
    """Return where this installation keeps its keys."""
    return session.settings.data_dir / "keys"


def add(commands: Commands) -> None:
    """Add `seal` and `trail key`."""
    command(commands, "seal", _seal, "Sign a checkpoint over all that was written.")
    told = commands.add_parser("trail", help="Keep the trail.", description="Keep the trail.")
    told = told.add_subparsers(dest="what", required=True, metavar="WHAT")
    command(told, "key", _key, "Print the key that verifies the trail, in note format.")
    keeping.add(told)


def add_export(formats: Commands) -> None:
    """Add `export trail`."""
    made = command(formats, "trail", _export, "Take the trail away, to verify it anywhere.")
    made.add_argument("-o", "--output", type=Path, required=True, metavar="DIR|FILE.tar")
    made.add_argument(
        "--withhold",
        action="append",
        default=[],
        metavar="FIELD",
        help="leave this free text out, such as reason; `all` for all of it",
    )


async def _seal(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism)
    sealed = await trail.seal(session.settings.database_url, mechanism, keys_of(session))
    print(sealed.note if sealed else "Nothing was written yet.", end="")
    return 0


async def _key(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism)
    print(trail.verifier_key(mechanism, keys_of(session)))
    return 0


async def _export(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism, create=False)
    await trail.seal(session.settings.database_url, mechanism, keys_of(session))
    url = session.settings.read_database_url
    withhold = frozenset(args.withhold)
    sealed = await trail.export(url, mechanism, args.output, lambda _: None, withhold)
    if args.json:
        print_json({"size": sealed.size, "root": sealed.root.hex(), "path": str(args.output)})
    return 0
