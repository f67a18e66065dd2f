"""Refunds: unspent or ineligible money claimed back, and received (a negative IATI 3)."""

from datetime import date
from typing import NamedTuple

from msgspec import structs

from mfm.core.allocations import Allocation, give_back
from mfm.core.commitments import Commitment, moved, must_be_grant, must_be_open
from mfm.core.counterparts import Counterpart
from mfm.core.errors import Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import Act, Command, Id, Text


class Refund(Noun, frozen=True, kw_only=True):
    """Money a grantee owes back, has paid back, or will never pay back.

    Attributes:
        commitment: the grant.
        fund: the fund that gave it.
        party: the grantee.
        currency: the fund's.
        amount_minor: how much.
        expensed: whether it was expense already (5100), and no open advance (1300).
        counterpart: the payer's record of it, in a trail of its own (`mfm/global 27`), or "".
    """

    commitment: str
    fund: str
    party: str
    currency: str
    amount_minor: int
    expensed: bool = False
    counterpart: str = ""


class ClaimRefund(Command, frozen=True, kw_only=True):
    """Claim money back from a grantee: of its open advance or, `expensed`, of what was accepted."""

    id: Id | None = None
    commitment: Id
    amount: Money
    expensed: bool = False
    effective_on: date | None = None
    reason: Text = ""


class ReceiveRefund(Command, frozen=True, kw_only=True):
    """Record that a claimed refund reached the bank; `counterpart` is the payer's record of it."""

    refund: Id
    bank_account: Id = "main"
    counterpart: Counterpart | None = None
    effective_on: date | None = None


class Due(NamedTuple):
    """What a claim makes: the refund, its grant with the claim counted, and the posting."""

    refund: Refund
    commitment: Commitment
    posting: Posting


def due(refund_id: str, commitment: Commitment, fund: Fund, amount_minor: int, given: str) -> Due:
    """Return a claim on a grantee: 1500 / 1300, or 1500 / 5100 of what was expense already.

    Args:
        refund_id: the refund's id.
        commitment: the grant.
        fund: the fund that gave it.
        amount_minor: how much.
        given: 1300 or 5100, where the money stands.

    Raises:
        Refused: `advance-exceeded` when more is claimed than is open, or was accepted.
    """
    expensed = given == "5100"
    if not expensed:
        must_be_open(commitment, amount_minor, "/amount")
    elif amount_minor > commitment.accepted_minor:
        held = decimal_text(commitment.accepted_minor, fund.currency)
        detail = f"Under {commitment.id}, {held} {fund.currency} was accepted."
        raise Refused("advance-exceeded", detail, "/amount")
    refund = Refund(
        id=refund_id,
        status="due",
        commitment=commitment.id,
        fund=fund.id,
        party=commitment.to_party,
        currency=fund.currency,
        amount_minor=amount_minor,
        expensed=expensed,
    )
    less_minor = -amount_minor if expensed else 0
    changed = moved(commitment, claimed=amount_minor, accepted=less_minor)
    posting = fund.move(("1500", commitment.id), (given, commitment.id), amount_minor)
    return Due(refund, changed, posting)


def claim(
    act: Act, command: ClaimRefund, refund_id: str, commitment: Commitment, fund: Fund
) -> Draft:
    """Record a claim: 1500 / 1300, or 1500 / 5100.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `advance-exceeded`.
    """
    must_be_grant(commitment)
    amount_minor = fund.amount(command.amount, "/amount")
    given = "5100" if command.expensed else "1300"
    refund, changed, posting = due(refund_id, commitment, fund, amount_minor, given)
    return Draft(effective_on=act.on, sets=(refund, changed), postings=(posting,))


def must_be_due(refund: Refund) -> None:
    """Hold that a refund is still to come.

    Raises:
        Refused: `refund-state`.
    """
    if refund.status != "due":
        detail = f"Refund {refund.id} is {refund.status}; it must be due."
        raise Refused("refund-state", detail, "/refund")


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
    must_be_due(refund)
    amount_minor = refund.amount_minor
    envelope, restored = give_back(allocation, fund, amount_minor, ("9340", commitment.id))
    cash = fund.move(("1100", command.bank_account), ("1500", commitment.id), amount_minor, -3)
    changed = moved(commitment, refunded=amount_minor)
    named = command.counterpart.record if command.counterpart else ""
    received = structs.replace(refund, status="received", counterpart=named)
    sets = (received, changed, envelope)
    return Draft(effective_on=act.on, sets=sets, postings=(cash, *restored))
