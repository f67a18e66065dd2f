"""`mfm bank reconcile`: what the books hold at a bank account, and what the bank does."""

import argparse

from msgspec import convert

from mfm.app.bank import reconciliation
from mfm.app.import_bank import Place, match_account
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.session import Session
from mfm.core.reconciliation import Reconciliation, ReconciliationQuery

_SHOWN = 50


def add(words: Commands) -> None:
    """Add `bank reconcile`."""
    text = "Print a bank account's reconciliation with the books."
    made = command(words, "reconcile", _reconcile, text)
    made.add_argument("fund", metavar="FUND", help="whose bank account it is")
    made.add_argument("--account", default="main", help="which one: the subject of 1100")
    made.add_argument("--as-of", metavar="DATE", help="the last statement's last day, if left out")
    made.add_argument(
        "--match", action="store_true", help="match first what can be told apart by now"
    )


async def _reconcile(session: Session, args: argparse.Namespace) -> int:
    told = {"fund": args.fund, "bank_account": args.account, "as_of": args.as_of}
    query = convert(
        {name: value for name, value in told.items() if value is not None},
        ReconciliationQuery,
        strict=False,
    )
    mechanism = await session.mechanism(args.mechanism)
    if args.match:
        async with session.writer(mechanism) as writer:
            actor = await session.actor(writer)
            await match_account(writer, actor, Place(query.fund, query.bank_account))
    subject = f"mfm bank reconcile {query.fund}"
    async with session.reading(mechanism.name, "bank_statement.read", subject) as (engine, actor):
        made = await reconciliation(engine, actor, query)
    if args.json:
        print_json(made)
    else:
        _print(made)
    return 0


def _print(made: Reconciliation) -> None:
    print(f"Fund {made.fund}, bank account {made.bank_account}, {made.currency}, {made.as_of}")
    rows = (
        ("Balance of the books (1100, 1110)", made.book_balance),
        ("less what the bank has not booked", made.outstanding_records),
        ("plus what the books do not have", made.outstanding_lines),
        ("Balance of the bank", made.bank_balance),
        ("Unexplained", made.unexplained),
    )
    for text, amount in rows:
        print(f"  {text:<36}{amount:>22}")
    for found in made.findings[:_SHOWN]:
        print(f"  found {found.code}: {found.detail}")
    if len(made.findings) > _SHOWN:
        print(f"  ... and {len(made.findings) - _SHOWN} more; --json lists them")
