"""Motions: a matter put to a board's vote, its votes and conflicts of interest, and its use."""

from collections.abc import Iterable
from datetime import date

from msgspec import structs

from mfm.core import boards
from mfm.core.allocations import Allocation, Share, ShareTerm, named_shares
from mfm.core.boards import RECUSED, Board, Choice, Seat, Vote, must_be_within
from mfm.core.disbursements import Disbursement
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text

Taken = Allocation | Disbursement
"""What a carried motion lets somebody approve."""


class Motion(Noun, frozen=True, kw_only=True):
    """A matter before a fund's board: open, then carried or lost, and used once.

    Attributes:
        fund: whose board.
        currency: the fund's.
        amount_minor: of the allocation, at the most, or of the disbursement.
        shares: which contributions the allocation is to draw on; empty leaves it open.
        disbursement: which one is to be approved, or "" for an allocation.
        beneficiary: the grantee of that disbursement, who may not vote on it, or "".
        closes_on: the first day on which it may be closed, or None.
        votes: by seat, in the order of their first vote; once closed, those that counted.
        used_by: the allocation or disbursement that was approved by it, or "".
    """

    fund: str
    currency: str
    amount_minor: int
    shares: tuple[Share, ...] = ()
    disbursement: str = ""
    beneficiary: str = ""
    closes_on: date | None = None
    votes: tuple[Vote, ...] = ()
    used_by: str = ""


class ProposeMotion(Command, frozen=True, kw_only=True):
    """Put an allocation of an amount, or a disbursement, to the vote of a fund's board."""

    id: Id | None = None
    fund: Id
    amount: Money | None = None
    shares: tuple[ShareTerm, ...] = ()
    disbursement: Id | None = None
    closes_on: date | None = None
    description: Text = ""


class CastVote(Command, frozen=True, kw_only=True):
    """Vote for a seat; another vote takes the place of the one before."""

    motion: Id
    seat: Id
    choice: Choice


class DeclareConflict(Command, frozen=True, kw_only=True):
    """Declare a seat's conflict of interest: it takes no part in this vote."""

    motion: Id
    seat: Id
    reason: Text = ""


class CloseMotion(Command, frozen=True, kw_only=True):
    """Count the votes of a motion."""

    motion: Id


def propose(
    act: Act, command: ProposeMotion, motion_id: str, fund: Fund, disbursement: Disbursement | None
) -> Draft:
    """Record a motion; no money moves.

    Raises:
        Invalid: `motion-matter` unless it is one allocation or one disbursement of the fund;
            as `Fund.amount`.
        Refused: `shares-differ`.
    """
    if (command.amount is None) == (disbursement is None) or (disbursement and command.shares):
        detail = "A motion is about an allocation's amount or about a disbursement, not both."
        raise Invalid("motion-matter", detail, "/amount")
    shares: tuple[Share, ...] = ()
    if disbursement is not None:
        if disbursement.from_fund != fund.id:
            detail = f"Disbursement {disbursement.id} is of fund {disbursement.from_fund}."
            raise Invalid("motion-matter", detail, "/disbursement")
        amount_minor = disbursement.amount_minor
    else:
        assert command.amount is not None  # held above
        amount_minor = fund.amount(command.amount, "/amount")
        if command.shares:
            shares = named_shares(command.shares, fund, amount_minor)
    motion = Motion(
        id=motion_id,
        status="open",
        fund=fund.id,
        currency=fund.currency,
        amount_minor=amount_minor,
        shares=shares,
        disbursement=disbursement.id if disbursement else "",
        beneficiary=disbursement.to_party if disbursement else "",
        closes_on=command.closes_on,
    )
    return Draft(effective_on=act.on, sets=(motion,), funds=(fund.id,))


def _must_be_open(motion: Motion) -> None:
    if motion.status != "open":
        detail = f"Motion {motion.id} is {motion.status}; only an open one is voted on and closed."
        raise Refused("motion-state", detail, "/motion")


