"""`make bench`: the ledger's speed against PostgreSQL's own limits, in one run.

Absolute figures are noise; the ratios are what is kept. Rounds are interleaved, and the median of
them counts. It uses a data directory of its own and loads 127.0.0.1 alone.
"""

import argparse
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from rich.console import Console
from rich.progress import Progress

from bench import checking, importing, matching, overlap, policies, posting, reads, sealing, trail
from bench.stage import Stage, Told
from mfm.store import embedded, migrate

MEASURES: dict[str, Callable[[Stage], Awaitable[Told]]] = {
    "posting": posting.measure,
    "reads": reads.measure,
    "sealing": sealing.measure,
    "importing": importing.measure,
    "trail": trail.measure,
    "policies": policies.measure,
    "checking": checking.measure,
    "matching": matching.measure,
    "overlap": overlap.measure,
}
"""Each prepares a mechanism of its own on the one database server."""


async def run(stage: Stage) -> dict[str, Any]:
    """Take the measures asked for, one after another; print each one's tables as it is done."""
    figures: dict[str, Any] = {}
    with stage.progress:
        for name in stage.args.measures or MEASURES:
            told = await MEASURES[name](stage)
            figures |= told.figures
            for table in told.tables:
                stage.progress.console.print(table)
    return figures


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measure in each round")
    parser.add_argument(
        "--kinds", nargs="+", choices=posting.KINDS, default=posting.KINDS, help="of posting"
    )
    parser.add_argument("--shipped", action="store_true", help="policies asked while posting")
    parser.add_argument("--transactions", type=int, default=100_000, help="of the import's file")
    parser.add_argument("--years", type=int, default=1, help="of history of 40 funds, to read from")
    parser.add_argument("--orgs", type=int, default=10_000, help="and as many applications")
    parser.add_argument(
        "--million", action="store_true", help="verify a trail of a million records, too"
    )
    args = parser.parse_args()
    if unknown := set(args.measures) - MEASURES.keys():
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    return args


def main() -> None:
    """Run the bench; print tables for people and, on standard output, JSON."""
    args = arguments()
    folder = Path(tempfile.mkdtemp(prefix="mfm-bench-"))
    folder.chmod(0o755)
    server = embedded.start(folder / "data")
    try:
        migrate.migrate(server.migration_url)
        stage = Stage(server, folder, args, Progress(console=Console(stderr=True)))
        figures = uvloop.run(run(stage))
    finally:
        server.close(discard=True)
        shutil.rmtree(folder, ignore_errors=True)
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main()
