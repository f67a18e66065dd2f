"""API keys, from the terminal: how the first one comes into being."""

import argparse
from typing import get_args

from msgspec import ValidationError, convert

from mfm.app.perform import Ask, Verb, refusal_of, submit
from mfm.app.registry import VERBS
from mfm.cli.arguments import Commands, command, fresh_key, option_fault, print_json
from mfm.cli.session import Session
from mfm.core.errors import Refused
from mfm.core.keys import CreateKey, RevokeKey
from mfm.core.permissions import Role
from mfm.core.record import parse
from mfm.core.terms import Command


def add(commands: Commands) -> None:
    """Add `key create` and `key revoke`."""
    keys = commands.add_parser("key", help="Make or revoke an API key.")
    verbs = keys.add_subparsers(dest="verb", required=True, metavar="VERB")
    create = command(verbs, "create", _create, "Make an API key; its secret is shown once.")
    create.add_argument("--role", required=True, choices=get_args(Role), help="what it may do")
    create.add_argument("--party", required=True, help="for which party, by id")
    create.add_argument("--fund", help="for one fund only, by id")
    create.add_argument("--days", type=int, default=365, help="days until it expires (365)")
    revoke = command(verbs, "revoke", _revoke, "Revoke an API key, for good.")
    revoke.add_argument("key", help="the key's id (not its secret)")


async def _create(session: Session, args: argparse.Namespace) -> int:
    told = {name: getattr(args, name) for name in ("party", "role", "fund", "days")}
    try:
        asked = convert(told, CreateKey)
    except ValidationError as error:
        raise option_fault(error, CreateKey) from None
    content, secret = await _do(session, args, VERBS["key.create"], asked)
    made = parse(content)[1].sets["api_key"][0]
    if args.json:
        print_json({"id": made["id"], "secret": secret, "expires_at": made["expires_at"]})
    else:
        print(secret)
    return 0


async def _revoke(session: Session, args: argparse.Namespace) -> int:
    await _do(session, args, VERBS["key.revoke"], RevokeKey(key=args.key))
    if args.json:
        print_json({"revoked": args.key})
    else:
        print(f"Key {args.key} is revoked.")
    return 0


async def _do(
    session: Session, args: argparse.Namespace, verb: Verb, asked: Command
) -> tuple[bytes, str]:
    mechanism = await session.mechanism(args.mechanism)
    async with session.writer(mechanism) as writer:
        ask, secret = Ask(await session.actor(writer), verb, asked, fresh_key()), ""
        if verb.issue is not None:
            ask, secret = verb.issue(ask)
        made = await submit(writer, ask)
    if not made.accepted:
        raise Refused(*refusal_of(made))
    return made.content, secret
