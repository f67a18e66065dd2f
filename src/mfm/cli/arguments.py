"""What the commands' arguments and outputs have in common."""

import argparse
import secrets
import sys
from typing import Any

import msgspec

Commands = Any
"""argparse's sub-parsers; their type has no public name."""


def command(commands: Commands, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    """Add a command that acts on a mechanism; return its parser for further arguments.

    Args:
        commands: the sub-parsers it belongs to.
        name: the command's word.
        run: an async function of (Session, Namespace) that returns the exit code.
        text: one sentence for --help.
    """
    made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    made.add_argument(
        "--mechanism", metavar="NAME", help="which mechanism, where there are several"
    )
    made.add_argument("--json", action="store_true", help="print one JSON document")
    made.set_defaults(run=run)
    return made


def print_json(value: Any) -> None:
    """Print one JSON document on standard output, and nothing else there."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    sys.stdout.flush()


def fresh_key() -> str:
    """Return an idempotency key for a command that is given once."""
    return f"cli-{secrets.token_hex(16)}"
