"""Keeping a trail: its policy, witnesses, anchors and key; and comparing what people hold."""

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mfm.app import anchors, compare, cosigning, heads, rotation, trail
from mfm.app.perform import refusal_of
from mfm.cli.arguments import Commands, command, fresh_key, print_json
from mfm.cli.session import Session
from mfm.core.errors import Invalid, Refused
from mfm.formats.policies import policy_in
from mfm.store.database import Connection, Mechanism, connect


def add(words: Commands) -> None:
    """Add to `trail` what keeps one."""
    command(words, "policy", _policy, "Print a policy to begin with: the keys, no witnesses yet.")
    made = command(words, "proof", _proof, "Prove that the newest checkpoint continues an older.")
    made.add_argument("--old", type=int, required=True, metavar="SIZE", help="the older's size")
    made = command(words, "cosign", _cosign, "Have the newest checkpoint cosigned, or keep a line.")
    how = made.add_mutually_exclusive_group(required=True)
    how.add_argument("--witness", metavar="URL", help="ask a witness there")
    how.add_argument("--line", type=Path, metavar="FILE", help="keep the line that a witness sent")
    made.add_argument("--size", type=int, help="of which checkpoint the line is (the newest)")
    made.add_argument("--policy", type=Path, help="with the witnesses' keys (MFM_TRAIL_POLICY)")
    made = command(words, "anchor", _anchor, "Have a checkpoint timestamped (RFC 3161).")
    how = made.add_mutually_exclusive_group()
    how.add_argument("--request", type=Path, metavar="FILE.tsq", help="write the request to a file")
    how.add_argument("--response", type=Path, metavar="FILE.tsr", help="keep the answer in a file")
    how.add_argument("--url", help="ask an authority there (MFM_TIMESTAMP_URL)")
    made.add_argument("--size", type=int, help="of which checkpoint (the newest)")
    made = command(words, "heads", _heads, "Record where the chains of funds end.")
    made.add_argument("--fund", action="append", default=[], help="of this fund (of all)")
    command(words, "rotate-key", _rotate, "Change the key that signs the trail.")
    text = "Compare two checkpoints, exports or receipts: the same, one longer, or a fork."
    made = words.add_parser("compare", help=text, description=text)
    made.add_argument("one", type=Path, metavar="A", help="a checkpoint, an export or a receipt")
    made.add_argument("other", type=Path, metavar="B", help="another")
    made.add_argument("--proof", type=Path, help="that the longer continues the shorter")
    made.add_argument("--policy", type=Path, help="whose keys must have signed both")
    made.add_argument("--json", action="store_true", help="print one JSON document")
    made.set_defaults(offline=_compare)


@asynccontextmanager
async def _connected(
    session: Session, args: argparse.Namespace
) -> AsyncIterator[tuple[Connection, Mechanism]]:
    """Give a writer's connection, and the mechanism."""
    mechanism = await session.mechanism(args.mechanism, create=False)
    connection = await connect(session.settings.database_url, "mfm_writer")
    try:
        yield connection, mechanism
    finally:
        await connection.close()


async def _newest(session: Session, mechanism: Mechanism) -> int:
    """Seal what was written; return the newest checkpoint's size."""
    settings = session.settings
    sealed = await trail.seal(settings.database_url, mechanism, settings.keys_dir)
    if sealed is None:
        raise Invalid("trail-empty", "There is no record yet.")
    return sealed.size


async def _policy(session: Session, args: argparse.Namespace) -> int:
    async with _connected(session, args) as (connection, mechanism):
        keys = await trail.keys_of(connection, mechanism, session.settings.keys_dir)
    print("# Whom you believe. Compare each key with its owner's, by another way than this file.")
    for key in keys:
        print(f"log {key}")
    print("# For each witness `witness NAME KEY`; then how many of them it takes, such as")
    print("#   group two-of-three 2 NAME NAME NAME")
    print("#   quorum two-of-three")
    print("quorum none")
    return 0


async def _proof(session: Session, args: argparse.Namespace) -> int:
    async with _connected(session, args) as (connection, mechanism):
        size = await _newest(session, mechanism)
        print(await cosigning.consistency(connection, mechanism, args.old, size), end="")
    return 0


async def _cosign(session: Session, args: argparse.Namespace) -> int:
    keys = cosigning.witnesses_of(args.policy or session.settings.trail_policy)
    async with _connected(session, args) as (connection, mechanism):
        size = args.size or await _newest(session, mechanism)
        if args.line:
            lines = args.line.read_text("utf-8")
            names = await cosigning.keep_lines(connection, mechanism, size, lines, keys)
        else:
            size, names = await cosigning.ask(connection, mechanism, args.witness, keys)
    if args.json:
        print_json({"size": size, "witnesses": names})
    else:
        print(f"The checkpoint of {size} records is cosigned by {', '.join(names)}.")
    return 0


async def _anchor(session: Session, args: argparse.Namespace) -> int:
    url = args.url or session.settings.timestamp_url
    async with _connected(session, args) as (connection, mechanism):
        size = args.size or await _newest(session, mechanism)
        if args.request:
            args.request.write_bytes(await anchors.request(connection, mechanism, size))
            said = f"Sent to an authority, {args.request} asks for the checkpoint of {size} records"
        elif args.response:
            await anchors.keep(connection, mechanism, size, args.response.read_bytes())
            said = f"The timestamp of the checkpoint of {size} records is kept"
        elif url:
            await anchors.submit(connection, mechanism, size, url)
            said = f"The checkpoint of {size} records is timestamped"
        else:
            detail = "Name an authority with --url or MFM_TIMESTAMP_URL, or use --request FILE."
            raise Invalid("remote-url", detail)
    if args.json:
        print_json({"size": size})
    else:
        print(f"{said}.")
    return 0


async def _rotate(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism, create=False)
    keys = session.settings.keys_dir
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
        made = await rotation.change(writer, actor, keys, fresh_key())
    if not made.accepted:
        raise Refused(*refusal_of(made))
    await trail.seal(session.settings.database_url, mechanism, keys)
    new = await trail.key_in_force(session.settings.database_url, mechanism)
    if args.json:
        print_json({"seq": made.seq, "key": new})
    else:
        print(f"Record {made.seq} changes the key. Publish the new one, and have policies name it:")
        print(new)
    return 0


async def _heads(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism, create=False)
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
        made = await heads.note_all(writer, actor, tuple(args.fund), fresh_key())
    for each in made:
        if not each.accepted:
            raise Refused(*refusal_of(each))
    if args.json:
        print_json({"seqs": [each.seq for each in made]})
    else:
        print(f"Chains' ends are told in {', '.join(f'record {each.seq}' for each in made)}.")
    return 0


def _compare(args: argparse.Namespace) -> int:
    policy = policy_in(args.policy.read_text("utf-8"), str(args.policy)) if args.policy else None
    proof = args.proof.read_text("utf-8") if args.proof else None
    found = compare.compare(compare.held(args.one), compare.held(args.other), proof, policy)
    if args.json:
        print_json({"verdict": found.verdict, "detail": found.sentence, "signed": bool(policy)})
    else:
        print(f"{found.verdict}: {found.sentence}")
        if policy is None:
            print("Who signed was not checked: name a policy with --policy.", file=sys.stderr)
    return 1 if found.verdict == "FORK" else 0
