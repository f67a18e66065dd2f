"""Arrivals: what the receiver confirms of a payment, and what becomes of the rest of it.

released -> confirmed. The difference between what was sent and what arrived stays to be seen
until it is resolved by a posting.
"""

from datetime import date
from typing import Literal

from msgspec import structs

from mfm.core.commitments import Commitment, moved, must_be_open
from mfm.core.counterparts import Counterpart
from mfm.core.disbursements import Disbursement, must_be
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text, minor
from mfm.core.payments import Both
from mfm.core.record import Draft, Posting
from mfm.core.refunds import due
from mfm.core.terms import Act, Command, Id, Text

Resolution = Literal["arrived", "charges", "receivable"]
"""What became of money that was sent and did not arrive."""


class ConfirmDisbursement(Command, frozen=True, kw_only=True):
    """Confirm that a released tranche arrived: `received` of it, where that is less than was sent.

    `credited` is what the receiver's bank credited, where that is another currency; `counterpart`
    the receiver's record of it, where it is a mechanism with a trail of its own.
    """

    disbursement: Id
    bank_account: Id = "main"
    received: Money | None = None
    credited: Money | None = None
    counterpart: Counterpart | None = None
    effective_on: date | None = None


class ResolveDisbursement(Command, frozen=True, kw_only=True):
    """Resolve what was sent and did not arrive.

    It has `arrived` after all, banks took it as `charges`, or it is `receivable`: a refund is due.
    """

    disbursement: Id
    outcome: Resolution
    bank_account: Id = "main"
    refund: Id | None = None
    effective_on: date | None = None
    reason: Text = ""


def confirm(
    act: Act, command: ConfirmDisbursement, disbursement: Disbursement, receiver: Fund | None
) -> Draft:
    """Record the receiver's word; for a transfer 1100 / 1120, IATI 1, and 9399 / 9300.

    What did not arrive stays to be resolved; of a transfer it stays in 1120.

    Raises:
        Invalid: `currency-not-fund`, `credited-needless`.
        Refused: `disbursement-state`, `step-backwards`, `confirm-exceeds`.
    """
    must_be(act, disbursement, "released")
    short_minor = disbursement.amount_minor - _received(command, disbursement)
    confirmed = structs.replace(
        disbursement,
        status="confirmed",
        confirmed_by=act.actor.key,
        confirmed_on=act.on,
        short_minor=short_minor,
    )
    if command.credited is not None:
        if command.credited.currency == disbursement.currency:
            detail = f"What arrived in {disbursement.currency} is told as received."
            raise Invalid("credited-needless", detail, "/credited")
        confirmed = structs.replace(
            confirmed,
            original_currency=command.credited.currency,
            original_minor=minor(command.credited, "/credited"),
        )
    sender = (disbursement.from_fund,)
    if receiver is None:
        return Draft(effective_on=act.on, sets=(confirmed,), funds=sender)
    arrived_minor = disbursement.amount_minor - short_minor
    postings = _arrival(disbursement, receiver, command.bank_account, arrived_minor)
    return Draft(effective_on=act.on, sets=(confirmed,), postings=postings, funds=sender)


def _received(command: ConfirmDisbursement, disbursement: Disbursement) -> int:
    """Return what arrived, in minor units: all of it unless told."""
    if command.received is None:
        return disbursement.amount_minor
    currency, sent_minor = disbursement.currency, disbursement.amount_minor
    received_minor = minor(command.received, "/received")
    if command.received.currency != currency:
        detail = f"It was sent in {currency}: tell how much of that arrived."
        raise Invalid("currency-not-fund", detail, "/received/currency")
    if received_minor > sent_minor:
        sent = decimal_text(sent_minor, currency)
        detail = f"Of disbursement {disbursement.id}, {sent} {currency} was sent."
        raise Refused("confirm-exceeds", detail, "/received")
    return received_minor


def _arrival(
    disbursement: Disbursement, receiver: Fund, bank_account: str, amount_minor: int
) -> tuple[Posting, ...]:
    """Return the arrival of a transfer: it leaves transit, and may be decided on."""
    subject = disbursement.commitment
    return (
        receiver.move(("1100", bank_account), ("1120", subject), amount_minor, 1),
        receiver.move(("9399", ""), ("9300", subject), amount_minor),
    )


def resolve(
    act: Act,
    command: ResolveDisbursement,
    nouns: tuple[Disbursement, Commitment],
    funds: Both,
    refund_id: str,
) -> Draft:
    """Record what became of money that was sent and did not arrive.

    Args:
        act: who, and the day.
        command: what is asked.
        nouns: the disbursement and its commitment.
        funds: the giver, and the receiver of a transfer.
        refund_id: the id of the claim, if it makes one.

    Raises:
        Invalid: `commitment-kind` for a receivable on a transfer.
        Refused: `disbursement-state`, `step-backwards`, `difference-none`, `advance-exceeded`.
    """
    disbursement, commitment = nouns
    must_be(act, disbursement, "confirmed", "reported")
    if not disbursement.short_minor:
        detail = f"All of disbursement {disbursement.id} arrived, or was resolved."
        raise Refused("difference-none", detail, "/disbursement")
    if funds[1] is not None:
        return _resolve_transfer(act, command, disbursement, funds[1])
    resolved = structs.replace(disbursement, short_minor=0)
    if command.outcome == "arrived":
        return Draft(effective_on=act.on, sets=(resolved,), funds=(disbursement.from_fund,))
    short_minor = disbursement.short_minor
    given = "5100" if disbursement.expensed else "1300"
    if command.outcome == "receivable":
        refund, changed, posting = due(refund_id, commitment, funds[0], short_minor, given)
        return Draft(effective_on=act.on, sets=(resolved, changed, refund), postings=(posting,))
    resolved = structs.replace(resolved, charged_minor=short_minor)
    if not disbursement.expensed:
        must_be_open(commitment, short_minor, "/disbursement")
    less_minor = -short_minor if disbursement.expensed else 0
    changed = moved(commitment, lost=short_minor, accepted=less_minor)
    subject = commitment.id
    posting = funds[0].move(("5700", subject), (given, subject), short_minor)
    return Draft(effective_on=act.on, sets=(resolved, changed), postings=(posting,))


def _resolve_transfer(
    act: Act, command: ResolveDisbursement, disbursement: Disbursement, receiver: Fund
) -> Draft:
    """Resolve what stays in the receiver's 1120: 1100 / 1120 with authority, or 5700 / 1120."""
    subject, short_minor = disbursement.commitment, disbursement.short_minor
    resolved = structs.replace(disbursement, short_minor=0)
    postings: tuple[Posting, ...]
    if command.outcome == "receivable":
        detail = "Between funds it stays in transit (1120) until it arrives, or is charges."
        raise Invalid("commitment-kind", detail, "/outcome")
    if command.outcome == "arrived":
        postings = _arrival(disbursement, receiver, command.bank_account, short_minor)
    else:
        resolved = structs.replace(resolved, charged_minor=short_minor)
        postings = (receiver.move(("5700", subject), ("1120", subject), short_minor),)
    sender = (disbursement.from_fund,)
    return Draft(effective_on=act.on, sets=(resolved,), postings=postings, funds=sender)
