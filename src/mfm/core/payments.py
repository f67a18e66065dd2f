"""Payments: an approved tranche leaves the bank, or comes back from it.

approved -> released. A payment may first be instructed (its money set apart in 1110) and settled
when the bank has paid. One that the bank sends back is approved again.
"""

from datetime import date, timedelta

from msgspec import structs

from mfm.core.commitments import Commitment, moved, must_be_open
from mfm.core.counterparts import Origin
from mfm.core.deposits import Rate, RateSource
from mfm.core.disbursements import REIMBURSEMENT, Disbursement, must_be, other_eyes
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.record import Draft, Posting
from mfm.core.terms import Act, Command, Id, Text

Both = tuple[Fund, Fund | None]
"""The fund that gives, and the fund that gets where it is a transfer."""


class InstructDisbursement(Command, frozen=True, kw_only=True):
    """Instruct the bank to pay an approved tranche; its money is in transit until it is settled."""

    disbursement: Id
    bank_account: Id = "main"
    effective_on: date | None = None


class SettleDisbursement(Command, frozen=True, kw_only=True):
    """Record that the bank has paid an instructed tranche, to a mechanism with a `trail` if so."""

    disbursement: Id
    report_by: date | None = None
    trail: Origin | None = None
    effective_on: date | None = None


class ReleaseDisbursement(Command, frozen=True, kw_only=True):
    """Pay an approved tranche out of a bank account.

    Out of an account in another currency it says how much was `paid` of that, and at which `rate`
    (or the day whose recorded rate was agreed): at it the payment is what is owed. `trail` names
    the receiver's own, where it is a mechanism under another operator.
    """

    disbursement: Id
    bank_account: Id = "main"
    paid: Money | None = None
    rate: Rate | None = None
    rate_on: date | None = None
    rate_source: RateSource = ""
    report_by: date | None = None
    trail: Origin | None = None
    effective_on: date | None = None


class BounceDisbursement(Command, frozen=True, kw_only=True):
    """Record that the bank rejected a payment or sent it back: the tranche is approved again."""

    disbursement: Id
    effective_on: date | None = None
    reason: Text = ""


def release(
    act: Act,
    command: ReleaseDisbursement,
    disbursement: Disbursement,
    commitment: Commitment,
    funds: Both,
) -> Draft:
    """Record a payment: 2200 (2300 for a transfer) / 1100, IATI 3 or 7; 9330 / 9340.

    A transfer stands in the receiver's 1120 (in transit) until the receiver confirms.

    Raises:
        Invalid: `commitment-kind` for a report's day on a transfer.
        Refused: `disbursement-state`, `step-backwards`, `four-eyes`.
    """
    must_be(act, disbursement, "approved")
    other_eyes(act, disbursement)
    paid = structs.replace(
        disbursement,
        bank_account=command.bank_account,
        report_by=_report_by(act, command.report_by, (disbursement, commitment), funds[0]),
    )
    return _pay(act, paid, commitment, funds, "1100")


def instruct(
    act: Act, command: InstructDisbursement, disbursement: Disbursement, fund: Fund
) -> Draft:
    """Record that the bank was told to pay: 1110 / 1100; what is owed stays owed until it has.

    Raises:
        Refused: `disbursement-state`, `step-backwards`, `four-eyes`.
    """
    must_be(act, disbursement, "approved")
    other_eyes(act, disbursement)
    told = structs.replace(
        disbursement,
        status="instructed",
        instructed_by=act.actor.key,
        instructed_on=act.on,
        bank_account=command.bank_account,
    )
    account = command.bank_account
    moved_out = fund.move(("1110", account), ("1100", account), disbursement.amount_minor)
    return Draft(effective_on=act.on, sets=(told,), postings=(moved_out,))


def settle(
    act: Act,
    command: SettleDisbursement,
    disbursement: Disbursement,
    commitment: Commitment,
    funds: Both,
) -> Draft:
    """Record that an instructed payment was made: as a release, out of 1110.

    Raises:
        Invalid: `commitment-kind` for a report's day on a transfer.
        Refused: `disbursement-state`, `step-backwards`, `four-eyes`.
    """
    must_be(act, disbursement, "instructed")
    other_eyes(act, disbursement)
    report_by = _report_by(act, command.report_by, (disbursement, commitment), funds[0])
    paid = structs.replace(disbursement, report_by=report_by)
    return _pay(act, paid, commitment, funds, "1110")


