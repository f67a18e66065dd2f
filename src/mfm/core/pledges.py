"""Pledges: announced, not binding; a memo in BUD and IATI 13."""

from datetime import date

from msgspec import structs

from mfm.core.errors import Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import Act, Command, Id, Text


class Pledge(Noun, frozen=True, kw_only=True):
    """A non-binding announcement.

    Attributes:
        fund: to which fund.
        donor: by which party.
        currency: the fund's.
        amount_minor: as announced.
        outstanding_minor: not yet converted into a commitment, and not lapsed.
    """

    fund: str
    donor: str
    currency: str
    amount_minor: int
    outstanding_minor: int


class AnnouncePledge(Command, frozen=True, kw_only=True):
    """Announce a pledge."""

    id: Id | None = None
    fund: Id
    donor: Id
    amount: Money
    effective_on: date | None = None
    description: Text = ""


class LapsePledge(Command, frozen=True, kw_only=True):
    """Let a pledge lapse, in whole or in part."""

    pledge: Id
    amount: Money | None = None
    effective_on: date | None = None
    reason: Text = ""


def announce(act: Act, command: AnnouncePledge, pledge_id: str, fund: Fund) -> Draft:
    """Record a pledge: 9100 / 9190, IATI 13."""
    amount_minor = fund.amount(command.amount, "/amount")
    pledge = Pledge(
        id=pledge_id,
        status="announced",
        fund=fund.id,
        donor=command.donor,
        currency=fund.currency,
        amount_minor=amount_minor,
        outstanding_minor=amount_minor,
    )
    posting = fund.move(("9100", pledge_id), ("9190", pledge_id), amount_minor, 13)
    return Draft(effective_on=act.on, sets=(pledge,), postings=(posting,))


def take(pledge: Pledge, fund: Fund, amount_minor: int, ending: str) -> tuple[Pledge, Posting]:
    """Take a part out of a pledge: 9190 / 9100, a negative IATI 13.

    Args:
        pledge: the pledge.
        fund: its fund.
        amount_minor: how much of it ends.
        ending: its status once nothing is outstanding: converted or lapsed.

    Raises:
        Refused: `pledge-exceeded`.
    """
    if amount_minor > pledge.outstanding_minor:
        left = decimal_text(pledge.outstanding_minor, pledge.currency)
        detail = f"Pledge {pledge.id} has {left} {pledge.currency} outstanding."
        raise Refused("pledge-exceeded", detail, "/amount")
    rest_minor = pledge.outstanding_minor - amount_minor
    changed = structs.replace(
        pledge, outstanding_minor=rest_minor, status=pledge.status if rest_minor else ending
    )
    return changed, fund.move(("9190", pledge.id), ("9100", pledge.id), amount_minor, -13)


def lapse(act: Act, command: LapsePledge, pledge: Pledge, fund: Fund) -> Draft:
    """Record that a pledge, or a part of it, will not come.

    Raises:
        Refused: `pledge-exceeded`, `pledge-ended`.
    """
    if not pledge.outstanding_minor:
        raise Refused("pledge-ended", f"Pledge {pledge.id} is {pledge.status} already.")
    amount_minor = pledge.outstanding_minor
    if command.amount is not None:
        amount_minor = fund.amount(command.amount, "/amount")
    changed, posting = take(pledge, fund, amount_minor, "lapsed")
    return Draft(effective_on=act.on, sets=(changed,), postings=(posting,))
