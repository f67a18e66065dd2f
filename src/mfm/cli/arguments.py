"""What the commands' arguments and outputs have in common."""

import argparse
import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import msgspec

from mfm.core.errors import Invalid
from mfm.formats.faults import invalid

_PORT_MAX = 65_535
Run = Callable[[Any, argparse.Namespace], Awaitable[int]]
"""What does a command: given the Session and its arguments, it returns the exit code."""

Commands = Any
"""argparse's sub-parsers; their type has no public name."""


def command(commands: Commands, name: str, run: Run, text: str) -> argparse.ArgumentParser:
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


def day(text: str) -> date:
    """Return a date as ISO 8601 has it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a date such as 2026-03-15") from None


def port(text: str) -> int:
    """Return a TCP port; 0 for any that is free."""
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= _PORT_MAX):
        raise argparse.ArgumentTypeError(f"a port from 0 to {_PORT_MAX}")
    return int(text)


def print_json(value: object) -> None:
    """Print one JSON document on standard output, and nothing else there."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    sys.stdout.flush()


def option_fault(error: msgspec.ValidationError, kind: type[msgspec.Struct]) -> Invalid:
    """Return what is wrong with a command's options, where its fields are options."""
    found = invalid(error, kind)
    option, _, inside = found.pointer.strip("/").partition("/")
    where = f"--{option.replace('_', '-')} {inside}".strip()
    return Invalid(found.code, f"{where}: {found.detail}")


def next_step(code: str) -> str:
    """Return what to do about a problem, as the server's page about its code says it."""
    # The web takes half as long to import as all the rest: only who fails waits for it.
    from mfm.web.problems import KINDS  # noqa: PLC0415  # see above, it is measured

    return KINDS[code].next if code in KINDS else ""


def visible(text: str) -> str:
    """Return text of somebody else's as a terminal may show it: nothing in it steers the screen."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def fresh_key() -> str:
    """Return an idempotency key for a command that is given once."""
    return f"cli-{secrets.token_hex(16)}"
