"""Simulating a policy: what it would have changed, before anybody adopts it."""

import argparse
from pathlib import Path

from mfm.app import policy_files
from mfm.app.simulations import simulate
from mfm.cli.arguments import Commands, command, day, print_json
from mfm.cli.bar import counting
from mfm.cli.session import Session
from mfm.cli.statements import print_table
from mfm.core.simulations import Simulated


def add(words: Commands) -> None:
    """Add `simulate`."""
    said = "Hold decisions that were made against a candidate for a policy; nothing is written."
    made = command(words, "simulate", _simulate, said)
    made.add_argument(
        "--candidate", type=Path, required=True, metavar="FILE", help="the policy's file"
    )
    for name, which in (("from", "first"), ("to", "last")):
        made.add_argument(
            f"--{name}",
            dest=which,
            type=day,
            required=True,
            metavar="DATE",
            help=f"the {which} day that the decisions were for",
        )


async def _simulate(session: Session, args: argparse.Namespace) -> int:
    (candidate,) = policy_files.policies([args.candidate])
    subject = f"mfm policies simulate {candidate.name}"
    with counting("decision") as show:
        async with session.reading(args.mechanism, "decision.simulate", subject) as (engine, actor):
            found = await simulate(engine, actor, candidate, (args.first, args.last), show)
    if args.json:
        print_json(found)
    else:
        _show(found)
    return 0


def _show(found: Simulated) -> None:
    """Print what came out."""
    print(
        f"{found.policy}: {found.simulated} of {found.decisions} decisions simulated,"
        f" {found.excluded} newly stopped."
    )
    for fact, count in found.lacking.items():
        print(f"{count} cannot be simulated: they keep no {fact}.")
    print_table(
        "Outcomes",
        ("from", "to", "decisions"),
        [(e.before, e.after, str(e.count)) for e in found.outcomes],
    )
    if found.rules:
        print_table(
            "Rules",
            ("rule", "made worse"),
            [(rule, str(count)) for rule, count in found.rules.items()],
        )
    rows = [
        (dimension, group, *(_few(found, count) for count in (cell.decisions, cell.excluded)))
        for dimension, cells in found.groups.items()
        for group, cell in cells.items()
    ]
    print_table("Who", ("by", "group", "decisions", "newly stopped"), rows)


def _few(found: Simulated, count: int | None) -> str:
    return f"not told (under {found.smallest})" if count is None else str(count)
