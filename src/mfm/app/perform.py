"""Performing a verb: the same steps for all of them, whoever calls (HTTP, terminal, import)."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, NamedTuple

from msgspec import Struct, inspect, json, structs, to_builtins

from mfm.app.context import Context, today_in
from mfm.app.days import must_be_covered
from mfm.app.overlap_keys import keep
from mfm.core.days import check_ahead
from mfm.core.entries import PostEntry, accounts_of
from mfm.core.errors import Invalid, Problem, Refused
from mfm.core.funds import Fund
from mfm.core.judgements import Held
from mfm.core.keys import digest_of
from mfm.core.permissions import Actor
from mfm.core.record import Body, Draft, Noun, parse, plain
from mfm.core.terms import Command
from mfm.store.journal import Entry, Made, Stored, key_hash
from mfm.store.memory import NOTHING, Ahead
from mfm.store.unit import Unit
from mfm.store.writer import Writer

__all__ = [
    "Ask",
    "Made",
    "Prepared",
    "Verb",
    "entry_of",
    "finish",
    "perform",
    "prepare",
    "refusal_of",
    "refuse",
    "replay",
    "submit",
    "with_secret",
]


class Verb(Struct, frozen=True):
    """A verb.

    Attributes:
        name: noun.verb, as in records, in the table of permissions and on the command line.
        command: what it takes.
        run: reads and decides; returns the draft of its record.
        path: where it is under /v1; a `{field}` in it fills that field of the command.
        subject: the noun that it changes and the command's field that names it, for If-Match.
        at_once: performs it without waiting where all it needs is in memory, and returns None where
            it needs more or fails: then `run` decides. For verbs that come by the thousand.
        issue: where it makes a secret: returns the ask that makes a fresh one, and the secret.
    """

    name: str
    command: type[Command]
    run: Callable[[Context, Any], Awaitable[Draft]]
    path: str
    subject: tuple[type[Noun], str] | None = None
    at_once: "Callable[[Unit, Ask], Made | None] | None" = None
    issue: "Callable[[Ask], tuple[Ask, str]] | None" = None


class Ask(Struct, frozen=True):
    """A verb asked for: by whom, with what, under which idempotency key.

    Attributes:
        actor: who asks.
        verb: which verb.
        command: its command.
        key: the idempotency key, unique for the acting party for ever.
        if_match: the seq that the verb's subject must stand at, or None.
        language: which language reasons are told in.
    """

    actor: Actor
    verb: Verb
    command: Command
    key: str
    if_match: int | None = None
    language: str = "en"


def with_secret(
    ask: Ask, secret: str, create: Callable[[Context, Any, str], Awaitable[Draft]]
) -> tuple[Ask, str]:
    """Return an ask that makes this secret's noun, and the secret.

    The secret is nowhere else: neither the record nor the database has more than its hash.
    """

    async def run(context: Context, command: Command) -> Draft:
        """Make the noun of this secret."""
        return await create(context, command, digest_of(secret))

    return structs.replace(ask, verb=structs.replace(ask.verb, run=run)), secret


_encode = json.Encoder().encode
_LISTS: dict[type[Command], frozenset[str]] = {}
_FIELDS: dict[type[Command], tuple[tuple[str, ...], tuple[str, ...]]] = {}
_DEFAULTS: dict[type[Command], tuple[tuple[str, Any], ...]] = {}


def fields_of(command: type[Command]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a command's fields that its record tells in clear, and those that are free text."""
    if command not in _FIELDS:
        told, texts = [], []
        for field in structs.fields(command):
            kind = inspect.type_info(field.type)
            extra = kind.extra or {} if isinstance(kind, inspect.Metadata) else {}
            if extra.get("free_text"):
                texts.append(field.name)
            elif not extra.get("untold"):
                told.append(field.name)
        _FIELDS[command] = (tuple(told), tuple(texts))
    return _FIELDS[command]


def _beside(value: Any) -> str:  # noqa: ANN401  # a text, or a list that stands beside as one
    """Return what stands beside a record of a field that is no fact: a list as JSON."""
    return value if isinstance(value, str) else _encode(value).decode()


