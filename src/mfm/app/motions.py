"""Motions: put to a board, voted on, closed, and used by what they decided.

Who speaks for a seat does so today: these verbs take no day of their own.
"""

from msgspec import structs

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import motions as rules
from mfm.core.boards import RECUSED, Board, Seat
from mfm.core.disbursements import Disbursement
from mfm.core.funds import Fund
from mfm.core.motions import CastVote, CloseMotion, DeclareConflict, Motion, ProposeMotion, Taken
from mfm.core.record import Draft


async def propose(context: Context, command: ProposeMotion) -> Draft:
    """Put an allocation or a disbursement to the vote of a fund's board."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    await context.get(Board, command.fund, "/fund")
    disbursement = None
    if command.disbursement is not None:
        disbursement = await context.get(Disbursement, command.disbursement, "/disbursement")
    motion_id = await context.new_id(Motion, command.id)
    return rules.propose(context.act(None, fund), command, motion_id, fund, disbursement)


async def cast(context: Context, command: CastVote) -> Draft:
    """Vote for a seat, once, or again instead."""
    return await _say(context, command, command.choice)


async def declare(context: Context, command: DeclareConflict) -> Draft:
    """Declare a seat's conflict of interest in a motion."""
    return await _say(context, command, RECUSED)


async def _say(context: Context, command: CastVote | DeclareConflict, choice: str) -> Draft:
    motion = await context.get(Motion, command.motion, "/motion")
    context.require((motion.fund,))
    seat = await context.get(Seat, command.seat, "/seat")
    fund = await context.get(Fund, motion.fund)
    return rules.cast(context.act(None, fund), motion, seat, choice)


async def close(context: Context, command: CloseMotion) -> Draft:
    """Count a motion's votes: it is carried or lost."""
    motion = await context.get(Motion, command.motion, "/motion")
    context.require((motion.fund,))
    fund = await context.get(Fund, motion.fund)
    board = await context.get(Board, motion.fund)
    names = [vote.seat for vote in motion.votes]
    await context.unit.load(Seat, names)
    seats = [await context.get(Seat, name) for name in names]
    return rules.close(context.act(None, fund), motion, board, seats)


async def with_vote(context: Context, draft: Draft, motion_id: str | None) -> Draft:
    """Return an approval's draft with the board's motion that it uses up, if it needs or names one.

    Raises:
        Invalid: `not-found`.
        Refused: `vote-missing`, `vote-other`, `vote-used`.
    """
    taken = next(row for row in draft.sets if isinstance(row, Taken))
    fund = taken.from_fund if isinstance(taken, Disbursement) else taken.fund
    board = await context.unit.find(Board, fund)
    motion = await context.get(Motion, motion_id, "/motion") if motion_id else None
    used = rules.use(board, motion, taken)
    if used is None:
        return draft
    decided = structs.replace(taken, motion=used.id)
    rest = (row for row in draft.sets if row is not taken)
    return structs.replace(draft, sets=(decided, *rest, used))


_SUBJECT = (Motion, "motion")
VERBS = (
    Verb("motion.propose", ProposeMotion, propose, "/motions"),
    Verb("motion.close", CloseMotion, close, "/motions/{motion}/close", _SUBJECT),
    Verb("vote.cast", CastVote, cast, "/motions/{motion}/votes", _SUBJECT),
    Verb("conflict.declare", DeclareConflict, declare, "/motions/{motion}/conflicts", _SUBJECT),
)
