"""Journal vouchers, one or thousands at a time."""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import cast

from mfm.app.context import Context, today_in
from mfm.app.earmarks import check_voucher
from mfm.app.openings import added_accounts
from mfm.app.perform import Ask, Prepared, Verb, entry_of, perform, prepare, refuse, replay
from mfm.core import entries as rules
from mfm.core.accounts import CHART
from mfm.core.days import check_ahead
from mfm.core.entries import EntryItem, PostEntry, accounts_of
from mfm.core.errors import Invalid, Problem, Refused
from mfm.core.funds import Fund
from mfm.core.journal import Move
from mfm.core.permissions import Actor, require
from mfm.core.record import Draft, canonical, check_size, plain_posting
from mfm.core.terms import Act
from mfm.store.journal import Entry, Made, Stored, key_hash
from mfm.store.memory import Ahead
from mfm.store.unit import Unit
from mfm.store.writer import Writer

_PLAIN = CHART.keys() - {"9300"}
"""Accounts of which nothing needs to be looked up."""


async def post(context: Context, command: PostEntry) -> Draft:
    """Post a voucher in a fund's books."""
    context.require((command.fund,))
    fund = await context.get(Fund, command.fund, "/fund")
    codes = {each.account for each in command.lines}
    if "9300" in codes:
        await check_voucher(context, command)
    act = context.act(command.effective_on, fund)
    if codes <= CHART.keys():
        return rules.post(act, command, fund)
    added = await added_accounts(context, fund.id, command.lines)
    return rules.post(act, command, fund, added)


def post_at_once(unit: Unit, ask: Ask) -> Made | None:
    """Post a voucher of which all is in memory; None where it is not, or would not be accepted.

    The same rules as `post` and `perform` ask, without what only other verbs need.
    """
    command, memory, ledger = cast("PostEntry", ask.command), unit.memory, unit.memory.ledger
    fund = memory.rows.get((Fund, command.fund))
    codes = {each.account for each in command.lines}
    if not isinstance(fund, Fund) or fund.status == "reversed" or fund.id not in memory.chains:
        return None
    entry = entry_of(ask)
    if not codes <= _PLAIN or ask.if_match is not None or not unit.is_new(entry.key_hash):
        return None
    on = command.effective_on or today_in(fund.time_zone, unit.now)
    mark = ledger.mark()
    try:
        check_ahead(command, unit.now.date())
        require(ask.actor, ask.verb.name, (fund.id,))
        draft = rules.post(Act(ask.actor, on), command, fund)
        unit.hold(draft, (fund,))
        return unit.put(entry, draft, ledger.apply(draft.postings), [fund.id])
    except (Problem, KeyError):  # an account that is not in memory; or what `post` will tell
        ledger.back(mark)
        return None


POST = Verb("entry.post", PostEntry, post, "/entries", at_once=post_at_once)
VERBS = (POST,)


_BESIDE_BYTES = 1_024
"""The most that a voucher's record says beside command and postings: who, when, chain, texts."""
_BREATH = 64
"""After so many items of a batch others get a turn: answers to send, the batch before to write."""

# Batches -----------------------------------------------------------------------------------------


async def submit_batch(
    writer: Writer, actor: Actor, items: Sequence[EntryItem]
) -> list[Made | Problem]:
    """Have a writer post many vouchers; return the outcomes once they are committed.

    Raises:
        Invalid: as `post_batch`, and `overloaded`, `unavailable`.
    """
    ahead = Ahead(tuple((Fund, name) for name in {item.fund for item in items}), (), len(items))
    return await writer.run(lambda unit: post_batch(unit, actor, items), ahead)


async def post_batch(unit: Unit, actor: Actor, items: Sequence[EntryItem]) -> list[Made | Problem]:
    """Post many vouchers in order; each has an outcome, linked groups one together.

    Raises:
        Invalid: `group-split` when the items of a group do not stand together.
    """
    asks = [_ask(actor, item) for item in items]
    if unit.strict:
        await unit.known([key_hash(actor.party, ask.key) for ask in asks])
    outcomes: list[Made | Problem] = []
    looked_up = False
    for group, run in _groups(items, asks):
        if group:
            outcomes += await _together(unit, [await prepare(unit, ask) for ask in run])
        else:
            for ask in run:
                made = post_at_once(unit, ask)
                if made is None and not looked_up:
                    await unit.load_accounts(accounts_of(items))  # of all, with one query
                    looked_up = True
                outcomes.append(made or await _alone(unit, ask))
                if not len(outcomes) % _BREATH:
                    await asyncio.sleep(0)
    return outcomes