def told_beside(command: type[Command], texts: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a command that stand beside its record, as they were told."""
    if command not in _LISTS:
        _, free = fields_of(command)
        _LISTS[command] = frozenset(
            each.name
            for each in structs.fields(command)
            if each.name in free and isinstance(each.default, tuple)
        )
    return {
        name: json.decode(text) if name in _LISTS[command] else text for name, text in texts.items()
    }


def request_hash(command: Command) -> bytes:
    """Return the SHA-256 of all that a command asks for: a default told is a default left out."""
    kind = type(command)
    if kind not in _DEFAULTS:
        _DEFAULTS[kind] = tuple((each.name, each.default) for each in structs.fields(command))
    # By equality: msgspec itself leaves out only what is the very object of the default.
    told = {
        name: value
        for name, default in _DEFAULTS[kind]
        if (value := getattr(command, name)) != default
    }
    return sha256(_encode(told)).digest()


def entry_of(ask: Ask) -> Entry:
    """Return what the record will say of who asked for what."""
    command = ask.command
    told, texts = fields_of(type(command))
    clear: dict[str, Any] = {}
    for name in told:
        value = getattr(command, name)
        if value is not None:
            clear[name] = value if isinstance(value, str) else plain(to_builtins(value))
    keys = (key_hash(ask.actor.party, ask.key), request_hash(command))
    entry = Entry(ask.verb.name, ask.actor.told(), keys, clear)
    for name in texts:
        if value := getattr(command, name):
            entry.texts[name] = _beside(value)
    return entry


def ahead_of(ask: Ask) -> Ahead:
    """Return what a verb is known to need: the noun it changes, a voucher's fund and accounts."""
    command = ask.command
    if isinstance(command, PostEntry):
        return Ahead(((Fund, command.fund),), tuple(accounts_of([command])))
    if ask.verb.subject is None:
        return NOTHING
    noun, field = ask.verb.subject
    return Ahead(((noun, getattr(command, field)),))


async def submit(writer: Writer, ask: Ask) -> Made:
    """Have a writer perform what is asked; return its record once it is committed.

    Raises:
        Invalid: as `perform`, and `overloaded`, `unavailable`.
    """
    return await writer.run(lambda unit: perform(unit, ask), ahead_of(ask))


class Prepared(NamedTuple):
    """A verb that the rules have answered, not yet held against the books.

    Attributes:
        ask: what was asked.
        entry: what its record will say of that.
        draft: the rules' draft, or why there is none.
    """

    ask: Ask
    entry: Entry
    draft: Draft | Problem


async def prepare(unit: Unit, ask: Ask) -> Prepared:
    """Ask the rules; nothing is changed."""
    draft: Draft | Problem
    context = Context(unit, ask.actor, ask.verb.name, ask.language)
    try:
        check_ahead(ask.command, unit.now.date())
        if ask.if_match is not None:
            await _match(context, ask)
        draft = await ask.verb.run(context, ask.command)
        if not isinstance(ask.command, PostEntry):
            await context.recall(draft)
            await must_be_covered(context, draft)
    except Problem as problem:
        draft = problem
    return Prepared(ask, entry_of(ask), draft)


async def finish(unit: Unit, prepared: Prepared) -> Made:
    """Hold a prepared verb against the books and make its record, once for its key.

    Raises:
        Invalid: the request is malformed, unknown, stale or not allowed; nothing is left.
    """
    ask, entry, draft = prepared
    stored = await unit.stored(entry.key_hash)
    if stored is not None:
        return await replay(unit, ask, entry, stored)
    mark = unit.memory.ledger.mark()
    try:
        if isinstance(draft, Problem):
            raise draft
        made = await unit.write(entry, draft, await unit.admit(draft))
    except Refused as refused:
        return await refuse(unit, ask, entry, refused)
    except Invalid:
        unit.memory.ledger.back(mark)
        # A key older than the memory has its answer, also if the request makes no sense by now.
        if known := await unit.known([entry.key_hash], sure=True):
            return await replay(unit, ask, entry, known[entry.key_hash])
        raise
    else:
        await keep(unit, draft.sets, (made.seq, entry.texts))
        return made


async def perform(unit: Unit, ask: Ask) -> Made:
    """Do what is asked, once: a repeated key gets the answer it got, refusals too.

    Raises:
        Invalid: the request is malformed, unknown, stale or not allowed; nothing is left.
    """
    if ask.verb.at_once is not None and (made := ask.verb.at_once(unit, ask)) is not None:
        return made
    return await finish(unit, await prepare(unit, ask))


async def refuse(unit: Unit, ask: Ask, entry: Entry, refused: Refused) -> Made:
    """Record a refusal under the request's key, with what policies said if it was theirs."""
    told, texts = fields_of(type(ask.command))
    for name in {*ask.command.__struct_fields__} - {*told, *texts}:
        entry.command[name] = plain(to_builtins(getattr(ask.command, name)))
    if isinstance(refused, Held):
        draft = refused.draft
    else:
        on = getattr(ask.command, "effective_on", None)
        draft = Draft(effective_on=on or today_in("UTC", unit.now))
    refusal = {"code": refused.code, "detail": refused.detail}
    if refused.pointer:
        refusal["pointer"] = refused.pointer
    return await unit.refuse(entry, refusal, draft)


async def _match(context: Context, ask: Ask) -> None:
    if ask.verb.subject is None:
        raise Invalid("if-match-needless", f"{ask.verb.name} makes something new.")
    noun, field = ask.verb.subject
    found = await context.get(noun, getattr(ask.command, field), f"/{field}")
    if found.seq != ask.if_match:
        detail = f"It stands at {found.seq} now, not at {ask.if_match}: read it again."
        raise Invalid("stale", detail)


async def replay(unit: Unit, ask: Ask, entry: Entry, stored: Stored) -> Made:
    """Return what a key made before, if it was asked for the same.

    Raises:
        Invalid: `key-reused`, naming the field that differs.
    """
    record, body = parse(stored.content)
    if stored.request == entry.request and body.verb == entry.verb:
        accepted = record.outcome == "accepted"
        return Made(stored.seq, stored.content, accepted=accepted, replayed=True)
    field = await _difference(unit, ask, entry, stored, body)
    detail = f"This key was used for record {stored.seq}, with another {field}."
    raise Invalid("key-reused", detail, f"/{field}" if field != "verb" else "")


async def _difference(unit: Unit, ask: Ask, entry: Entry, stored: Stored, body: Body) -> str:
    if body.verb != entry.verb:
        return "verb"
    told, texts = fields_of(type(ask.command))
    before = await unit.texts(stored.seq)
    clear = [n for n in sorted(told) if entry.command.get(n) != body.command.get(n)]
    free = [name for name in texts if entry.texts.get(name) != before.get(name)]
    untold = sorted({*ask.command.__struct_fields__} - {*told, *texts})
    return [*clear, *free, *untold, "command"][0]


def refusal_of(made: Made) -> tuple[str, str, str]:
    """Return code, detail and pointer of a recorded refusal."""
    told = parse(made.content)[1].refusal
    return told["code"], told["detail"], told.get("pointer", "")
