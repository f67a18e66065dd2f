"""Mechanisms: made, and the database's schema brought up to date."""

import argparse

from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.session import DEFAULT_NAME, Session

ORIGIN_HELP = (
    "the trail's name, for good, such as fund.example.org/trail: two operators' must differ"
    " (mfm/ and the mechanism's name unless told)"
)


def add(commands: Commands) -> None:
    """Add `init` and `migrate`."""
    made = command(
        commands, "init", _init, "Make a mechanism, with this release's policies in force."
    )
    made.add_argument("--origin", metavar="NAME", help=ORIGIN_HELP)
    command(commands, "migrate", _migrate, "Bring the database to this release's schema.")


async def _init(session: Session, args: argparse.Namespace) -> int:
    name = args.mechanism or DEFAULT_NAME
    made = await session.create(name, args.origin)
    if args.json:
        print_json(made)
    else:
        print(f"Mechanism {made.name} is ready; its trail is named {made.origin}.")
    return 0


async def _migrate(_: Session, args: argparse.Namespace) -> int:
    # Every command migrates where it may; this one is for a login that does nothing else.
    if args.json:
        print_json({"migrated": True})
    else:
        print("The database is at this release's schema.")
    return 0
