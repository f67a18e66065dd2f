"""Boards: the rule of each fund's, and who sits on it."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import boards as rules
from mfm.core.boards import Board, Seat, SetBoard, TakeSeat, VacateSeat
from mfm.core.funds import Fund
from mfm.core.keys import ApiKey
from mfm.core.parties import Party
from mfm.core.record import Draft


async def set_board(context: Context, command: SetBoard) -> Draft:
    """Set from which amount a fund's board votes, and how its votes are counted."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    return rules.set_board(context.act(None, fund), command, fund)


async def take_seat(context: Context, command: TakeSeat) -> Draft:
    """Seat a party on a fund's board, for a constituency."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    await context.get(Board, command.fund, "/fund")
    await context.get(Party, command.party, "/party")
    if command.holder is not None:
        await context.get(ApiKey, command.holder, "/holder")
    seat_id = await context.new_id(Seat, command.id)
    return rules.take_seat(context.act(None, fund), command, seat_id)


async def vacate(context: Context, command: VacateSeat) -> Draft:
    """End a seat."""
    seat = await context.get(Seat, command.seat, "/seat")
    context.require((seat.fund,))
    fund = await context.get(Fund, seat.fund)
    return rules.vacate(context.act(None, fund), seat)


VERBS = (
    Verb("board.set", SetBoard, set_board, "/funds/{fund}/board"),
    Verb("board.seat", TakeSeat, take_seat, "/seats"),
    Verb("board.vacate", VacateSeat, vacate, "/seats/{seat}/vacate", (Seat, "seat")),
)
