"""Deposits: a contribution's money at the bank, converted on receipt (IATI 1); the agent's fee."""

from datetime import date
from typing import Annotated

from msgspec import Meta, structs

from mfm.core.commitments import Commitment, standing
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, convert, minor, share
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import NO_NUL, Act, Command, Id, Text

Rate = Annotated[
    str, Meta(max_length=24, description="Units of the fund's currency for one of the deposit's")
]
RateSource = Annotated[
    str, Meta(max_length=200, pattern=NO_NUL, description="Who published the rate, and when")
]


class Deposit(Noun, frozen=True, kw_only=True):
    """Money received from a donor.

    Attributes:
        commitment: the contribution it belongs to.
        fund: whose bank account it reached.
        bank_account: which one.
        currency: the fund's.
        amount_minor: what it is worth in the fund's currency on receipt.
        settled_minor: how much of the contribution it settles, in the fund's currency.
        original_currency: as sent.
        original_minor: as sent, minor units of `original_currency`.
        rate: the rate used, or "".
        rate_source: where the rate is from, or "".
        fee_minor: the administrative agent's fee charged on it.
    """

    commitment: str
    fund: str
    bank_account: str
    currency: str
    amount_minor: int
    settled_minor: int
    original_currency: str
    original_minor: int
    rate: str = ""
    rate_source: str = ""
    fee_minor: int = 0


class ReceiveDeposit(Command, frozen=True, kw_only=True):
    """Record money received under a contribution.

    A deposit in another currency names its `rate`; `settles` says how much of the contribution
    it settles, where that differs from its worth, and the rest is an exchange difference.
    """

    id: Id | None = None
    commitment: Id
    amount: Money
    bank_account: Id = "main"
    rate: Rate | None = None
    rate_source: RateSource = ""
    settles: Money | None = None
    effective_on: date | None = None
    description: Text = ""


class ChargeFee(Command, frozen=True, kw_only=True):
    """Charge the administrative agent's fee on a deposit, at the fund's rate."""

    deposit: Id
    effective_on: date | None = None


def _worth(command: ReceiveDeposit, fund: Fund) -> tuple[int, int]:
    """Return the deposit's worth and what it settles, in minor units of the fund's currency."""
    original_minor = minor(command.amount, "/amount")
    if command.amount.currency == fund.currency:
        if command.rate is not None or command.settles is not None:
            detail = f"A deposit in {fund.currency} needs no rate and settles its own amount."
            raise Invalid("rate-needless", detail, "/rate")
        return original_minor, original_minor
    if command.rate is None:
        detail = f"A deposit in {command.amount.currency} needs its rate into {fund.currency}."
        raise Invalid("rate-missing", detail, "/rate")
    worth_minor = convert(original_minor, command.amount.currency, fund.currency, command.rate)
    settles_minor = worth_minor
    if command.settles is not None:
        settles_minor = fund.amount(command.settles, "/settles")
    if not worth_minor:
        raise Invalid("amount-zero", "Converted, this deposit is worth nothing.", "/amount")
    return worth_minor, settles_minor


def _postings(fund: Fund, deposit: Deposit) -> list[Posting]:
    """Return 1100 / 1200 with the exchange difference, and the authority that cash creates."""
    cash, owed = ("1100", deposit.bank_account), ("1200", deposit.commitment)
    worth_minor, settled_minor = deposit.amount_minor, deposit.settled_minor
    postings = [fund.move(cash, owed, min(worth_minor, settled_minor), 1)]
    if worth_minor < settled_minor:
        postings.append(fund.move(("5900", ""), owed, settled_minor - worth_minor))
    elif worth_minor > settled_minor:
        postings.append(fund.move(cash, ("4900", ""), worth_minor - settled_minor, 1))
    postings.append(fund.move(("9399", ""), ("9300", deposit.commitment), worth_minor))
    return postings


def receive(
    act: Act, command: ReceiveDeposit, deposit_id: str, commitment: Commitment, fund: Fund
) -> Draft:
    """Record a deposit: 1100 (4900 or 5900) / 1200, IATI 1; and 9399 / 9300 of the contribution.

    Raises:
        Invalid: `commitment-kind`, `rate-missing`, `rate-needless`, `rate-malformed`.
        Refused: `balance-floor` (by the journal) when more is settled than is owed.
    """
    if commitment.kind != "contribution":
        detail = f"Commitment {commitment.id} is a {commitment.kind}; it is confirmed instead."
        raise Invalid("commitment-kind", detail, "/commitment")
    worth_minor, settled_minor = _worth(command, fund)
    deposit = Deposit(
        id=deposit_id,
        status="received",
        commitment=commitment.id,
        fund=fund.id,
        bank_account=command.bank_account,
        currency=fund.currency,
        amount_minor=worth_minor,
        settled_minor=settled_minor,
        original_currency=command.amount.currency,
        original_minor=minor(command.amount),
        rate=command.rate or "",
        rate_source=command.rate_source,
    )
    paid = structs.replace(commitment, paid_minor=commitment.paid_minor + settled_minor)
    paid = structs.replace(paid, status=standing(paid))
    postings = tuple(_postings(fund, deposit))
    return Draft(effective_on=act.on, sets=(deposit, paid), postings=postings)


def charge_fee(act: Act, deposit: Deposit, fund: Fund) -> Draft:
    """Record the administrative agent's fee on a gross deposit: 5400 / 1100, IATI 4; 9300 / 9340.

    Raises:
        Refused: `fee-charged`, `fee-zero`.
    """
    if deposit.fee_minor:
        raise Refused("fee-charged", f"The fee on deposit {deposit.id} is charged already.")
    fee_minor = share(deposit.amount_minor, fund.fee_basis_points)
    if not fee_minor:
        raise Refused("fee-zero", f"At fund {fund.id}'s rate the fee on this deposit is nothing.")
    postings = (
        fund.move(("5400", deposit.id), ("1100", deposit.bank_account), fee_minor, 4),
        fund.move(("9300", deposit.commitment), ("9340", ""), fee_minor),
    )
    charged = structs.replace(deposit, fee_minor=fee_minor)
    return Draft(effective_on=act.on, sets=(charged,), postings=postings)
