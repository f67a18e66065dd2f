"""Receipts: what somebody takes away of a record, and proves to anybody."""

import argparse
from pathlib import Path

from mfm.app import receipt_files, trail
from mfm.app.receipts import receipt
from mfm.cli.arguments import Commands, command, print_json
from mfm.cli.session import Session
from mfm.cli.trail import keys_of

_LANGUAGES = ("en", "fr", "es", "ar")


def add(commands: Commands) -> None:
    """Add `receipt`."""
    text = "Write a record's receipt: NAME.tlog-proof, .entry, .disclosure.json and .html."
    made = command(commands, "receipt", _receipt, text)
    made.add_argument("seq", metavar="SEQ", type=int, help="the record's number")
    made.add_argument(
        "-o", "--output", type=Path, required=True, metavar="NAME", help="what the files are called"
    )
    made.add_argument("--lang", choices=_LANGUAGES, default="en", help="of the page (en)")
    made.add_argument("--url", default="", help="where the service is, for the page's QR code")


async def _receipt(session: Session, args: argparse.Namespace) -> int:
    # The web takes half as long to import as all the rest: other commands do without.
    from mfm.web.languages import LANGUAGES  # noqa: PLC0415  # see above, it is measured
    from mfm.web.receipt_page import page  # noqa: PLC0415  # as above

    mechanism = await session.mechanism(args.mechanism, create=False)
    await trail.seal(session.settings.database_url, mechanism, keys_of(session))
    async with session.writer(mechanism) as writer, session.reader(mechanism) as engine:
        actor = await session.actor(writer)
        found = await receipt(engine, writer, actor, args.seq)
    place = f"{args.url.rstrip('/')}/v1/records" if args.url else mechanism.origin
    address = f"{place}/{args.seq}" + ("/receipt" if args.url else "")
    key = trail.verifier_key(mechanism, keys_of(session))
    content, _ = page(found, LANGUAGES[args.lang], address, key)
    files = [str(path) for path in receipt_files.write(found, args.output, content)]
    if args.json:
        print_json({"seq": found.seq, "size": found.size, "root": found.root, "files": files})
    else:
        print(f"Record {found.seq} of {found.size}, root {found.root}: {', '.join(files)}")
    return 0
