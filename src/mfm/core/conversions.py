"""Money changed at the bank, between a fund's currency and another."""

from datetime import date

from msgspec import structs

from mfm.core.allocations import Share
from mfm.core.errors import Invalid
from mfm.core.exchange import (
    Position,
    authority,
    bearers,
    differ,
    give_out,
    must_be_plausible,
    pair,
    take_in,
)
from mfm.core.funds import Fund
from mfm.core.money import Money, minor
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text


class Conversion(Noun, frozen=True, kw_only=True):
    """Money changed at the bank, between the fund's currency and another.

    Attributes:
        fund: whose.
        currency: the fund's.
        amount_minor: how much of it was given or got.
        original_currency: the other currency.
        original_minor: how much of that was got or given.
        bought: whether the other currency was bought.
        carried_minor: at what the other money was carried: bought, what was given for it.
        shares: of a loss, what each contribution's unallocated authority bore.
    """

    fund: str
    currency: str
    amount_minor: int
    original_currency: str
    original_minor: int
    bought: bool
    carried_minor: int
    shares: tuple[Share, ...] = ()

    @property
    def gained_minor(self) -> int:
        """What was realised; below zero for a loss."""
        return 0 if self.bought else self.amount_minor - self.carried_minor


class ConvertMoney(Command, frozen=True, kw_only=True):
    """Change money at the bank: one side is in the fund's currency, the other in another."""

    id: Id | None = None
    fund: Id
    sold: Money
    sold_from: Id = "main"
    bought: Money
    bought_to: Id
    effective_on: date | None = None
    description: Text = ""


def sides(command: ConvertMoney, fund: Fund) -> tuple[int, int, str]:
    """Return what is given or got in the fund's currency, in the other, and which that is.

    Raises:
        Invalid: `conversion-currency` unless just one side is in the fund's currency; as `minor`.
    """
    sold_minor, bought_minor = minor(command.sold, "/sold"), minor(command.bought, "/bought")
    currencies = command.sold.currency, command.bought.currency
    if currencies[0] == currencies[1] or fund.currency not in currencies:
        detail = f"One side is in {fund.currency}, the other in another currency."
        raise Invalid("conversion-currency", detail, "/bought/currency")
    if currencies[0] == fund.currency:
        return sold_minor, bought_minor, currencies[1]
    return bought_minor, sold_minor, currencies[0]


def change(
    act: Act,
    command: ConvertMoney,
    conversion_id: str,
    fund: Fund,
    books: tuple[Position, dict[str, int], str],
) -> Draft:
    """Record money changed: 1190 / 1100 and, in the other currency, 1100 / 1190; or back.

    What is sold leaves at its share of what the position is carried at; what it brings beyond is
    realised (4900), what it lacks too (5900), with the authority that cash creates.

    Args:
        act: who, and the day.
        command: what is asked.
        conversion_id: its id.
        fund: whose money.
        books: the position in the other currency, the unallocated authority by source, and the
            newest published rate of that currency, or "".

    Raises:
        Invalid: as `sides`.
        Refused: `rate-implausible`; `authority-exceeded`; `balance-floor`.
    """
    own_minor, original_minor, currency = sides(command, fund)
    bought = command.bought.currency == currency
    position, available_minor, published = books
    made = Conversion(
        id=conversion_id,
        status="converted",
        fund=fund.id,
        currency=fund.currency,
        amount_minor=own_minor,
        original_currency=currency,
        original_minor=original_minor,
        bought=bought,
        carried_minor=own_minor if bought else position.cost(original_minor),
    )
    must_be_plausible(fund, position, (original_minor, own_minor), published)
    subject = ("1190", pair(fund, currency))
    if bought:
        foreign = take_in(fund, currency, command.bought_to, original_minor)
        spent = fund.move(subject, ("1100", command.sold_from), own_minor)
        return Draft(effective_on=act.on, sets=(made,), postings=(foreign, spent))
    shares = bearers(fund, made.gained_minor, available_minor)
    postings = (
        give_out(fund, currency, command.sold_from, original_minor),
        fund.move(("1100", command.bought_to), subject, own_minor),
        *differ(fund, currency, made.gained_minor),
        *authority(fund, made.gained_minor, shares),
    )
    sold = structs.replace(made, shares=shares)
    return Draft(effective_on=act.on, sets=(sold,), postings=postings)
