"""The command line: every command, and how its mistakes are told."""

import argparse
import signal
import sys
from collections.abc import Sequence

import msgspec
import uvloop

from mfm import logs, settings
from mfm.cli import (
    call_views,
    demo,
    export,
    imports,
    keys,
    lineage,
    mechanisms,
    overlaps,
    policies,
    receipts,
    serve,
    statements,
    trail,
    verbs,
    verify,
    witness,
)
from mfm.cli.arguments import next_step
from mfm.cli.session import Session
from mfm.core.errors import Problem, Refused
from mfm.store.database import FAILED
from mfm.store.embedded import EmbeddedFailed

_INTERRUPTED = 130  # as shells say it: 128 and the number of SIGINT


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    made = argparse.ArgumentParser(
        prog="mfm", description="The ledger of a multi-stakeholder financing mechanism."
    )
    made.add_argument("--verbose", action="store_true", help="log more to standard error")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    books = demo, serve, mechanisms, keys, verbs, policies, statements, lineage
    for module in (*books, imports, export, overlaps, call_views, trail, receipts, verify, witness):
        module.add(commands)
    return made


def run(argv: Sequence[str]) -> int:
    """Run one command; return its exit code.

    0: done. 1: done, and the answer is no (a refusal, a difference). 2: the command, its input or
    the surroundings are at fault; a sentence on standard error says what to do.
    """
    args = parser().parse_args(argv)
    logs.configure(verbose=args.verbose)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves as tidily as Ctrl-C does
    try:
        return _answer(args)
    except (Problem, EmbeddedFailed, msgspec.DecodeError) as error:
        said = _complain(str(error))
        if isinstance(error, Problem):
            print(next_step(error.code), file=sys.stderr)
        return 1 if isinstance(error, Refused) else said
    except FAILED as error:
        said = _complain(f"{type(error).__name__}: {error}")
        print("Look whether the database runs, and at MFM_DATABASE_URL.", file=sys.stderr)
        return said
    except KeyboardInterrupt:
        return _INTERRUPTED


def _answer(args: argparse.Namespace) -> int:
    if (offline := getattr(args, "offline", None)) and (code := offline(args)) is not None:
        return int(code)
    session = Session(settings.read())
    try:
        return uvloop.run(_run(session, args))
    finally:
        session.close()


async def _run(session: Session, args: argparse.Namespace) -> int:
    await session.migrate()
    return await args.run(session, args)  # type: ignore[no-any-return]  # argparse keeps it untyped


def _complain(sentence: str) -> int:
    print(f"mfm: {sentence}", file=sys.stderr)
    return 2
