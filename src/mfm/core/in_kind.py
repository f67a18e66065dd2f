"""Contributions in kind: expertise given instead of money, at an agreed value (IATI 11 and 1)."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.money import Money, convert
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text

Hours = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9][0-9]{0,6})(\.[0-9]{1,2})?$(?!\n)",
        description="A decimal string, such as 37.5",
    ),
]
Channel = Annotated[
    Literal["3", "4"],
    Meta(description="IATI disbursement channel: 3 through a third party, 4 by the donor itself"),
]


class InKind(Noun, frozen=True, kw_only=True):
    """Expertise given and used.

    Attributes:
        fund: to which fund.
        donor: by which party.
        currency: the fund's.
        hours: how many, a decimal string.
        hour_minor: the agreed value of one.
        amount_minor: hours times that, half to even.
        channel: IATI disbursement channel, 3 or 4.
    """

    fund: str
    donor: str
    currency: str
    hours: str
    hour_minor: int
    amount_minor: int
    channel: str


class RecordInKind(Command, frozen=True, kw_only=True):
    """Record expertise given and used, at the agreed value of an hour."""

    id: Id | None = None
    fund: Id
    donor: Id
    hours: Hours
    hour: Money
    channel: Channel = "4"
    effective_on: date | None = None
    description: Text = ""


def record(act: Act, command: RecordInKind, in_kind_id: str, fund: Fund) -> Draft:
    """Record a service given and used in one entry: 1200 / 4140, IATI 11; 5800 / 1200, IATI 1.

    It is 5800 / 4140 by way of 1200, which it leaves as it was: promised and received at once, so
    that both are reported. No cash, and so no authority.

    Raises:
        Invalid: `currency-not-fund`, `amount-zero`.
    """
    hour_minor = fund.amount(command.hour, "/hour")
    amount_minor = 0
    if command.hours.strip("0."):
        amount_minor = convert(hour_minor, fund.currency, fund.currency, command.hours)
    if not amount_minor:
        raise Invalid("amount-zero", "These hours are worth nothing.", "/hours")
    made = InKind(
        id=in_kind_id,
        status="recorded",
        fund=fund.id,
        donor=command.donor,
        currency=fund.currency,
        hours=command.hours,
        hour_minor=hour_minor,
        amount_minor=amount_minor,
        channel=command.channel,
    )
    postings = (
        fund.move(("1200", ""), ("4140", ""), amount_minor, 11),
        fund.move(("5800", ""), ("1200", ""), amount_minor, 1),
    )
    return Draft(effective_on=act.on, sets=(made,), postings=postings)
