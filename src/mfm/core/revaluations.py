"""Foreign money at the closing rates of a day: unrealised differences."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct, structs

from mfm.core.allocations import Share
from mfm.core.errors import Refused
from mfm.core.exchange import Position, authority, bearers, differ
from mfm.core.funds import Fund
from mfm.core.money import convert
from mfm.core.record import Draft, Noun
from mfm.core.terms import NO_NUL, Act, Command, Id

Published = Annotated[
    str, Meta(max_length=40, pattern=NO_NUL, description="Who published the closing rates")
]


class Revalued(Struct, frozen=True):
    """A position, revalued.

    Attributes:
        original_currency: which.
        original_minor: how much of it there was.
        carried_minor: at what it stood before.
        worth_minor: what it is worth at the closing rate.
        rate: the closing rate, into the fund's currency.
        rate_source: who published it, and for which day.
    """

    original_currency: str
    original_minor: int
    carried_minor: int
    worth_minor: int
    rate: str
    rate_source: str

    @property
    def gained_minor(self) -> int:
        """The unrealised difference; below zero for a loss."""
        return self.worth_minor - self.carried_minor


class Revaluation(Noun, frozen=True, kw_only=True):
    """A fund's foreign money at a closing rate.

    Attributes:
        fund: whose.
        currency: the fund's.
        valued_on: the day.
        lines: each position.
        shares: of a loss in all, what each contribution's unallocated authority bore.
    """

    fund: str
    currency: str
    valued_on: date
    lines: tuple[Revalued, ...]
    shares: tuple[Share, ...] = ()

    @property
    def gained_minor(self) -> int:
        """The unrealised differences together; below zero for a loss."""
        return sum(line.gained_minor for line in self.lines)


class RevalueFund(Command, frozen=True, kw_only=True):
    """Revalue a fund's foreign money at the recorded rates of a day, counting from that day."""

    id: Id | None = None
    fund: Id
    rate_on: date
    rate_source: Published = ""
    effective_on: date | None = None


def revalue(
    act: Act,
    fund: Fund,
    revaluation_id: str,
    books: tuple[tuple[Revalued, ...], dict[str, int]],
) -> Draft:
    """Record the unrealised differences of a fund's foreign money: 1190 / 4900, or 5900 / 1190.

    Together they make authority (9399 / 9300), or take it (9300 / 9399).

    Args:
        act: who, and the day.
        fund: whose money.
        revaluation_id: its id.
        books: each position with its closing rate, and the unallocated authority by source.

    Raises:
        Refused: `exchange-none`; `authority-exceeded`.
    """
    lines, available_minor = books
    if not lines:
        detail = f"Fund {fund.id} held no money in another currency on {act.on}."
        raise Refused("exchange-none", detail, "/fund")
    made = Revaluation(
        id=revaluation_id,
        status="revalued",
        fund=fund.id,
        currency=fund.currency,
        valued_on=act.on,
        lines=lines,
    )
    shares = bearers(fund, made.gained_minor, available_minor)
    postings = [
        posting
        for line in lines
        for posting in differ(fund, line.original_currency, line.gained_minor)
    ]
    postings += authority(fund, made.gained_minor, shares)
    made = structs.replace(made, shares=shares)
    return Draft(effective_on=act.on, sets=(made,), postings=tuple(postings), funds=(fund.id,))


def must_stand(then: Position, now: Position, day: date) -> None:
    """Hold that a position is today what it was on the day that it is revalued as of.

    The difference is posted onto what there is now: it must not be that of other money.

    Args:
        then: the position at the end of the day.
        now: the position as it stands.
        day: the day.

    Raises:
        Refused: `exchange-late`.
    """
    if then != now:
        detail = (
            f"The fund's {then.currency} moved after {day}, or was revalued: revalue as of a day"
            " after its last movement."
        )
        raise Refused("exchange-late", detail, "/rate_on")


def worth(fund: Fund, position: Position, rate: tuple[str, str]) -> Revalued:
    """Return a position at a closing rate, given as the rate and its source."""
    return Revalued(
        original_currency=position.currency,
        original_minor=position.original_minor,
        carried_minor=position.carried_minor,
        worth_minor=convert(position.original_minor, position.currency, fund.currency, rate[0]),
        rate=rate[0],
        rate_source=rate[1],
    )
