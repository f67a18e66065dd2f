"""Counterparts: naming another mechanism's record in our own."""

import argparse
import sys
from pathlib import Path

from msgspec import json

from mfm.app import receipt_files
from mfm.cli.arguments import Commands
from mfm.core.counterparts import Counterpart


def add(words: Commands) -> None:
    """Add `trail counterpart`."""
    text = "Verify a receipt of another mechanism; print how a record names it as its counterpart."
    made = words.add_parser("counterpart", help=text, description=text)
    made.add_argument("name", type=Path, metavar="NAME", help="the receipt: its files, or its JSON")
    made.add_argument("--policy", type=Path, required=True, help="with the other trail's key")
    made.add_argument("--json", action="store_true", help="what is printed is JSON anyhow")
    made.set_defaults(offline=_counterpart)


def _counterpart(args: argparse.Namespace) -> int:
    code, told = receipt_files.verify(args.name, args.policy.read_text("utf-8"))
    for each in told["problems"]:
        print(f"{each['code']}: {each['file']}: {each['detail']}", file=sys.stderr)
    if not code:
        named = Counterpart(told["signer"], told["seq"], told["leaf"])
        print(json.encode(named).decode())
    return code