def _report_by(
    act: Act, told: date | None, nouns: tuple[Disbursement, Commitment], fund: Fund
) -> date | None:
    """Return when the report on a payment is due: as told, as agreed, or by the fund's rule."""
    disbursement, commitment = nouns
    if told is not None and disbursement.to_fund:
        detail = "A transfer between funds is not reported on: its receiver's books are here."
        raise Invalid("commitment-kind", detail, "/report_by")
    agreed = told or commitment.tranches[disbursement.tranche - 1].report_due_on
    if agreed is not None or disbursement.to_fund or not fund.report_days:
        return agreed
    return act.on + timedelta(days=min(fund.report_days, (date.max - act.on).days))


def _pay(
    act: Act, disbursement: Disbursement, commitment: Commitment, funds: Both, cash: str
) -> Draft:
    """Record that a tranche's money has left, from 1100 or 1110."""
    paid = structs.replace(
        disbursement, status="released", released_by=act.actor.key, released_on=act.on
    )
    amount_minor = disbursement.amount_minor
    spent_minor = amount_minor if disbursement.expensed else 0
    changed = moved(commitment, paid=amount_minor, accepted=spent_minor)
    postings = _payment(disbursement, funds, cash)
    return Draft(effective_on=act.on, sets=(paid, changed), postings=postings)


def _payment(disbursement: Disbursement, funds: Both, cash: str) -> tuple[Posting, ...]:
    giver, receiver = funds
    subject, amount_minor = disbursement.commitment, disbursement.amount_minor
    account = disbursement.bank_account or "main"
    owed = "2200" if receiver is None else "2300"
    iati = 7 if disbursement.basis == REIMBURSEMENT else 3
    postings = (
        giver.move((owed, subject), (cash, account), amount_minor, iati),
        giver.move(("9330", subject), ("9340", subject), amount_minor),
    )
    if receiver is None:
        return postings
    return (*postings, receiver.move(("1120", subject), ("1400", subject), amount_minor))


def bounce(act: Act, disbursement: Disbursement, commitment: Commitment, funds: Both) -> Draft:
    """Record that the bank sent a payment back: it is owed again, and may be paid again.

    Of an instructed one 1100 / 1110. Of a released one 1100 / 2200 (2300), a negative IATI 3 (7),
    9340 / 9330, and for a transfer the receiver's 1400 / 1120.

    Raises:
        Refused: `disbursement-state`, `step-backwards`; `advance-exceeded` when the grantee has
            accounted for it.
    """
    must_be(act, disbursement, "instructed", "released")
    owed_again = structs.replace(
        disbursement,
        status="approved",
        bounced_by=act.actor.key,
        bounced_on=act.on,
        instructed_by="",
        instructed_on=None,
        released_by="",
        released_on=None,
        report_by=None,
        bank_account="",
    )
    if disbursement.status == "instructed":
        account, amount_minor = disbursement.bank_account, disbursement.amount_minor
        back = funds[0].move(("1100", account), ("1110", account), amount_minor)
        return Draft(effective_on=act.on, sets=(owed_again,), postings=(back,))
    amount_minor = disbursement.amount_minor
    spent_minor = amount_minor if disbursement.expensed else 0
    if spent_minor > commitment.accepted_minor:
        detail = f"Under {commitment.id} money was claimed back already: reverse that first."
        raise Refused("advance-exceeded", detail, "/disbursement")
    must_be_open(commitment, amount_minor - spent_minor, "/disbursement")
    postings = tuple(
        structs.replace(
            posting,
            debit=posting.credit,
            credit=posting.debit,
            iati_sign=-1 if posting.iati_type else 1,
        )
        for posting in _payment(disbursement, funds, "1100")
    )
    changed = moved(commitment, paid=-amount_minor, accepted=-spent_minor)
    return Draft(effective_on=act.on, sets=(owed_again, changed), postings=postings)
