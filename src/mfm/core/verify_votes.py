"""Verification, the votes: who spoke for a seat, how a motion ended, and what it decided.

The counting here is a second one: in fractions crosswise, constituency by constituency.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from mfm.core.boards import Board, Seat, Vote
from mfm.core.motions import Motion
from mfm.core.permissions import OPERATOR
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Told

_SAID = {"vote.cast": ("for", "against", "abstain"), "conflict.declare": ("recused",)}
_FIRST_OF = {"allocation.approve": "allocation", "disbursement.approve": "disbursement"}
Rows = Mapping[str, Mapping[str, Noun]]
"""kind -> id -> the noun as it stands."""


class _Count(NamedTuple):
    ayes: int
    noes: int


def check(rows: Rows, told: Told, before: Mapping[str, Noun | None]) -> None:
    """Hold what a record says of motions, once all that it sets stands.

    Args:
        rows: every noun, this record's states among them.
        told: the record.
        before: id -> the motion as it stood, of each motion that the record sets.

    Raises:
        Differs: `vote-seat`, `vote-count`, `vote-used`.
    """
    motions: list[Any] = [state for kind, state in told.sets if kind == "motion"]
    if told.verb in _FIRST_OF:
        _check_use(rows, told, motions)
    elif told.verb == "cost.pay":
        _check_cost(rows, told)
    for motion in motions:
        if told.verb == "motion.propose":
            _check_proposal(rows, told, motion)
        elif told.verb in _SAID:
            _check_said(rows, told, (before[motion.id], motion))
        elif told.verb == "motion.close":
            _check_close(rows, told, (before[motion.id], motion))


def _check_proposal(rows: Rows, told: Told, motion: Motion) -> None:
    """Hold that a motion begins without votes, about what its fund is to decide."""
    matter: Any = rows["disbursement"].get(motion.disbursement)
    sound = motion.fund in rows["board"] and not motion.votes and not motion.used_by
    if motion.disbursement:
        sound = sound and (motion.fund, motion.amount_minor, motion.beneficiary) == (
            (matter.from_fund, matter.amount_minor, matter.to_party) if matter else ()
        )
    elif motion.beneficiary:
        sound = False
    if not sound:
        raise Differs("vote-count", told.seq, f"Motion {motion.id} does not begin as one.")


def _check_said(rows: Rows, told: Told, motions: tuple[Any, Motion]) -> None:
    """Hold that one seat of the fund spoke, by who holds it, within its term."""
    earlier = {vote.seat: vote for vote in motions[0].votes}
    motion = motions[1]
    spoken = [vote for vote in motion.votes if earlier.get(vote.seat) != vote]
    seats = [vote.seat for vote in motion.votes]
    # A vote may be said again as it was: then nothing is new.
    if len(spoken) > 1 or len(set(seats)) != len(seats) or not set(earlier) <= set(seats):
        raise Differs("vote-seat", told.seq, f"Not one seat spoke in motion {motion.id}.")
    seat: Any = rows["seat"].get(told.command.get("seat", ""))
    own = [vote for vote in motion.votes if seat is not None and vote.seat == seat.id]
    if not own or not _may_speak(seat, told, motion) or (spoken and spoken != own):
        raise Differs("vote-seat", told.seq, f"Who spoke in motion {motion.id} may not.")
    was = earlier.get(seat.id)
    if (
        own[0].constituency != seat.constituency
        or own[0].choice not in _SAID[told.verb]
        or (was is not None and was.choice == "recused")
        or (own[0].choice != "recused" and motion.beneficiary == seat.party)
    ):
        raise Differs("vote-seat", told.seq, f"Seat {seat.id} may not say that.")


def _may_speak(seat: Seat, told: Told, motion: Motion) -> bool:
    actor = told.actor
    holder = actor["party"] == seat.party and seat.holder in ("", actor["key"])
    return (
        (holder or actor["role"] == OPERATOR)
        and _held(seat, told.effective_on)
        and seat.fund == motion.fund
    )


def _held(seat: Seat, day: date) -> bool:
    return seat.status == "held" and seat.since <= day <= (seat.until or date.max)


def _check_close(rows: Rows, told: Told, motions: tuple[Any, Motion]) -> None:
    """Hold that a motion ended as its board's rule, as it stands, counts its held seats' votes."""
    motion, seats = motions[1], dict[str, Any](rows["seat"])
    kept = [vote for vote in motions[0].votes if _held(seats[vote.seat], told.effective_on)]
    board: Any = rows["board"][motion.fund]
    there = [vote for vote in motion.votes if vote.choice != "recused"]
    quorum = len(there) >= board.quorum_seats and (
        len({vote.constituency for vote in there}) >= board.quorum_constituencies
    )
    early = motion.closes_on is not None and told.effective_on < motion.closes_on
    ended = "carried" if _carried(board, motion.votes) else "lost"
    if early or not quorum or motion.status != ended or [*motion.votes] != kept:
        detail = f"Motion {motion.id} is {motion.status}; its votes say otherwise."
        raise Differs("vote-count", told.seq, detail)


def _carried(board: Board, votes: tuple[Vote, ...]) -> bool:
    said = Counter((vote.constituency == "private-sector", vote.choice) for vote in votes)
    others = _Count(said[False, "for"], said[False, "against"])
    everyone = _Count(others.ayes + said[True, "for"], others.noes + said[True, "against"])
    if board.private_decisive:
        return _outweighs(board, everyone)
    if not _outweighs(board, others):
        return False
    return others.noes == 0 or _outweighs(board, everyone)


def _outweighs(board: Board, count: _Count) -> bool:
    needed, of = board.majority_numerator, board.majority_denominator
    return count.ayes > count.noes and count.ayes * (of - needed) >= count.noes * needed


def _check_cost(rows: Rows, told: Told) -> None:
    """Hold that a cost that somebody decided on is within what needs no vote."""
    cost: Any = next(state for kind, state in told.sets if kind == "cost")
    board: Any = rows["board"].get(cost.fund)
    if board is not None and cost.kind == "direct" and cost.amount_minor > board.limit_minor:
        detail = f"Cost {cost.id} of {cost.amount_minor} has no vote of its board."
        raise Differs("vote-used", told.seq, detail)


def _check_use(rows: Rows, told: Told, motions: list[Motion]) -> None:
    """Hold that what a board must decide was decided by it, by a motion used for just that."""
    kind = _FIRST_OF[told.verb]
    taken: Any = next(state for each, state in told.sets if each == kind)
    fund = taken.from_fund if kind == "disbursement" else taken.fund
    board: Any = rows["board"].get(fund)
    if not taken.motion:
        if motions or (board is not None and taken.amount_minor > board.limit_minor):
            detail = f"{kind} {taken.id} of {taken.amount_minor} has no vote of its board."
            raise Differs("vote-used", told.seq, detail)
        return
    matter = taken.id if kind == "disbursement" else ""
    sound = [(motion.id, motion.used_by, motion.status) for motion in motions] == [
        (taken.motion, taken.id, "used")
    ]
    sound = sound and all(
        (motion.fund, motion.disbursement) == (fund, matter)
        and motion.amount_minor >= taken.amount_minor
        and (not motion.shares or {*motion.shares} == {*taken.shares})
        for motion in motions
    )
    if not sound:
        raise Differs("vote-used", told.seq, f"Motion {taken.motion} is not about {taken.id}.")
