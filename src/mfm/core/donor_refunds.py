"""Refunds to donors: decided by one person, paid by another (a negative IATI 11, then 1)."""

from datetime import date

from msgspec import structs

from mfm.core.commitments import Commitment
from mfm.core.contributions import Against, give_up, must_be_contribution, part, standing
from mfm.core.counterparts import Origin
from mfm.core.errors import Refused
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text


class DonorRefund(Noun, frozen=True, kw_only=True):
    """Money that goes back to a donor.

    Attributes:
        commitment: the contribution it came under.
        fund: the fund that gives it back.
        party: the donor.
        currency: the fund's.
        amount_minor: how much.
        decided_by: the key that decided; likewise paid_by.
        decided_on: the day; likewise paid_on.
    """

    commitment: str
    fund: str
    party: str
    currency: str
    amount_minor: int
    decided_by: str = ""
    decided_on: date | None = None
    paid_by: str = ""
    paid_on: date | None = None


class DecideDonorRefund(Command, frozen=True, kw_only=True):
    """Decide that a donor gets money back; without `amount`, all that was received."""

    id: Id | None = None
    commitment: Id
    amount: Money | None = None
    against: Against = "income"
    effective_on: date | None = None
    reason: Text = ""


class PayDonorRefund(Command, frozen=True, kw_only=True):
    """Pay a decided refund out of a bank account; `trail` is the donor's, where it keeps one."""

    refund: Id
    bank_account: Id = "main"
    trail: Origin | None = None
    effective_on: date | None = None


def decide(
    act: Act, command: DecideDonorRefund, refund_id: str, commitment: Commitment, fund: Fund
) -> Draft:
    """Record a decision: 2100, then 41xx or the fund balance / 2400, IATI -11, and 9300 / 9399.

    The authority must be unallocated still; an allocation is returned first.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `contribution-exceeded`; `balance-floor` (by the journal) when the contribution's
            unallocated authority does not hold the amount.
    """
    must_be_contribution(commitment)
    subject = commitment.id
    amount_minor = part(command.amount, commitment.paid_minor, fund, "received")
    refund = DonorRefund(
        id=refund_id,
        status="decided",
        commitment=subject,
        fund=fund.id,
        party=commitment.from_party,
        currency=fund.currency,
        amount_minor=amount_minor,
        decided_by=act.actor.key,
        decided_on=act.on,
    )
    changed, postings = give_up(commitment, fund, amount_minor, ("2400", subject), command.against)
    changed = structs.replace(changed, paid_minor=changed.paid_minor - amount_minor)
    changed = structs.replace(changed, status=standing(changed))
    freed = fund.move(("9300", subject), ("9399", ""), amount_minor)
    return Draft(effective_on=act.on, sets=(refund, changed), postings=(*postings, freed))


def pay(act: Act, command: PayDonorRefund, refund: DonorRefund, fund: Fund) -> Draft:
    """Record that a refund left the bank: 2400 / 1100, IATI -1.

    Raises:
        Refused: `donor-refund-state`, `four-eyes`.
    """
    if refund.status != "decided":
        detail = f"Donor refund {refund.id} is {refund.status}; it must be decided."
        raise Refused("donor-refund-state", detail, "/refund")
    if act.actor.key == refund.decided_by:
        detail = "Who decided a refund to a donor cannot pay it: use another key."
        raise Refused("four-eyes", detail)
    bank = ("1100", command.bank_account)
    posting = fund.move(("2400", refund.commitment), bank, refund.amount_minor, -1)
    paid = structs.replace(refund, status="paid", paid_by=act.actor.key, paid_on=act.on)
    return Draft(effective_on=act.on, sets=(paid,), postings=(posting,))
