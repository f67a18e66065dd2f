"""Reported books: other publishers' IATI history, kept as they told it."""

from datetime import date

from mfm.core.accounts import Account
from mfm.core.record import Draft, Noun, Posting

# IATI TransactionType -> (debit, credit) of a positive value in the reporter's own books.
POSTINGS: dict[str, tuple[str, str]] = {
    "1": ("1100", "4100"),  # incoming funds
    "2": ("9310", "9320"),  # outgoing commitment
    "3": ("1300", "1100"),  # disbursement
    "4": ("5600", "1100"),  # expenditure
    "5": ("1100", "4500"),  # interest payment, received by the lender who reports it
    "6": ("1100", "1600"),  # loan repayment, likewise
    "7": ("5100", "1100"),  # reimbursement of what the recipient had spent
    "8": ("1700", "1100"),  # purchase of equity
    "9": ("1100", "1700"),  # sale of equity
    "10": ("9500", "9590"),  # credit guarantee: a memo pair
    "11": ("1200", "4100"),  # incoming commitment
    "12": ("9150", "9195"),  # outgoing pledge: a memo pair
    "13": ("9100", "9190"),  # incoming pledge: a memo pair
}
UNKNOWN = ("9900", "9990")
"""Where a code outside 1 to 13 is kept, so that its total still adds up."""


class ReportedTransaction(Noun, frozen=True, kw_only=True):
    """One transaction of an imported activity.

    Attributes:
        fund: the reported book of its activity.
        iati_type: TransactionType code, verbatim.
        currency: verbatim.
        amount_minor: signed, as reported.
        digest: SHA-256 (hex) of all the publisher said of it.
    """

    fund: str
    iati_type: str
    currency: str
    amount_minor: int
    digest: str


class ReportedActivity(Noun, frozen=True, kw_only=True):
    """An imported activity.

    Attributes:
        fund: its reported book.
        identifier: IATI activity identifier, verbatim.
        digest: SHA-256 (hex) of all the publisher said of it apart from its transactions.
        content: SHA-256 (hex) of the blob that holds it.
    """

    fund: str
    identifier: str
    digest: str
    content: str


def postings(transaction: ReportedTransaction) -> tuple[Posting, ...]:
    """Return a transaction's posting: none for zero, turned round for a negative value."""
    amount_minor = transaction.amount_minor
    if not amount_minor:
        return ()
    debit, credit = POSTINGS.get(transaction.iati_type, UNKNOWN)
    sign = 1
    if amount_minor < 0:
        debit, credit, sign = credit, debit, -1
    fund, currency = transaction.fund, transaction.currency
    book = "BUD" if debit.startswith("9") else "FIN"
    return (
        Posting(
            Account(fund, book, debit, currency, ""),
            Account(fund, book, credit, currency, ""),
            abs(amount_minor),
            transaction.iati_type,
            sign,
        ),
    )


def report(transaction: ReportedTransaction, on: date, facts: dict[str, object]) -> Draft:
    """Record a transaction as its publisher told it, dated as it told."""
    return Draft(
        effective_on=on,
        sets=(transaction,),
        postings=postings(transaction),
        funds=(transaction.fund,),
        facts=facts,
    )
