"""Tranches paid out of foreign money."""

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
)
from mfm.core.funds import Fund
from mfm.core.money import Money, convert, decimal_text, minor
from mfm.core.record import Draft, Noun


class ForeignPayment(Noun, frozen=True, kw_only=True):
    """How a tranche was paid out of foreign money; its id is the disbursement's.

    Attributes:
        fund: who paid.
        currency: the fund's.
        amount_minor: what was owed.
        original_currency: what it was paid in.
        original_minor: how much of that.
        rate: units of the fund's currency for one of the other, as agreed for this payment.
        rate_source: where the rate is from.
        carried_minor: at what the money paid was carried.
        shares: of a loss, what each contribution's unallocated authority bore.
    """

    fund: str
    currency: str
    amount_minor: int
    original_currency: str
    original_minor: int
    rate: str
    rate_source: str = ""
    carried_minor: int
    shares: tuple[Share, ...] = ()

    @property
    def gained_minor(self) -> int:
        """What was realised; below zero for a loss."""
        return self.amount_minor - self.carried_minor


def pay(
    draft: Draft,
    fund: Fund,
    terms: tuple[str, Money, str, str],
    books: tuple[Position, dict[str, int], str],
) -> Draft:
    """Record that a payment was made out of foreign money: 1190 for 1100, and the difference.

    Args:
        draft: the payment as if it were out of 1100 in the fund's currency.
        fund: who pays.
        terms: the disbursement's id, the amount paid, its agreed rate into the fund's currency, and
            where that is from.
        books: the position in that currency, the unallocated authority by source, and the newest
            published rate of that currency, or "".

    Raises:
        Invalid: `paid-differs` unless the amount at the rate is what is owed; `rate-needless`.
        Refused: `rate-implausible`; `authority-exceeded`; `balance-floor`.
    """
    name, paid, rate, rate_source = terms
    position, available_minor, published = books
    currency, original_minor = paid.currency, minor(paid, "/paid")
    out = next(posting for posting in draft.postings if posting.credit.code == "1100")
    _check_paid(out.amount_minor, fund, (currency, original_minor, rate))
    made = ForeignPayment(
        id=name,
        status="paid",
        fund=fund.id,
        currency=fund.currency,
        amount_minor=out.amount_minor,
        original_currency=currency,
        original_minor=original_minor,
        rate=rate,
        rate_source=rate_source,
        carried_minor=position.cost(original_minor),
    )
    must_be_plausible(fund, position, (original_minor, out.amount_minor), published)
    shares = bearers(fund, made.gained_minor, available_minor)
    instead = structs.replace(out, credit=fund.account("1190", pair(fund, currency)))
    postings = (
        give_out(fund, currency, out.credit.subject, original_minor),
        *(instead if posting is out else posting for posting in draft.postings),
        *differ(fund, currency, made.gained_minor),
        *authority(fund, made.gained_minor, shares),
    )
    made = structs.replace(made, shares=shares)
    return structs.replace(draft, sets=(*draft.sets, made), postings=postings)


def _check_paid(owed_minor: int, fund: Fund, paid: tuple[str, int, str]) -> None:
    """Hold that what was paid is, at its rate, what is owed: to one minor unit of either."""
    currency, original_minor, rate = paid
    if currency == fund.currency:
        detail = f"A payment in {currency} is in the fund's own currency: leave paid out."
        raise Invalid("rate-needless", detail, "/paid")
    worth_minor = convert(original_minor, currency, fund.currency, rate)
    least_minor = convert(1, currency, fund.currency, rate) + 1
    if abs(worth_minor - owed_minor) > least_minor:
        told = decimal_text(worth_minor, fund.currency)
        owed = decimal_text(owed_minor, fund.currency)
        detail = f"At {rate} this is {told} {fund.currency}; {owed} is owed."
        raise Invalid("paid-differs", detail, "/paid")
