"""Refunds: unspent or ineligible money claimed back, and received (a negative IATI 3)."""

from datetime import date

from msgspec import structs

from mfm.core.allocations import Allocation, give_back
from mfm.core.commitments import Commitment, standing
from mfm.core.errors import Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft, Noun
from mfm.core.reports import must_be_grant, unsettled_minor
from mfm.core.terms import Act, Command, Id, Text


class Refund(Noun, frozen=True, kw_only=True):
    """Money a grantee owes back, or has paid back.

    Attributes:
        commitment: the grant.
        fund: the fund that gave it.
        party: the grantee.
        currency: the fund's.
        amount_minor: how much.
    """

    commitment: str
    fund: str
    party: str
    currency: str
    amount_minor: int


class ClaimRefund(Command, frozen=True, kw_only=True):
    """Claim money back from a grantee."""

    id: Id | None = None
    commitment: Id
    amount: Money
    effective_on: date | None = None
    reason: Text = ""


class ReceiveRefund(Command, frozen=True, kw_only=True):
    """Record that a claimed refund reached the bank."""

    refund: Id
    bank_account: Id = "main"
    effective_on: date | None = None


def claim(
    act: Act, command: ClaimRefund, refund_id: str, commitment: Commitment, fund: Fund
) -> Draft:
    """Record a claim: 1500 / 1300.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `advance-exceeded`.
    """
    must_be_grant(commitment)
    amount_minor, open_minor = fund.amount(command.amount, "/amount"), unsettled_minor(commitment)
    if amount_minor > open_minor:
        left = decimal_text(open_minor, fund.currency)
        detail = f"Of what was paid under {commitment.id}, {left} {fund.currency} is open."
        raise Refused("advance-exceeded", detail, "/amount")
    refund = Refund(
        id=refund_id,
        status="due",
        commitment=commitment.id,
        fund=fund.id,
        party=commitment.to_party,
        currency=fund.currency,
        amount_minor=amount_minor,
    )
    changed = structs.replace(commitment, claimed_minor=commitment.claimed_minor + amount_minor)
    posting = fund.move(("1500", commitment.id), ("1300", commitment.id), amount_minor)
    return Draft(effective_on=act.on, sets=(refund, changed), postings=(posting,))


def receive(
    act: Act,
    command: ReceiveRefund,
    nouns: tuple[Refund, Commitment, Allocation],
    fund: Fund,
) -> Draft:
    """Record a refund received: 1100 / 1500, IATI -3; 9340 / 9300 of the contributions.

    Raises:
        Refused: `refund-state`.
    """
    refund, commitment, allocation = nouns
    if refund.status != "due":
        detail = f"Refund {refund.id} is {refund.status}; it must be due."
        raise Refused("refund-state", detail, "/refund")
    amount_minor = refund.amount_minor
    envelope, restored = give_back(allocation, fund, amount_minor, ("9340", commitment.id))
    cash = fund.move(("1100", command.bank_account), ("1500", commitment.id), amount_minor, -3)
    changed = structs.replace(commitment, refunded_minor=commitment.refunded_minor + amount_minor)
    changed = structs.replace(changed, status=standing(changed))
    received = structs.replace(refund, status="received")
    sets = (received, changed, envelope)
    return Draft(effective_on=act.on, sets=sets, postings=(cash, *restored))
