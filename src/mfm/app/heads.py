"""The ends of funds' chains, told in a record: what a fund's slice is held against."""

from hashlib import sha256

from mfm.app.context import Context
from mfm.app.perform import Ask, Made, Verb, submit
from mfm.core import trail as rules
from mfm.core.funds import Fund
from mfm.core.permissions import Actor
from mfm.core.record import Draft
from mfm.core.trail import HEADS, HEADS_MAX, Head, NoteHeads, Seen
from mfm.store import cosigned, trail
from mfm.store.sums import chain_end
from mfm.store.writer import Writer


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
