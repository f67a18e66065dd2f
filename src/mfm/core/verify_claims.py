"""Verification, the ties: what the nouns' states say that the accounts must hold.

Each state claims amounts on accounts; all claims on an account together are its balance. Some
claims are on no account but on a tie between two nouns (what a commitment was paid and what its
disbursements released); those come to nothing together. Invariants 4, 5, 6, 7, 9 and 11 follow.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mfm.core.accounts import Account, line_of
from mfm.core.allocations import Allocation, Share
from mfm.core.commitments import Commitment
from mfm.core.conversions import Conversion
from mfm.core.costs import Cost
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.donor_refunds import DonorRefund
from mfm.core.earmarks import OPEN
from mfm.core.foreign_payments import ForeignPayment
from mfm.core.in_kind import InKind
from mfm.core.interest import Interest
from mfm.core.openings import OpeningBalance
from mfm.core.periods import Period, parts
from mfm.core.pledges import Pledge
from mfm.core.record import Noun
from mfm.core.refunds import Refund
from mfm.core.reports import Report
from mfm.core.revaluations import Revaluation
from mfm.core.unidentified_receipts import UnidentifiedReceipt
from mfm.core.write_offs import WriteOff

Key = Account | tuple[str, ...]
"""An account, or (name, ids ...) of a tie between nouns."""
Claim = tuple[Key, int]
"""What a state says of a key: minor units, on an account's own side."""


def account(fund: str, code: str, currency: str, subject: str = "") -> Account:
    """Return the account of a code in its own book."""
    return Account(fund, line_of(code).book, code, currency, subject)


def _pledge(pledge: Pledge) -> Iterator[Claim]:
    for code in ("9100", "9190"):
        yield account(pledge.fund, code, pledge.currency, pledge.id), pledge.outstanding_minor


def _commitment(made: Commitment) -> Iterator[Claim]:
    yield ("paid", made.id), made.paid_minor
    yield ("accepted", made.id), made.accepted_minor
    yield ("claimed", made.id), made.claimed_minor
    yield ("refunded", made.id), made.refunded_minor
    yield ("lost", made.id), made.lost_minor + made.written_off_minor
    if made.kind == "contribution":
        yield from _contribution(made)
    else:
        yield from _outgoing(made)


def _contribution(made: Commitment) -> Iterator[Claim]:
    fund, currency = made.to_fund, made.currency
    firm_minor = made.amount_minor - made.conditional_minor
    earned_minor = firm_minor - made.deferred_minor + made.from_balance_minor
    unpaid_minor = firm_minor - made.paid_minor - made.written_off_minor
    yield account(fund, "1200", currency, made.id), unpaid_minor
    yield account(fund, "2100", currency, made.id), made.deferred_minor
    yield account(fund, made.income, currency, made.id), earned_minor
    balance = "3200" if made.income == "4110" or made.earmark != OPEN else "3100"
    yield account(fund, balance, currency), -made.from_balance_minor
    yield account(fund, "5950", currency, made.id), made.written_off_minor
    for code in ("9200", "9290"):
        yield account(fund, code, currency, made.id), made.conditional_minor


def _outgoing(made: Commitment) -> Iterator[Claim]:
    """Return the claims of a grant or transfer, less what its disbursements on their way claim."""
    fund, currency, paid_minor = made.from_fund, made.currency, made.paid_minor
    unpaid_minor, kept_minor = made.amount_minor - paid_minor, paid_minor - made.refunded_minor
    # An allocation claims all that it holds; what is signed under it has left its 9310.
    yield account(fund, "9310", currency, made.allocation), -unpaid_minor - kept_minor
    yield account(fund, "9320", currency, made.id), unpaid_minor
    yield account(fund, "9340", currency, made.id), kept_minor
    for tranche in made.tranches:
        if tranche.disbursement:
            tie = ("tranche", made.id, str(tranche.number), tranche.disbursement)
            yield tie, tranche.amount_minor
    if made.kind == "grant":
        open_minor = paid_minor - made.accepted_minor - made.claimed_minor - made.lost_minor
        owed_minor = made.claimed_minor - made.refunded_minor
        yield account(fund, "1300", currency, made.id), open_minor
        yield account(fund, "1500", currency, made.id), owed_minor
        return
    yield account(fund, "2300", currency, made.id), unpaid_minor
    yield account(fund, "5300", currency, made.id), made.amount_minor
    yield account(made.to_fund, "1400", currency, made.id), unpaid_minor
    yield account(made.to_fund, "4600", currency, made.id), made.amount_minor


def _allocation(made: Allocation) -> Iterator[Claim]:
    held_minor = sum(share.amount_minor for share in made.shares)
    yield account(made.fund, "9310", made.currency, made.id), held_minor
    for share in made.shares:
        source = account(made.fund, "9300", made.currency, share.contribution)
        yield source, -share.amount_minor


