"""Overlap: which organisations are one, which projects are paid for twice."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import to_builtins
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mfm.app import overlap_files, overlap_keys, overlap_opening, overlap_reads, overlaps
from mfm.app.overlap_reads import SeenOverlap
from mfm.app.reads import Page
from mfm.cli.arguments import Commands, command, print_json, visible
from mfm.cli.session import Session
from mfm.cli.statements import print_table
from mfm.core.overlap_words import LANGUAGES
from mfm.core.permissions import require

_TOP = 50
_PAGE_ROWS = 500
_BAR_CELLS = 24
Work = Callable[[argparse.Namespace, overlap_files.Tick], int]


def add(commands: Commands) -> None:
    """Add `overlaps`."""
    text = "Find organisations that are one, and projects that are paid for twice."
    made = commands.add_parser("overlaps", help=text, description=text)
    whats = made.add_subparsers(dest="what", required=True, metavar="WHAT")
    text = "Look for overlap in all that the mechanism holds, and open a case of each."
    scan = command(whats, "scan", _scan, text)
    scan.add_argument("--show", action="store_true", help="only say what there is, open nothing")
    scan.add_argument(
        "--engine",
        choices=overlaps.ENGINES,
        default=overlaps.ENGINES[0],
        help="what looks for pairs: the database itself, or an extra (postgresql)",
    )
    text = "List the cases of overlap, as far as you may see each."
    made_list = command(whats, "list", _list, text)
    for name in ("detector", "status", "band"):
        made_list.add_argument(f"--{name}", help=f"only with this {name}")
    shown = command(whats, "show", _show, "Tell one case of overlap, with its texts.")
    shown.add_argument("case", metavar="ID")
    shown.add_argument("--language", choices=LANGUAGES, default="en", help="of its sentences (en)")
    command(whats, "counts", _counts, "Count the cases of overlap, by detector and status.")
    _pairs(
        whats,
        "match-organisations",
        "Say of pairs of organisations whether they are one.",
        _organisations,
    )
    _pairs(whats, "match-projects", "Say of pairs of projects whether they are one.", _projects)
    text = "Name the organisations of a pool that each of others may be."
    found = whats.add_parser("candidates", help=text, description=text)
    found.add_argument("--pool", type=Path, required=True, metavar="POOL.jsonl")
    found.add_argument("--queries", type=Path, required=True, metavar="Q.jsonl")
    found.add_argument("--top", type=int, default=_TOP, help=f"how many for each, {_TOP} by itself")
    _output(found, _candidates)


def _pairs(whats: Commands, name: str, text: str, work: Work) -> None:
    made = whats.add_parser(name, help=text, description=text)
    made.add_argument("pairs", type=Path, metavar="PAIRS.jsonl")
    _output(made, work)


def _output(made: argparse.ArgumentParser, work: Work) -> None:
    made.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.jsonl")
    made.add_argument("--json", action="store_true", help="print one JSON document")
    made.set_defaults(offline=lambda args: _offline(args, work))


def _organisations(args: argparse.Namespace, tick: overlap_files.Tick) -> int:
    return overlap_files.match_organisations(args.pairs, args.output, tick)


def _projects(args: argparse.Namespace, tick: overlap_files.Tick) -> int:
    return overlap_files.match_projects(args.pairs, args.output, tick)


def _candidates(args: argparse.Namespace, tick: overlap_files.Tick) -> int:
    return overlap_files.candidates(args.pool, args.queries, args.output, args.top, tick)


async def _scan(session: Session, args: argparse.Namespace) -> int:
    told: dict[str, Any] = {}
    with _bar() as bar:
        task = bar.add_task("reading", total=None)

        def show(what: str, done: int) -> None:
            bar.update(task, description=what, completed=done)

        async with session.reading(args.mechanism, "overlap.read", "mfm overlaps scan") as (
            engine,
            actor,
        ):
            if not args.show:
                require(actor, "overlap.open")
                await _renewed(session, args)
            found = await overlaps.scan(engine, actor, show, args.engine)
        if not args.show:
            mechanism = await session.mechanism(args.mechanism)
            async with session.writer(mechanism) as writer:
                opened = await overlap_opening.open_found(
                    writer, actor, found, lambda done: show("cases", done)
                )
            told = to_builtins(opened)
    if args.json:
        print_json({"overlaps": found, **told})
        return 0
    rows = [
        (each.detector, each.left, each.right, each.band, "; ".join(each.reasons)) for each in found
    ]
    print_table("", ("detector", "one", "other", "band", "why"), rows)
    if told:
        print("{opened} cases opened, {again} have new evidence, {known} known.".format(**told))
    return 0


async def _renewed(session: Session, args: argparse.Namespace) -> None:
    """Make keys that are missing: of a mechanism from before there were any, or of new words."""
    async with session.writer(await session.mechanism(args.mechanism)) as writer:
        await overlap_keys.renew(writer)


async def _list(session: Session, args: argparse.Namespace) -> int:
    names = ("detector", "status", "band")
    filters = {name: told for name in names if (told := getattr(args, name))}
    found: list[SeenOverlap] = []
    asked = (args.mechanism, "overlap_case.read", "mfm overlaps list")
    async with session.reading(*asked) as (engine, actor):
        page = Page(_PAGE_ROWS, filters=filters)
        while more := await overlap_reads.page_of(engine, actor, page, "en"):
            found += more
            page = Page(_PAGE_ROWS, (more[-1].seq, more[-1].id), filters=filters)
    if args.json:
        print_json({"items": found})
        return 0
    rows = [
        (each.id, each.status, each.detector, *(side.id or "..." for side in each.sides), each.band)
        for each in found
    ]
    print_table("", ("case", "status", "detector", "one", "other", "band"), rows)
    return 0


async def _show(session: Session, args: argparse.Namespace) -> int:
    asked = (args.mechanism, "overlap_case.read", f"mfm overlaps show {args.case}")
    async with session.reading(*asked) as (engine, actor):
        found = await overlap_reads.one(engine, actor, args.case, args.language)
    if args.json:
        print_json(found)
        return 0
    print(f"{found.id}: {found.status}, {found.detector}, answers until {found.answer_by}")
    print(visible(found.notice))
    print(visible(found.effect_notice))
    for line in (*found.evidence, *found.reasons, *found.said):
        print(f"  {visible(line)}")
    rows = [
        (
            f"{side.kind} {side.id}".strip(),
            side.party,
            ", ".join(side.funds),
            " to ".join(str(day) for day in (side.starts_on, side.ends_on) if day),
            side.stage,
            visible(side.answer or "") or "no answer shown",
            visible(side.noted or ""),
        )
        for side in found.sides
    ]
    print_table("", ("side", "of", "funds", "days", "stage", "answer", "written down for it"), rows)
    if found.decided_on is None:
        print(f"Two people decide: mfm overlap decide --overlap {found.id} --outcome ...")
    return 0


async def _counts(session: Session, args: argparse.Namespace) -> int:
    asked = (args.mechanism, "overlap.count", "mfm overlaps counts")
    async with session.reading(*asked) as (engine, actor):
        found = await overlap_reads.counts(engine, actor)
    if args.json:
        print_json({"counts": found})
        return 0
    most = max((each.cases for each in found), default=1)
    rows = [
        (each.detector, each.status, str(each.cases), "█" * -(-each.cases * _BAR_CELLS // most))
        for each in found
    ]
    print_table("", ("detector", "status", ">cases", ""), rows)
    return 0


def _bar() -> Progress:
    """Return a progress bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}")
    return Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _offline(args: argparse.Namespace, work: Work) -> int:
    """Do the work with a progress bar; no database is opened."""
    with _bar() as bar:
        task = bar.add_task("comparing", total=None)
        done = work(args, lambda count: bar.update(task, completed=count))
    if args.json:
        print_json({"lines": done, "output": str(args.output)})
    else:
        print(f"{done} lines in {args.output}")
    return 0
