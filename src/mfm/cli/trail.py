"""The trail: seal it, take it away, and verify what was taken away."""

import argparse
from base64 import b64encode
from pathlib import Path

from mfm.app import trail
from mfm.cli import counterparts, keeping
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
    counterparts.add(told)


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
    if not args.json:
        print(sealed.note if sealed else "Nothing was written yet.\n", end="")
    elif sealed:
        print_json({"size": sealed.size, "root": _root(sealed.root), "checkpoint": sealed.note})
    else:
        print_json({"size": 0, "root": "", "checkpoint": ""})
    return 0


def _root(root: bytes) -> str:
    return b64encode(root).decode()  # as checkpoints and all verdicts have it


async def _key(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism)
    key = trail.verifier_key(mechanism, keys_of(session))
    if args.json:
        print_json({"key": key})
    else:
        print(key)
    return 0


async def _export(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism, create=False)
    await trail.seal(session.settings.database_url, mechanism, keys_of(session))
    url = session.settings.read_database_url
    withhold = frozenset(args.withhold)
    sealed = await trail.export(url, mechanism, args.output, lambda _: None, withhold)
    if args.json:
        print_json({"size": sealed.size, "root": _root(sealed.root), "path": str(args.output)})
    else:
        print(f"{sealed.size} records, root {_root(sealed.root)}, are in {args.output}.")
    return 0
