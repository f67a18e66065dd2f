"""Verification, the ties: what the nouns' states say that the accounts must hold.

Each state claims amounts on accounts; all claims on an account together are its balance. Some
claims are on no account but on a tie between two nouns (what a commitment was paid and what its
disbursements released); those come to nothing together. Invariants 4, 5, 6, 7, 9 and 11 follow.
"""

from collections.abc import Callable, Iterator
from typing import Any

from mfm.core.accounts import CHART, Account
from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.pledges import Pledge
from mfm.core.record import Noun
from mfm.core.refunds import Refund
from mfm.core.reports import Report

Key = Account | tuple[str, ...]
"""An account, or (name, ids ...) of a tie between nouns."""
Claim = tuple[Key, int]
"""What a state says of a key: minor units, on an account's own side."""


def account(fund: str, code: str, currency: str, subject: str = "") -> Account:
    """Return the account of a code in its own book."""
    return Account(fund, CHART[code].book, code, currency, subject)


def _pledge(pledge: Pledge) -> Iterator[Claim]:
    for code in ("9100", "9190"):
        yield account(pledge.fund, code, pledge.currency, pledge.id), pledge.outstanding_minor


def _commitment(made: Commitment) -> Iterator[Claim]:
    yield ("paid", made.id), made.paid_minor
    yield ("accepted", made.id), made.accepted_minor
    yield ("claimed", made.id), made.claimed_minor
    yield ("refunded", made.id), made.refunded_minor
    if made.kind == "contribution":
        unpaid_minor = made.amount_minor - made.paid_minor
        yield account(made.to_fund, "1200", made.currency, made.id), unpaid_minor
        yield account(made.to_fund, made.income, made.currency, made.id), made.amount_minor
    else:
        yield from _outgoing(made)


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
        open_minor = paid_minor - made.accepted_minor - made.claimed_minor
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
    yield account(fund, "9340", currency), made.fee_minor


def _disbursement(made: Disbursement) -> Iterator[Claim]:
    fund, currency, amount_minor = made.from_fund, made.currency, made.amount_minor
    yield ("tranche", made.commitment, str(made.tranche), made.id), -amount_minor
    if made.status == "approved":
        yield account(fund, "9320", currency, made.commitment), -amount_minor
        yield account(fund, "9330", currency, made.commitment), amount_minor
        if not made.to_fund:
            yield account(fund, "1300", currency, made.commitment), amount_minor
            yield account(fund, "2200", currency, made.commitment), amount_minor
    if made.status in ("released", "confirmed"):
        yield ("paid", made.commitment), -amount_minor
        if made.to_fund:
            yield from _arrival(made)


def _arrival(made: Disbursement) -> Iterator[Claim]:
    """Return what a released transfer is in the receiver's books."""
    if made.status == "released":
        yield account(made.to_fund, "1120", made.currency, made.commitment), made.amount_minor
    else:
        yield account(made.to_fund, "9300", made.currency, made.commitment), made.amount_minor
        yield account(made.to_fund, "9399", made.currency), made.amount_minor


def _report(made: Report) -> Iterator[Claim]:
    yield ("accepted", made.commitment), -made.direct_minor - made.support_minor
    yield account(made.fund, "5100", made.currency, made.commitment), made.direct_minor
    yield account(made.fund, "5500", made.currency, made.commitment), made.support_minor


def _refund(made: Refund) -> Iterator[Claim]:
    yield ("claimed", made.commitment), -made.amount_minor
    if made.status == "received":
        yield ("refunded", made.commitment), -made.amount_minor


_CLAIMS: dict[type[Noun], Callable[[Any], Iterator[Claim]]] = {
    Pledge: _pledge,
    Commitment: _commitment,
    Allocation: _allocation,
    Deposit: _deposit,
    Disbursement: _disbursement,
    Report: _report,
    Refund: _refund,
}


def claims(state: Noun) -> Iterator[Claim]:
    """Return what a state claims; one that was taken back claims nothing."""
    if state.status != "reversed" and type(state) in _CLAIMS:
        yield from _CLAIMS[type(state)](state)