def _deposit(made: Deposit) -> Iterator[Claim]:
    fund, currency = made.fund, made.currency
    gain_minor = made.amount_minor - made.settled_minor
    yield ("paid", made.commitment), -made.settled_minor
    source = account(fund, "9300", currency, made.commitment)
    yield source, made.amount_minor - made.fee_minor
    yield account(fund, "9399", currency), made.amount_minor
    yield account(fund, "4900", currency), max(gain_minor, 0)
    yield account(fund, "5900", currency), max(-gain_minor, 0)
    yield account(fund, "5400", currency, made.id), made.fee_minor
    if made.kept:
        yield account(fund, "2500", currency), made.fee_minor
        kept = (made.original_currency, made.original_minor, made.amount_minor)
        yield from _position(fund, currency, kept)
    yield account(fund, "9340", currency), made.fee_minor


def _position(fund: str, currency: str, kept: tuple[str, int, int]) -> Iterator[Claim]:
    """Return what (foreign currency, its units, at what they are carried) claims of 1190."""
    other, original_minor, carried_minor = kept
    subject = f"{other}-{currency}".lower()
    yield account(fund, "1190", currency, subject), carried_minor
    yield account(fund, "1190", other, subject), -original_minor


def _gained(
    fund: str, currency: str, gained_minor: int, shares: Iterable[Share]
) -> Iterator[Claim]:
    """Return what an exchange difference claims: income or loss, and the authority it makes."""
    yield account(fund, "4900", currency), max(gained_minor, 0)
    yield account(fund, "5900", currency), max(-gained_minor, 0)
    yield from _authority(fund, currency, gained_minor, shares)


def _authority(
    fund: str, currency: str, gained_minor: int, shares: Iterable[Share]
) -> Iterator[Claim]:
    yield account(fund, "9399", currency), gained_minor
    yield account(fund, "9300", currency, "exchange"), max(gained_minor, 0)
    for share in shares:
        yield account(fund, "9300", currency, share.contribution), -share.amount_minor


def _conversion(made: Conversion) -> Iterator[Claim]:
    sign = 1 if made.bought else -1
    kept = (made.original_currency, sign * made.original_minor, sign * made.carried_minor)
    yield from _position(made.fund, made.currency, kept)
    gained_minor = 0 if made.bought else made.amount_minor - made.carried_minor
    yield from _gained(made.fund, made.currency, gained_minor, made.shares)


def _foreign_payment(made: ForeignPayment) -> Iterator[Claim]:
    kept = (made.original_currency, -made.original_minor, -made.carried_minor)
    yield from _position(made.fund, made.currency, kept)
    gained_minor = made.amount_minor - made.carried_minor
    yield from _gained(made.fund, made.currency, gained_minor, made.shares)


def _revaluation(made: Revaluation) -> Iterator[Claim]:
    fund, currency, whole_minor = made.fund, made.currency, 0
    for line in made.lines:
        gained_minor = line.worth_minor - line.carried_minor
        whole_minor += gained_minor
        yield from _position(fund, currency, (line.original_currency, 0, gained_minor))
        yield account(fund, "4900", currency), max(gained_minor, 0)
        yield account(fund, "5900", currency), max(-gained_minor, 0)
    yield from _authority(fund, currency, whole_minor, made.shares)


def _donor_refund(made: DonorRefund) -> Iterator[Claim]:
    fund, currency, amount_minor = made.fund, made.currency, made.amount_minor
    yield ("paid", made.commitment), amount_minor
    yield account(fund, "9300", currency, made.commitment), -amount_minor
    yield account(fund, "9399", currency), -amount_minor
    owed_minor = amount_minor if made.status == "decided" else 0
    yield account(fund, "2400", currency, made.commitment), owed_minor


def _unidentified_receipt(made: UnidentifiedReceipt) -> Iterator[Claim]:
    held_minor = made.amount_minor if made.status == "unidentified" else 0
    yield account(made.fund, "2900", made.currency, made.id), held_minor


def _interest(made: Interest) -> Iterator[Claim]:
    fund, currency, amount_minor = made.fund, made.currency, made.amount_minor
    yield account(fund, "4500", currency), amount_minor
    yield account(fund, "9300", currency, "interest"), amount_minor
    yield account(fund, "9399", currency), amount_minor


def _opening(made: OpeningBalance) -> Iterator[Claim]:
    for line in made.lines:
        name = account(made.fund, line.code, made.currency, line.subject)
        yield name, line_of(line.code).side * line.amount_minor


def _period(made: Period) -> Iterator[Claim]:
    fund, currency = made.fund, made.currency
    for closing in made.closings:
        held = account(fund, closing.code, currency)
        yield held, -line_of(closing.code).side * closing.amount_minor
        for code, signed_minor in parts(closing):
            yield account(fund, code, currency), -signed_minor
    yield account(fund, "3100", currency), -made.designated_minor
    yield account(fund, "3300", currency), made.designated_minor


