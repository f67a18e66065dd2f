"""The ends of funds' chains, told in a record: what a fund's slice is held against."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from hashlib import sha256

import structlog

from mfm.app.context import Context, utc_now
from mfm.app.perform import Ask, Made, Verb, submit
from mfm.core import trail as rules
from mfm.core.errors import Problem
from mfm.core.funds import Fund
from mfm.core.permissions import Actor
from mfm.core.record import Body, Draft, Record, parse
from mfm.core.trail import HEADS, HEADS_MAX, Head, NoteHeads, Seen
from mfm.store import cosigned, trail
from mfm.store.database import FAILED
from mfm.store.sums import chain_end
from mfm.store.unit import Unit
from mfm.store.writer import Writer

_LOOK_SECONDS = 60
log = structlog.get_logger(__name__)


async def note(context: Context, command: NoteHeads) -> Draft:
    """Tell where the chains of funds end, and the newest checkpoint and timestamp before it."""
    context.require()
    unit = context.unit
    heads = []
    for name in command.funds:
        fund = await context.get(Fund, name, "/funds")
        heads.append(Head(fund.id, *await chain_end(unit, fund.id)))
    sealed = await trail.newest(unit.connection, unit.mechanism.id)
    anchor = await cosigned.newest_anchor(unit.connection, unit.mechanism.id)
    seen = Seen(
        size=sealed.size if sealed else 0,
        root=sealed.root.hex() if sealed else "",
        anchor_size=anchor[0] if anchor else 0,
        anchor=sha256(anchor[1]).hexdigest() if anchor else "",
    )
    return rules.note_heads(context.act(None), command, heads, seen)


NOTE = Verb(HEADS, NoteHeads, note, "")
"""The terminal's alone, like the trail's other housekeeping."""


async def note_all(writer: Writer, actor: Actor, funds: tuple[str, ...], key: str) -> list[Made]:
    """Tell the ends of these funds' chains, or of all; as many records as it takes.

    Args:
        writer: the mechanism's.
        actor: who asks.
        funds: their ids; none for all.
        key: what the idempotency keys begin with.

    Raises:
        Invalid: as `perform.submit`; `not-found`.
    """
    if not funds:
        rows = await writer.run(lambda unit: unit.find_all(Fund, "status", ["open"]))
        funds = tuple(sorted(row.id for row in rows))
    made = []
    for first in range(0, len(funds), HEADS_MAX):
        command = NoteHeads(funds=funds[first : first + HEADS_MAX])
        made.append(await submit(writer, Ask(actor, NOTE, command, f"{key}-{first}")))
    return made


async def tell(writer: Writer, actor: Actor, today: date) -> list[Made]:
    """Tell the ends of all chains, once a day; nothing where nothing came since the last telling.

    Raises:
        Invalid: as `note_all`.
    """
    newest = await writer.run(_newest)
    if newest is None or newest[1].verb == HEADS:
        return []
    return await note_all(writer, actor, (), f"heads-{today.isoformat()}")


async def daily(writer: Writer, actor: Actor, clock: Callable[[], datetime] = utc_now) -> None:
    """Tell the ends of chains whenever a day (UTC) has begun, until cancelled.

    A process that starts later in the day leaves it at what was told, or written, that day already.
    """
    seen: date | None = None
    while True:
        today = clock().date()
        try:
            if seen is None:
                newest = await writer.run(_newest)
                seen = datetime.fromisoformat(newest[0].at).date() if newest else today
            if seen < today:
                await tell(writer, actor, today)
            seen = today
        except (*FAILED, Problem) as error:
            log.warning("heads-wait", because=str(error))
        await asyncio.sleep(_LOOK_SECONDS)


async def _newest(unit: Unit) -> tuple[Record, Body] | None:
    content = await unit.record(unit.memory.head.seq)
    return parse(content) if content else None
