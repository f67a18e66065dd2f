"""Journal vouchers, one or thousands at a time, and taking records back."""

from collections.abc import Sequence
from itertools import groupby

from msgspec import structs

from mfm.app.context import Context
from mfm.app.perform import Ask, Verb, entry_of, perform, refuse, replay
from mfm.core import entries as rules
from mfm.core.entries import EntryItem, PostEntry, ReverseRecord
from mfm.core.errors import Invalid, Problem, Refused
from mfm.core.funds import Fund
from mfm.core.journal import Move
from mfm.core.permissions import Actor
from mfm.core.record import Draft, Noun, parse, posting_of, restore
from mfm.store.journal import Entry, Made, Stored, key_hash
from mfm.store.nouns import KINDS, NOUNS
from mfm.store.unit import Unit


async def post(context: Context, command: PostEntry) -> Draft:
    """Post a voucher in a fund's books."""
    context.require((command.fund,))
    fund = await context.get(Fund, command.fund, "/fund")
    return rules.post(context.act(command.effective_on, fund), command, fund)


_FINAL = {
    "key.create": "key.revoke",
    "key.revoke": "key.create",
    "fund.set-period": "fund.set-period",
}
"""The administrator's verbs, which an approver may not undo by the back door, and what does."""


async def reverse(context: Context, command: ReverseRecord) -> Draft:
    """Take a record back, if nothing stands on it yet."""
    content = await context.unit.record(command.record)
    if content is None:
        raise Invalid("not-found", f"There is no record {command.record}.", "/record")
    record, body = parse(content)
    context.require(tuple(link.fund for link in record.chain))
    if record.outcome != "accepted" or body.reverses:
        detail = f"Record {command.record} is a refusal or a reversal itself."
        raise Refused("record-empty", detail, "/record")
    if body.verb in _FINAL:
        detail = f"Record {command.record} is undone with {_FINAL[body.verb]}, not taken back."
        raise Refused("record-final", detail, "/record")
    if taken_back := await context.unit.reversal(command.record):
        detail = f"Record {taken_back} takes it back already."
        raise Refused("record-reversed", detail, "/record")
    nouns = [
        await _states(context, NOUNS[kind], told)
        for kind, states in body.sets.items()
        for told in states
    ]
    postings = tuple(posting_of(told) for told in body.postings)
    fund = await context.get(Fund, record.chain[0].fund) if record.chain else None
    act = context.act(command.effective_on, fund)
    draft = rules.reverse(act, command.record, postings, tuple(nouns))
    # Into the chains of the same funds, also where no money moved: a fund's slice is complete.
    return structs.replace(draft, funds=tuple(link.fund for link in record.chain))


async def _states(
    context: Context, kind: type[Noun], told: dict[str, object]
) -> tuple[Noun, Noun | None]:
    """Return a noun's state now, and its state before the record that told this one."""
    made = restore(told, kind)
    now = await context.unit.find(kind, made.id) or made
    if not made.prev:
        return now, None
    before = await context.unit.record(made.prev)
    assert before is not None  # a record that is named is there: nothing is ever removed
    earlier = parse(before)[1].sets[KINDS[kind]]
    return now, next(restore(each, kind) for each in earlier if each["id"] == made.id)


POST = Verb("entry.post", PostEntry, post, "/entries")
VERBS = (POST, Verb("record.reverse", ReverseRecord, reverse, "/records/{record}/reverse"))


# Batches -----------------------------------------------------------------------------------------


async def post_batch(unit: Unit, actor: Actor, items: Sequence[EntryItem]) -> list[Made | Problem]:
    """Post many vouchers in order; each has an outcome, linked groups one together.

    Raises:
        Invalid: `group-split` when the items of a group do not stand together.
    """
    asks = [_ask(actor, item) for item in items]
    runs = [list(run) for _, run in groupby(zip(items, asks, strict=True), key=_group_of)]
    names = [run[0][0].group for run in runs if run[0][0].group]
    if len(names) != len(set(names)):
        raise Invalid("group-split", "The items of a group must follow one another.", "/entries")
    await unit.known([key_hash(actor.party, ask.key) for ask in asks])
    await unit.load(Fund, {item.fund for item in items})
    await unit.load_accounts(rules.accounts_of(items))
    outcomes: list[Made | Problem] = []
    for run in runs:
        if run[0][0].group:
            outcomes += await _together(unit, [ask for _, ask in run])
        else:
            outcomes += [await _alone(unit, ask) for _, ask in run]
    return outcomes