def _cost(made: Cost) -> Iterator[Claim]:
    fund, currency, amount_minor = made.fund, made.currency, made.amount_minor
    use = "5700" if made.kind == "bank-charge" else "5600"
    yield account(fund, use, currency), amount_minor
    yield account(fund, "9340", currency), amount_minor
    for share in made.shares:
        yield account(fund, "9300", currency, share.contribution), -share.amount_minor


def _in_kind(made: InKind) -> Iterator[Claim]:
    yield account(made.fund, "4140", made.currency), made.amount_minor
    yield account(made.fund, "5800", made.currency), made.amount_minor
    yield account(made.fund, "1200", made.currency), 0


def _disbursement(made: Disbursement) -> Iterator[Claim]:
    if made.status in ("rejected", "cancelled"):
        return
    fund, currency, amount_minor = made.from_fund, made.currency, made.amount_minor
    yield ("tranche", made.commitment, str(made.tranche), made.id), -amount_minor
    if made.status in ("approved", "instructed"):
        yield account(fund, "9320", currency, made.commitment), -amount_minor
        yield account(fund, "9330", currency, made.commitment), amount_minor
        given = "1300" if made.basis == "advance" else "5100"
        if not made.to_fund:
            yield account(fund, given, currency, made.commitment), amount_minor
            yield account(fund, "2200", currency, made.commitment), amount_minor
    if made.status == "instructed":
        yield account(fund, "1110", currency, made.bank_account), amount_minor
    if made.status in ("released", "confirmed", "reported"):
        yield ("paid", made.commitment), -amount_minor
        yield from _arrival(made) if made.to_fund else _spent(made)


def _arrival(made: Disbursement) -> Iterator[Claim]:
    """Return what a released transfer is in the receiver's books."""
    fund, currency, amount_minor = made.to_fund, made.currency, made.amount_minor
    moving_minor = amount_minor if made.status == "released" else made.short_minor
    here_minor = amount_minor - moving_minor - made.charged_minor
    yield account(fund, "1120", currency, made.commitment), moving_minor
    yield account(fund, "9300", currency, made.commitment), here_minor
    yield account(fund, "9399", currency), here_minor
    yield account(fund, "5700", currency, made.commitment), made.charged_minor


def _spent(made: Disbursement) -> Iterator[Claim]:
    """Return what a paid grant's tranche is beside its advance: expense at once, charges."""
    fund, currency, charged_minor = made.from_fund, made.currency, made.charged_minor
    yield ("lost", made.commitment), -charged_minor
    yield account(fund, "5700", currency, made.commitment), charged_minor
    if made.basis != "advance":
        kept_minor = made.amount_minor - charged_minor
        yield ("accepted", made.commitment), -kept_minor
        yield account(fund, "5100", currency, made.commitment), kept_minor


def _report(made: Report) -> Iterator[Claim]:
    if made.status != "accepted" or made.evidence:
        return
    yield ("accepted", made.commitment), -made.direct_minor - made.support_minor
    yield account(made.fund, "5100", made.currency, made.commitment), made.direct_minor
    yield account(made.fund, "5500", made.currency, made.commitment), made.support_minor


def _refund(made: Refund) -> Iterator[Claim]:
    amount_minor = made.amount_minor
    if made.expensed:
        yield ("accepted", made.commitment), amount_minor
        yield account(made.fund, "5100", made.currency, made.commitment), -amount_minor
    if made.status != "written_off":
        yield ("claimed", made.commitment), -amount_minor
    if made.status == "received":
        yield ("refunded", made.commitment), -amount_minor


def _write_off(made: WriteOff) -> Iterator[Claim]:
    if made.status == "approved":
        yield ("lost", made.commitment), -made.amount_minor
    if made.status == "approved" and not made.receivable:  # that loss is the contribution's claim
        yield account(made.fund, "5950", made.currency, made.commitment), made.amount_minor


_CLAIMS: dict[type[Noun], Callable[[Any], Iterator[Claim]]] = {
    Pledge: _pledge,
    Commitment: _commitment,
    Allocation: _allocation,
    Deposit: _deposit,
    DonorRefund: _donor_refund,
    UnidentifiedReceipt: _unidentified_receipt,
    Interest: _interest,
    Cost: _cost,
    OpeningBalance: _opening,
    Period: _period,
    Conversion: _conversion,
    ForeignPayment: _foreign_payment,
    Revaluation: _revaluation,
    InKind: _in_kind,
    Disbursement: _disbursement,
    Report: _report,
    Refund: _refund,
    WriteOff: _write_off,
}


def claims(state: Noun) -> Iterator[Claim]:
    """Return what a state claims; one that was taken back claims nothing."""
    if state.status != "reversed" and type(state) in _CLAIMS:
        yield from _CLAIMS[type(state)](state)
