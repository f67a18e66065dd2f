"""Boards: seats by constituency, the rule by which they decide, and how votes are counted.

A motion is counted in two steps. First the quorum: enough seats present, from enough
constituencies; a recused seat is not present. Then the majority among those who voted for or
against. Where the fund's rule does not say otherwise, the private sector alone is never decisive:
its votes carry nothing that the other constituencies would not carry by themselves, and they stop
nothing that no other constituency opposes.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct, structs

from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.permissions import OPERATOR
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id

Constituency = Literal["un", "donor", "government", "civil-society", "private-sector"]
CONSTITUENCIES: tuple[str, ...] = get_args(Constituency)
PRIVATE = "private-sector"
Choice = Literal["for", "against", "abstain"]
RECUSED = "recused"
"""What stands in the place of a vote once a conflict of interest is declared."""
CHOICES: tuple[str, ...] = (*get_args(Choice), RECUSED)

Part = Annotated[int, Meta(ge=1, le=1_000)]


class Board(Noun, frozen=True, kw_only=True):
    """A fund's rule for deciding together; its id is the fund's.

    Attributes:
        fund: whose board.
        currency: the fund's.
        limit_minor: an allocation or disbursement above this needs a carried motion.
        quorum_seats: so many seats must be present.
        quorum_constituencies: from so many constituencies.
        majority_numerator: of those for or against, so many parts ...
        majority_denominator: ... of so many must be for, and always more for than against.
        private_decisive: whether the private sector's votes count like all others'.
    """

    fund: str
    currency: str
    limit_minor: int
    quorum_seats: int
    quorum_constituencies: int
    majority_numerator: int
    majority_denominator: int
    private_decisive: bool


class Seat(Noun, frozen=True, kw_only=True):
    """A seat on a fund's board, and who holds it.

    Attributes:
        fund: whose board.
        constituency: one of CONSTITUENCIES.
        party: who holds it.
        holder: the one key that may speak for it, or "" for any of the party's with the role board.
        since: the first day.
        until: the last day, None while the end is open.
    """

    fund: str
    constituency: str
    party: str
    holder: str = ""
    since: date
    until: date | None = None


class Vote(Struct, frozen=True):
    """What a seat said to a motion.

    Attributes:
        seat: which seat; one has one vote.
        constituency: the seat's, when it voted.
        choice: one of CHOICES.
    """

    seat: str
    constituency: str
    choice: str


class SetBoard(Command, frozen=True, kw_only=True):
    """Set the rule by which a fund's board decides; without `limit`, everything needs a vote."""

    fund: Id
    limit: Money | None = None
    quorum_seats: Part = 1
    quorum_constituencies: Annotated[int, Meta(ge=1, le=len(CONSTITUENCIES))] = 1
    majority_numerator: Part = 1
    majority_denominator: Part = 2
    private_decisive: bool = False


class TakeSeat(Command, frozen=True, kw_only=True):
    """Seat a party on a fund's board, for a constituency and a term."""

    id: Id | None = None
    fund: Id
    constituency: Constituency
    party: Id
    holder: Id | None = None
    since: date | None = None
    until: date | None = None


class VacateSeat(Command, frozen=True, kw_only=True):
    """End a seat: its holder votes no more."""

    seat: Id


def set_board(act: Act, command: SetBoard, fund: Fund) -> Draft:
    """Record the rule by which a board decides.

    Raises:
        Invalid: `majority-malformed` unless it is from a half to the whole; as `Fund.amount`.
    """
    parts, of = command.majority_numerator, command.majority_denominator
    if not of <= 2 * parts <= 2 * of:
        detail = f"A majority is from a half to the whole; {parts}/{of} is not."
        raise Invalid("majority-malformed", detail, "/majority_numerator")
    board = Board(
        id=fund.id,
        status="set",
        fund=fund.id,
        currency=fund.currency,
        limit_minor=fund.amount(command.limit, "/limit") if command.limit else 0,
        quorum_seats=command.quorum_seats,
        quorum_constituencies=command.quorum_constituencies,
        majority_numerator=parts,
        majority_denominator=of,
        private_decisive=command.private_decisive,
    )
    return Draft(effective_on=act.on, sets=(board,), funds=(fund.id,))


def must_be_within(board: Board | None, amount_minor: int, instead: str) -> None:
    """Hold that an amount is within what is decided without a vote.

    Args:
        board: the fund's, if it has one.
        amount_minor: how much, in the fund's currency.
        instead: what to do above the limit.

    Raises:
        Refused: `vote-missing`.
    """
    if board is not None and amount_minor > board.limit_minor:
        limit = decimal_text(board.limit_minor, board.currency)
        detail = f"Above {limit} {board.currency} fund {board.fund}'s board votes: {instead}."
        raise Refused("vote-missing", detail, "/motion")