def cast(act: Act, motion: Motion, seat: Seat, choice: str) -> Draft:
    """Record a seat's vote, or with RECUSED its conflict of interest.

    Raises:
        Invalid: `party-not-allowed`.
        Refused: `motion-state`, `seat-other`, `seat-vacant`, `seat-expired`, `seat-recused` for
            a vote after a conflict was declared, `conflict-of-interest` for a vote on what the
            seat's own holder is to be paid.
    """
    boards.speak(act, seat, motion.fund)
    _must_be_open(motion)
    votes = {vote.seat: vote for vote in motion.votes}
    if seat.id in votes and votes[seat.id].choice == RECUSED:
        detail = f"Seat {seat.id} has declared a conflict of interest in motion {motion.id}."
        raise Refused("seat-recused", detail, "/seat")
    if choice != RECUSED and seat.party == motion.beneficiary:
        detail = f"Seat {seat.id} is held by {seat.party}, to whom motion {motion.id} would pay."
        raise Refused("conflict-of-interest", detail, "/seat")
    votes[seat.id] = Vote(seat.id, seat.constituency, choice)
    voted = structs.replace(motion, votes=tuple(votes.values()))
    return Draft(effective_on=act.on, sets=(voted,), funds=(motion.fund,))


def close(act: Act, motion: Motion, board: Board, seats: Iterable[Seat]) -> Draft:
    """Record that a motion is carried or lost, by the board's rule and its seats of this day.

    A vote of a seat that is not held any more does not count, and the closed motion leaves it out.

    Args:
        act: who, and the day.
        motion: which.
        board: its fund's.
        seats: those that voted, as they stand.

    Raises:
        Refused: `motion-state`, `motion-early`, `quorum-missing` (the motion stays open).
    """
    _must_be_open(motion)
    if motion.closes_on is not None and act.on < motion.closes_on:
        detail = f"Motion {motion.id} may be closed from {motion.closes_on}; today is {act.on}."
        raise Refused("motion-early", detail, "/motion")
    votes = boards.counting(motion.votes, seats, act.on)
    if lack := boards.lacking(board, votes):
        raise Refused("quorum-missing", lack, "/motion")
    status = "carried" if boards.carries(board, votes) else "lost"
    closed = structs.replace(motion, status=status, votes=votes)
    return Draft(effective_on=act.on, sets=(closed,), funds=(motion.fund,))


def use(board: Board | None, motion: Motion | None, taken: Taken) -> Motion | None:
    """Return the motion that an approval uses up, or None where it needs and names none.

    A disbursement that was approved by it, returned and asked for again may use it again.

    Raises:
        Refused: `vote-missing` above the board's limit, and for a motion that is not carried;
            `vote-other` for one about something else, or about less; `vote-used`.
    """
    if motion is None:
        must_be_within(board, taken.amount_minor, "name its carried motion")
        return None
    if motion.used_by not in ("", taken.id):
        detail = f"Motion {motion.id} was used by {motion.used_by}."
        raise Refused("vote-used", detail, "/motion")
    if motion.status not in ("carried", "used"):
        detail = f"Motion {motion.id} is {motion.status}, not carried."
        raise Refused("vote-missing", detail, "/motion")
    if reason := _other(motion, taken):
        raise Refused("vote-other", f"Motion {motion.id} is {reason}.", "/motion")
    return structs.replace(motion, status="used", used_by=taken.id)


def _other(motion: Motion, taken: Taken) -> str:
    """Tell in what a motion is about something else than what is approved, or ""."""
    fund = taken.from_fund if isinstance(taken, Disbursement) else taken.fund
    subject = taken.id if isinstance(taken, Disbursement) else ""
    reason = ""
    if motion.fund != fund:
        reason = f"before the board of fund {motion.fund}"
    elif motion.disbursement != subject:
        matter = motion.disbursement
        reason = f"about disbursement {matter}" if matter else "about an allocation"
    elif motion.amount_minor < taken.amount_minor:
        amount = decimal_text(motion.amount_minor, motion.currency)
        reason = f"about {amount} {motion.currency} at the most"
    elif (
        motion.shares and isinstance(taken, Allocation) and set(motion.shares) != set(taken.shares)
    ):
        reason = "about other shares"
    return reason
