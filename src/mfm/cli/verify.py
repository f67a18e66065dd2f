"""Verification: everything that is stored against what the records say.

Offline it runs without the database's libraries, which would take more memory than its work.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mfm import verifier
from mfm.app import anchored, counterparts
from mfm.cli.arguments import Commands, command, next_step, print_json, visible
from mfm.core.errors import Invalid, Problem
from mfm.formats import canonical

if TYPE_CHECKING:
    from mfm.cli.session import Session
    from mfm.store.verify import Verified

_RECEIPT = "receipt"
"""What says that files of a receipt follow; a folder of that name is ./receipt."""


def main(argv: Sequence[str]) -> int:
    """Run `mfm verify` of what needs no database; return its exit code."""
    parser = argparse.ArgumentParser(prog="mfm")
    add(parser.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    args = parser.parse_args(argv)
    try:
        return _offline(args) or 0
    except Problem as error:
        print(f"mfm: {error}", next_step(error.code), sep="\n", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # as shells say it


def add(commands: Commands) -> None:
    """Add `verify`."""
    text = (
        "Verify an exported trail or a receipt, offline; or the database against its records."
        " `mfm verify receipt NAME` is for NAME.tlog-proof and the files beside it; an export in"
        " a folder called receipt is written ./receipt. With the exports of two mechanisms it also"
        " holds the transfers between them against each other."
    )
    made = command(commands, "verify", _verify, text)
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "path", nargs="?", help="an exported trail, a folder or tar file; or the word receipt"
    )
    text = "after the word receipt: what the files are called; else another mechanism's trail"
    made.add_argument("name", nargs="?", help=text)
    what.add_argument("--database", action="store_true", help="verify the database")
    made.add_argument("--policy", type=Path, help="your own policy: log keys, witnesses, quorum")
    made.add_argument("--since", type=Path, help="a checkpoint that you kept from before")
    made.add_argument("--min-size", type=int, default=0, help="records that there must be")
    text = "the last size that a key (its id, eight hex digits) may have signed; may be repeated"
    made.add_argument(
        "--key-until", type=_bound, action="append", default=[], metavar="KEY=SIZE", help=text
    )
    text = "hold every record to all rules of the ledger too, as --database does; it takes longer"
    made.add_argument("--rules", action="store_true", help=text)
    made.set_defaults(offline=_offline)


def _bound(text: str) -> tuple[str, int]:
    """Read KEY=SIZE."""
    key, _, size = text.rpartition("=")
    return key, int(size)


def _offline(args: argparse.Namespace) -> int | None:
    """Verify an export or a receipt, with no database anywhere; None where it is the database."""
    if args.database:
        return None
    is_receipt = args.path == _RECEIPT
    if (is_receipt and args.name is None) or (
        args.name and (args.since or args.min_size or args.rules)
    ):
        detail = (
            "It is `mfm verify receipt NAME --policy FILE`, or the paths of exports; --since,"
            " --min-size and --rules are for one export."
        )
        raise Invalid("request-refused", detail)
    if args.policy is None:
        detail = "Name your policy with --policy FILE: `log KEY` and `quorum none`, a line each."
        raise Invalid("policy-missing", detail)
    code, told = _verdict(args)
    if args.json:
        print_json(told)
        return code
    for each in told["problems"]:
        where = f"record {each['seq']}, " if each["seq"] else ""
        text = f"{each['code']}: {where}{each['file'] or args.path}: {each['detail']}"
        print(visible(text))
    if not code:
        _agree(told)
    return code


def _verdict(args: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the verdict, also where a file cannot be read."""
    try:
        policy = args.policy.read_text(encoding="utf-8")
        since = args.since.read_bytes() if args.since else None
    except (OSError, UnicodeDecodeError) as fault:
        problem = {"code": "unreadable", "seq": None, "file": None, "detail": str(fault)}
        told = {"ok": False, "size": 0, "root": "", "problems": [problem]}
        return 2, told | {"decisions_not_rerun": 0}
    if args.path == _RECEIPT:
        from mfm.app import receipt_files  # noqa: PLC0415  # as above: exports do without it

        return receipt_files.verify(Path(args.name), policy)
    with _bar() as bar:
        task = bar.add_task("record", total=None)
        options = verifier.Options(
            since,
            args.min_size,
            dict(args.key_until),
            canonical.read,
            lambda done, whole: bar.update(task, completed=done, total=whole),
        )
        if args.name is not None:
            return counterparts.verify((Path(args.path), Path(args.name)), policy, options)
        judge = verifier.verify
        if args.rules:
            from mfm.app import verify_rules  # noqa: PLC0415  # as above: others do without it

            judge = verify_rules.verify
        return anchored.verify(Path(args.path), policy, options, judge)


def _agree(told: dict[str, Any]) -> None:
    """Print what holds."""
    for each in told.get("trails", [told]):
        print(f"ok: {each['size']} records, root {each['root']}")
        _tell_timestamps(each)
    texts = [
        f"{count} {how}" for how, count in sorted(told.get("disclosures", {}).items()) if count
    ]
    if texts:
        print(f"    free texts: {', '.join(texts)}")
    if told.get("decisions_rerun"):
        print(f"    {told['decisions_rerun']} decisions come out the same again")
    if told.get("decisions_not_rerun"):
        print(f"    {told['decisions_not_rerun']} decisions are of another engine: not evaluated")
    if "rules_held" in told:
        print(f"    {told['rules_held']} records keep all rules of the ledger")
    if "transfers" in told:
        print(f"    {len(told['transfers'])} transfers between them agree")
    if "actor" in told:
        _tell(told)


def _tell_timestamps(told: dict[str, Any]) -> None:
    """Print how long after the records each timestamp was made."""
    for stamp in told.get("timestamps", ()):
        after = f"{stamp['seconds_after']} s after the last of them says it was written"
        print(f"    {stamp['size']} records are timestamped {stamp['at']}, {after}")


def _tell(told: dict[str, Any]) -> None:
    """Print what a verified receipt proves, and what it does not show."""
    actor = told["actor"]
    lines = [f"record {told['seq']}, written {told['recorded_at']}, signed by {told['signer']}"]
    lines += [f"{told['outcome']}: {told['verb']} by {actor['party']} as {actor['role']}"]
    for field, value in told["disclosed"].items():
        lines += f"{field}: {value}".splitlines()
    if told["not_shown"]:
        lines += [f"not shown: {', '.join(told['not_shown'])}"]
    for line in lines:
        print("    " + visible(line))


async def _verify(session: "Session", args: argparse.Namespace) -> int:
    from mfm.app.verify import verify_database  # noqa: PLC0415  # as above: exports do without it

    mechanism = await session.mechanism(args.mechanism, create=False)
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
    with _bar() as bar:
        task = bar.add_task("record", total=None)

        def show(table: str, done: int, total: int) -> None:
            bar.update(task, description=table, completed=done, total=total)

        url = session.settings.read_database_url
        found = await verify_database(url, mechanism, actor, show)
    if args.json:
        print_json(found)
    else:
        print(_sentence(mechanism.name, found))
    return 0 if found.ok else 1


def _bar() -> Progress:
    """Return a progress bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description:>20}"), BarColumn(), MofNCompleteColumn()
    return Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _sentence(name: str, found: "Verified") -> str:
    if found.difference is None:
        return (
            f"ok: {name}: {found.records} records, {found.postings} postings;"
            f" {found.checks} comparisons agree"
        )
    difference = found.difference
    return (
        f"difference: {difference.check}, record {difference.seq}: {difference.detail}"
        f" {found.checks} comparisons agreed before it."
    )