def take_seat(act: Act, command: TakeSeat, seat_id: str) -> Draft:
    """Record who holds a seat, and until when.

    Raises:
        Invalid: `term-backwards`.
    """
    since = command.since or act.on
    if command.until is not None and command.until < since:
        raise Invalid("term-backwards", f"{command.until} is before {since}.", "/until")
    seat = Seat(
        id=seat_id,
        status="held",
        fund=command.fund,
        constituency=command.constituency,
        party=command.party,
        holder=command.holder or "",
        since=since,
        until=command.until,
    )
    return Draft(effective_on=act.on, sets=(seat,), funds=(seat.fund,))


def vacate(act: Act, seat: Seat) -> Draft:
    """Record that a seat is empty.

    Raises:
        Refused: `seat-vacant`.
    """
    if seat.status != "held":
        raise Refused("seat-vacant", f"Seat {seat.id} is {seat.status} already.", "/seat")
    return Draft(
        effective_on=act.on, sets=(structs.replace(seat, status="vacated"),), funds=(seat.fund,)
    )


def speak(act: Act, seat: Seat, fund: str) -> None:
    """Let the actor speak for a seat on a fund's board, on a day of its term.

    Raises:
        Invalid: `party-not-allowed` when somebody else holds it.
        Refused: `seat-other`, `seat-vacant`, `seat-expired`.
    """
    actor = act.actor
    if actor.role != OPERATOR and (actor.party != seat.party or seat.holder not in ("", actor.key)):
        holder = f"key {seat.holder} of {seat.party}" if seat.holder else seat.party
        raise Invalid("party-not-allowed", f"Seat {seat.id} is held by {holder}.", "/seat")
    if seat.fund != fund:
        detail = f"Seat {seat.id} is on the board of fund {seat.fund}; this is before fund {fund}."
        raise Refused("seat-other", detail, "/seat")
    if seat.status != "held":
        raise Refused("seat-vacant", f"Seat {seat.id} is {seat.status}.", "/seat")
    if not _in_term(seat, act.on):
        until = f" to {seat.until}" if seat.until else ""
        detail = f"Seat {seat.id} is held from {seat.since}{until}; today is {act.on}."
        raise Refused("seat-expired", detail, "/seat")


def _in_term(seat: Seat, day: date) -> bool:
    return seat.since <= day and (seat.until is None or day <= seat.until)


# Counting ----------------------------------------------------------------------------------------


def tally(votes: Iterable[Vote]) -> dict[str, dict[str, int]]:
    """Return constituency -> choice -> how many seats, zeros too."""
    counted = {each: dict.fromkeys(CHOICES, 0) for each in CONSTITUENCIES}
    for vote in votes:
        counted[vote.constituency][vote.choice] += 1
    return counted


def counting(votes: Iterable[Vote], seats: Iterable[Seat], day: date) -> tuple[Vote, ...]:
    """Return the votes of seats that are held on a day: who left, left the vote to who follows."""
    held = {seat.id for seat in seats if seat.status == "held" and _in_term(seat, day)}
    return tuple(vote for vote in votes if vote.seat in held)


def lacking(board: Board, votes: Iterable[Vote]) -> str:
    """Tell what a quorum lacks, or "" when it is there; recused seats are not present."""
    present = [vote for vote in votes if vote.choice != RECUSED]
    from_ = len({vote.constituency for vote in present})
    if len(present) >= board.quorum_seats and from_ >= board.quorum_constituencies:
        return ""
    return (
        f"{len(present)} seats of {from_} constituencies voted; the quorum is"
        f" {board.quorum_seats} of {board.quorum_constituencies}."
    )


def is_majority(board: Board, votes: Iterable[Vote]) -> bool:
    """Tell whether those for are the board's majority of those for or against."""
    choices = [vote.choice for vote in votes]
    ayes, noes = choices.count("for"), choices.count("against")
    enough = ayes * board.majority_denominator >= board.majority_numerator * (ayes + noes)
    return enough and ayes > noes


def carries(board: Board, votes: Sequence[Vote]) -> bool:
    """Tell whether votes carry a motion, once there is a quorum.

    Unless the board's rule lets the private sector decide: without its votes the motion must
    have its majority too; and with them it is lost only if another constituency opposes it.
    """
    whole = is_majority(board, votes)
    if board.private_decisive:
        return whole
    others = [vote for vote in votes if vote.constituency != PRIVATE]
    opposed = any(vote.choice == "against" for vote in others)
    return is_majority(board, others) and (whole or not opposed)