def _group_of(pair: tuple[EntryItem, Ask]) -> str:
    return pair[0].group  # those without a group make runs too, and are posted one by one


def _ask(actor: Actor, item: EntryItem) -> Ask:
    command = PostEntry(
        fund=item.fund,
        lines=item.lines,
        effective_on=item.effective_on,
        description=item.description,
    )
    return Ask(actor, POST, command, item.key)


async def _alone(unit: Unit, ask: Ask) -> Made | Problem:
    try:
        return await perform(unit, ask)
    except Invalid as invalid:
        return invalid


async def _together(unit: Unit, asks: list[Ask]) -> list[Made | Problem]:
    """Post a linked group: all, or none and each with the reason."""
    entries = [entry_of(ask) for ask in asks]
    keys = [entry.key_hash for entry in entries]
    again = [at for at, key in enumerate(keys) if key in keys[:at]]
    if again or await unit.known(keys):
        # The memory may have but a part of them.
        if known := await unit.known(keys, sure=True):
            return await _replayed(unit, asks, entries, known)
        fault = Invalid("key-reused", "Another item of this group has the same key.", "/key")
        return await _refused(unit, asks, entries, (again[0], fault))
    return await _decided(unit, asks, entries)


async def _decided(unit: Unit, asks: list[Ask], entries: list[Entry]) -> list[Made | Problem]:
    keys = [entry.key_hash for entry in entries]
    mark = unit.memory.ledger.mark()
    ready: list[tuple[Draft, list[Move]]] = []
    fault: Problem | None = None
    for ask in asks:
        try:
            draft = await ask.verb.run(Context(unit, ask.actor, ask.verb.name), ask.command)
            ready.append((draft, await unit.admit(draft)))
        except Problem as problem:
            fault = problem
            break
    if fault is None:
        return [
            await unit.write(entry, draft, moves)
            for entry, (draft, moves) in zip(entries, ready, strict=True)
        ]
    unit.memory.ledger.back(mark)
    if isinstance(fault, Invalid) and (known := await unit.known(keys, sure=True)):
        return await _replayed(unit, asks, entries, known)
    return await _refused(unit, asks, entries, (len(ready), fault))


async def _refused(
    unit: Unit, asks: list[Ask], entries: list[Entry], fault: tuple[int, Problem]
) -> list[Made | Problem]:
    """Answer a failed group: the item at fault with its reason, the others with the link."""
    at, problem = fault
    outcomes: list[Made | Problem] = []
    for number, (ask, entry) in enumerate(zip(asks, entries, strict=True)):
        own = problem
        if number != at:
            detail = f"Linked with an item that failed: {problem.code}."
            own = type(problem)("linked-failed", detail)
        if isinstance(own, Refused):
            context = Context(unit, ask.actor, ask.verb.name)
            outcomes.append(await refuse(context, ask, entry, own))
        else:
            outcomes.append(own)
    return outcomes


async def _replayed(
    unit: Unit, asks: list[Ask], entries: list[Entry], known: dict[bytes, Stored]
) -> list[Made | Problem]:
    """Answer a group that was posted before; a group that is new in part is not that group."""
    outcomes: list[Made | Problem] = []
    for ask, entry in zip(asks, entries, strict=True):
        stored = known.get(entry.key_hash)
        if stored is None:
            detail = "Another item of this group was posted before, this one was not."
            outcomes.append(Invalid("key-reused", detail, "/group"))
            continue
        try:
            outcomes.append(await replay(unit, ask, entry, stored))
        except Invalid as invalid:
            outcomes.append(invalid)
    return outcomes