def _groups(items: Sequence[EntryItem], asks: list[Ask]) -> list[tuple[str, list[Ask]]]:
    """Return the runs of items that belong together; items without a group make runs too.

    Raises:
        Invalid: `group-split`.
    """
    pairs = zip(items, asks, strict=True)
    runs = [
        (group, [ask for _, ask in run])
        for group, run in groupby(pairs, key=lambda pair: pair[0].group)
    ]
    names = [group for group, _ in runs if group]
    if len(names) != len(set(names)):
        raise Invalid("group-split", "The items of a group must follow one another.", "/entries")
    return runs


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


async def _together(unit: Unit, group: list[Prepared]) -> list[Made | Problem]:
    """Post a linked group: all, or none and each with the reason."""
    keys = [each.entry.key_hash for each in group]
    again = [at for at, key in enumerate(keys) if key in keys[:at]]
    if again or await unit.known(keys):
        # The memory may have but a part of them.
        if known := await unit.known(keys, sure=True):
            return await _replayed(unit, group, known)
        fault = Invalid("key-reused", "Another item of this group has the same key.", "/key")
        return await _refused(unit, group, (again[0], fault))
    return await _all_or_none(unit, group, keys)


async def _all_or_none(
    unit: Unit, group: list[Prepared], keys: list[bytes]
) -> list[Made | Problem]:
    mark = unit.memory.ledger.mark()
    moves: list[list[Move]] = []
    try:
        for each in group:
            if isinstance(each.draft, Problem):
                raise each.draft
            _check_fits(each.entry, each.draft)
            moves.append(await unit.admit(each.draft))
    except Problem as problem:
        unit.memory.ledger.back(mark)
        if isinstance(problem, Invalid) and (known := await unit.known(keys, sure=True)):
            return await _replayed(unit, group, known)
        return await _refused(unit, group, (len(moves), problem))
    return [
        await unit.write(each.entry, each.draft, moved)
        for each, moved in zip(group, moves, strict=True)
        if isinstance(each.draft, Draft)  # they all are: a problem was raised above
    ]


def _check_fits(entry: Entry, draft: Draft) -> None:
    """Hold that a voucher fits into a record before anything of its group is written.

    Raises:
        Invalid: `record-too-large`; here a record counts as if all beside it were at its longest.
    """
    told = [entry.command, [*entry.texts], [plain_posting(each) for each in draft.postings]]
    check_size(canonical(told) + bytes(_BESIDE_BYTES))


async def _refused(
    unit: Unit, group: list[Prepared], fault: tuple[int, Problem]
) -> list[Made | Problem]:
    """Answer a failed group: the item at fault with its reason, the others with the link."""
    at, problem = fault
    outcomes: list[Made | Problem] = []
    for number, each in enumerate(group):
        own = problem
        if number != at:
            detail = f"Linked with an item that failed: {problem.code}."
            own = type(problem)("linked-failed", detail)
        if isinstance(own, Refused):
            outcomes.append(await refuse(unit, each.ask, each.entry, own))
        else:
            outcomes.append(own)
    return outcomes


async def _replayed(
    unit: Unit, group: list[Prepared], known: dict[bytes, Stored]
) -> list[Made | Problem]:
    """Answer a group that was posted before; a group that is new in part is not that group."""
    outcomes: list[Made | Problem] = []
    for each in group:
        stored = known.get(each.entry.key_hash)
        if stored is None:
            detail = "Another item of this group was posted before, this one was not."
            outcomes.append(Invalid("key-reused", detail, "/group"))
            continue
        try:
            outcomes.append(await replay(unit, each.ask, each.entry, stored))
        except Invalid as invalid:
            outcomes.append(invalid)
    return outcomes
