"""Deposits: a contribution's money at the bank, converted on receipt (IATI 1); the agent's fee."""

from datetime import date
from typing import Annotated

from msgspec import Meta, structs

from mfm.core.commitments import Commitment
from mfm.core.contributions import must_be_contribution, settle
from mfm.core.counterparts import Counterpart
from mfm.core.errors import Invalid, Refused
from mfm.core.exchange import pair, take_in
from mfm.core.funds import Fund
from mfm.core.money import Money, convert, decimal_text, minor, share
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import NO_NUL, Act, Command, Id, Text

Rate = Annotated[
    str, Meta(max_length=48, description="Units of the fund's currency for one of the deposit's")
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
        kept: whether it stays in its own currency, on a bank account of that currency.
        counterpart: the payer's record of it, in a trail of its own (`mfm/global 27`), or "".
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
    kept: bool = False
    counterpart: str = ""


class ReceiveDeposit(Command, frozen=True, kw_only=True):
    """Record money received under a contribution.

    A deposit in another currency names its `rate`, or with `rate_on` the day whose recorded rate is
    taken; `settles` says how much of the contribution it settles, where that differs from its
    worth, and the rest is an exchange difference. `keep` leaves it in its own currency, on a bank
    account of that currency. `counterpart` is the payer's record of it, in a trail of its own.
    """

    id: Id | None = None
    commitment: Id
    amount: Money
    bank_account: Id = "main"
    rate: Rate | None = None
    rate_on: date | None = None
    rate_source: RateSource = ""
    settles: Money | None = None
    keep: bool = False
    counterpart: Counterpart | None = None
    effective_on: date | None = None
    description: Text = ""


class ChargeFee(Command, frozen=True, kw_only=True):
    """Charge the administrative agent's fee on a deposit, at the fund's rate."""

    deposit: Id
    effective_on: date | None = None


def worth(amount: Money, rate: str | None, fund: Fund) -> int:
    """Return what money received is worth in the fund's currency, in minor units.

    Raises:
        Invalid: `rate-missing`, `rate-needless`, `rate-malformed`, `amount-zero`.
    """
    original_minor = minor(amount, "/amount")
    if amount.currency == fund.currency:
        if rate is not None:
            detail = f"Money in {fund.currency} needs no rate and settles its own amount."
            raise Invalid("rate-needless", detail, "/rate")
        return original_minor
    if rate is None:
        detail = f"Money in {amount.currency} needs its rate into {fund.currency}."
        raise Invalid("rate-missing", detail, "/rate")
    worth_minor = convert(original_minor, amount.currency, fund.currency, rate)
    if not worth_minor:
        raise Invalid("amount-zero", "Converted, this is worth nothing.", "/amount")
    return worth_minor


def settled(deposit: Deposit, settles: Money | None, fund: Fund) -> int:
    """Return how much of the contribution a deposit settles, in minor units: its worth unless told.

    Raises:
        Invalid: `rate-needless` for a deposit in the fund's own currency; as `Fund.amount`.
        Refused: `settles-implausible` when that is more than 25 % off its worth: an exchange
            difference is small, and what is not paid is given up by somebody else.
    """
    if settles is None:
        return deposit.amount_minor
    if deposit.original_currency == fund.currency:
        detail = f"A deposit in {fund.currency} settles its own amount."
        raise Invalid("rate-needless", detail, "/settles")
    settled_minor = fund.amount(settles, "/settles")
    if 4 * abs(settled_minor - deposit.amount_minor) > deposit.amount_minor:
        told = f"{decimal_text(deposit.amount_minor, fund.currency)} {fund.currency}"
        detail = (
            f"The deposit is worth {told}; what it settles is more than 25 % off. Settle what it is"
            " worth, and take the rest off with commitment.reduce or write-off.propose."
        )
        raise Refused("settles-implausible", detail, "/settles")
    return settled_minor


def credit(
    act: Act, deposit: Deposit, commitment: Commitment, fund: Fund, origin: tuple[str, str]
) -> Draft:
    """Record a deposit that comes from `origin`, the (code, subject) of where its money is."""
    paid = settle(commitment, deposit.settled_minor)
    postings = tuple(_postings(fund, deposit, origin))
    return Draft(effective_on=act.on, sets=(deposit, paid), postings=postings)


def _postings(fund: Fund, deposit: Deposit, cash: tuple[str, str]) -> list[Posting]:
    """Return cash / 1200 with the exchange difference, and the authority that cash creates."""
    owed = ("1200", deposit.commitment)
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

    One that is kept in its own currency is 1190 instead, and 1100 / 1190 in that currency.

    Raises:
        Invalid: `commitment-kind`, `rate-missing`, `rate-needless`, `rate-malformed`.
        Refused: `settles-implausible`; `conditions-unmet`; `balance-floor` (by the journal) when
            more is settled than is owed.
    """
    must_be_contribution(commitment)
    worth_minor = worth(command.amount, command.rate, fund)
    deposit = Deposit(
        id=deposit_id,
        status="received",
        commitment=commitment.id,
        fund=fund.id,
        bank_account=command.bank_account,
        currency=fund.currency,
        amount_minor=worth_minor,
        settled_minor=worth_minor,
        original_currency=command.amount.currency,
        original_minor=minor(command.amount),
        rate=command.rate or "",
        rate_source=command.rate_source,
        counterpart=command.counterpart.record if command.counterpart else "",
    )
    deposit = structs.replace(deposit, settled_minor=settled(deposit, command.settles, fund))
    if not command.keep:
        return credit(act, deposit, commitment, fund, ("1100", command.bank_account))
    return _keep(act, deposit, commitment, fund)


def _keep(act: Act, deposit: Deposit, commitment: Commitment, fund: Fund) -> Draft:
    currency = deposit.original_currency
    if currency == fund.currency:
        detail = f"Money in {currency} is in the fund's own currency: leave keep out."
        raise Invalid("rate-needless", detail, "/keep")
    kept = structs.replace(deposit, kept=True)
    draft = credit(act, kept, commitment, fund, ("1190", pair(fund, currency)))
    units = take_in(fund, currency, kept.bank_account, kept.original_minor)
    return structs.replace(draft, postings=(units, *draft.postings))


def charge_fee(act: Act, deposit: Deposit, fund: Fund) -> Draft:
    """Record the administrative agent's fee on a gross deposit: 5400 / 1100, IATI 4; 9300 / 9340.

    On a deposit that was kept in its own currency it is owed (2500) until it is paid out of another
    bank account.

    Raises:
        Refused: `fee-charged`, `fee-zero`.
    """
    if deposit.fee_minor:
        raise Refused("fee-charged", f"The fee on deposit {deposit.id} is charged already.")
    fee_minor = share(deposit.amount_minor, fund.fee_basis_points)
    if not fee_minor:
        raise Refused("fee-zero", f"At fund {fund.id}'s rate the fee on this deposit is nothing.")
    payer = ("2500", "") if deposit.kept else ("1100", deposit.bank_account)
    postings = (
        fund.move(("5400", deposit.id), payer, fee_minor, 4),
        fund.move(("9300", deposit.commitment), ("9340", ""), fee_minor),
    )
    charged = structs.replace(deposit, fee_minor=fee_minor)
    return Draft(effective_on=act.on, sets=(charged,), postings=postings)
