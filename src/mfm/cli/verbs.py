"""Every verb from the terminal: its options are its command's fields."""

import argparse
from datetime import date
from typing import Any, get_args
from unicodedata import normalize

import msgspec
from msgspec import NODEFAULT, Meta, structs

from mfm.app import call_views
from mfm.app.call_views import Rival
from mfm.app.perform import Ask, Made, Verb, refusal_of, submit
from mfm.app.registry import VERBS
from mfm.cli import bank
from mfm.cli.arguments import Commands, command, fresh_key, next_step, option_fault, print_json
from mfm.cli.session import Session
from mfm.core.errors import Invalid
from mfm.core.money import Money
from mfm.core.record import parse
from mfm.core.terms import Command
from mfm.formats.faults import phrase, said_of_json, within, words_of
from mfm.store.database import Mechanism

_BESIDE = {"bank": bank.add}
"""What a noun has beside its verbs."""
_MONEY = 'amount and currency, such as "68174.00 USD"'


def add(commands: Commands) -> None:
    """Add a command for each noun, and under it one for each of its verbs."""
    nouns: dict[str, list[Verb]] = {}
    for verb in VERBS.values():  # a noun's verbs may come from several modules
        nouns.setdefault(verb.name.partition(".")[0], []).append(verb)
    for noun, verbs in nouns.items():
        if noun == "key":
            continue  # keys show their secret: mfm.cli.keys
        told = ", ".join(verb.name.partition(".")[2] for verb in verbs)
        below = commands.add_parser(noun, help=f"{told}.")
        words = below.add_subparsers(dest="verb", required=True, metavar="VERB")
        for verb in verbs:
            _add(words, verb)
        if noun in _BESIDE:
            _BESIDE[noun](words)


def _add(words: Commands, verb: Verb) -> None:
    text = (verb.command.__doc__ or "").strip().splitlines()[0]
    made = command(words, verb.name.partition(".")[2], _perform, text)
    made.set_defaults(told=verb)
    made.add_argument(
        "--key", help="idempotency key: repeat a command with it, and it is done once"
    )
    for field in structs.fields(verb.command):
        required = field.default is NODEFAULT and field.default_factory is NODEFAULT
        made.add_argument(
            "--" + field.name.replace("_", "-"),
            dest=f"field_{field.name}",
            required=required,
            metavar=_metavar(field.type),
            help=_help(field.type),
        )


def _is_money(hint: Any) -> bool:  # noqa: ANN401  # a field's type
    return hint is Money or Money in get_args(hint)


def _is_list(hint: Any) -> bool:  # noqa: ANN401  # a field's type
    return "tuple" in str(hint)


def _is_object(hint: Any) -> bool:  # noqa: ANN401  # a field's type
    return _object(hint) is not None


def _object(hint: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401  # a field's type
    """Return what an object, or each of a list of objects, is made like."""
    return next(
        (
            each
            for each in within(hint)
            if isinstance(each, type) and issubclass(each, msgspec.Struct) and each is not Money
        ),
        None,
    )


def _metavar(hint: Any) -> str:  # noqa: ANN401  # a field's type
    if _is_money(hint):
        return "AMOUNT"
    if _is_list(hint) or _is_object(hint):
        return "JSON"
    words = {date: "DATE", int: "NUMBER"}
    return next((words[each] for each in within(hint) if each in words), "VALUE")


def _help(hint: Any) -> str:  # noqa: ANN401  # a field's type
    if _is_list(hint) or _is_object(hint):
        return _json(hint)
    if _is_money(hint):
        return _MONEY
    told = [
        phrase(each.description)
        for each in within(hint)
        if isinstance(each, Meta) and each.description
    ]
    words = words_of(hint) or (["true", "false"] if bool in within(hint) else [])
    return ": ".join([*told[:1], *([" | ".join(words)] if words else [])])


def _json(hint: Any) -> str:  # noqa: ANN401  # a field's type
    """Return what a JSON option is made of, as over HTTP."""
    made, words = _object(hint), words_of(hint)
    parts = ", ".join(each.encode_name for each in structs.fields(made)) if made else ""
    if not _is_list(hint):
        return f"a JSON object: {parts}"
    if made:
        return f"a JSON list of objects: {parts}"
    return f"a JSON list of {' | '.join(words)}" if words else "a JSON list of texts"


def _command_of(verb: Verb, args: argparse.Namespace) -> Command:
    told: dict[str, Any] = {}
    for field in structs.fields(verb.command):
        text = getattr(args, f"field_{field.name}")
        if text is None:
            continue
        text = normalize("NFC", text)
        if _is_money(field.type):
            told[field.name] = _money(field.name, text)
        elif _is_list(field.type) or _is_object(field.type):
            told[field.name] = _listed(field.name, text)
        else:
            told[field.name] = text
    try:
        return msgspec.convert(told, verb.command, strict=False)
    except msgspec.ValidationError as error:
        raise option_fault(error, verb.command) from None


def _money(name: str, text: str) -> dict[str, str]:
    amount, _, currency = text.strip().partition(" ")
    if not currency:
        raise Invalid("field-invalid", f"--{name.replace('_', '-')}: Write {_MONEY}.")
    return {"amount": amount, "currency": currency.strip()}


def _listed(name: str, text: str) -> Any:  # noqa: ANN401  # any JSON value
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        option = name.replace("_", "-")
        raise Invalid("json-malformed", f"--{option}: {said_of_json(error)}") from None


async def _perform(session: Session, args: argparse.Namespace) -> int:
    verb: Verb = args.told
    asked = _command_of(verb, args)
    mechanism = await session.mechanism(args.mechanism)
    async with session.writer(mechanism) as writer:
        actor = await session.actor(writer)
        ask, secret = Ask(actor, verb, asked, args.key or fresh_key()), ""
        if verb.issue is not None:
            ask, secret = verb.issue(ask)
        made = await submit(writer, ask)
    if not made.accepted:
        _print_refusal(made, as_json=args.json)
        return 1
    record, body = parse(made.content)
    own = verb.name.partition(".")[0].replace("-", "_")  # what a verb is about comes first
    kinds = sorted(body.sets, key=lambda kind: kind != own)
    ids = [state["id"] for kind in kinds for state in body.sets[kind]]
    told = {"secret": secret} if secret and not made.replayed else {}
    overlaps = await _overlaps(session, mechanism, made) if verb.name in call_views.WRITES else None
    if args.json:
        beside = {} if overlaps is None else {"overlaps": overlaps}
        print_json({"seq": record.seq, "verb": body.verb, "ids": ids, **told, **beside})
    else:
        print(f"Record {record.seq}: {body.verb} {' '.join(ids[:1])}".rstrip())
        print(*told.values(), end="\n" if told else "")
        if overlaps:
            print(f"It overlaps {len(overlaps)}: mfm rivals {ids[0]} tells which, and what helps.")
    return 0


def _print_refusal(made: Made, *, as_json: bool) -> None:
    code, detail, _ = refusal_of(made)
    if as_json:
        told = {"seq": made.seq, "refused": code, "detail": detail}
        print_json(told | {"next": next_step(code)})
    else:
        print(f"Refused (record {made.seq}): {code}: {detail}")
        print(next_step(code))


async def _overlaps(session: Session, mechanism: Mechanism, made: Made) -> list[Rival] | None:
    """Return what a call that was written or published overlaps."""
    async with session.reader(mechanism) as engine:
        return await call_views.rivals_beside(engine, made.content)
