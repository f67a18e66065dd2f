"""Reported books: other publishers' IATI history, kept as they told it."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

from msgspec import structs

from mfm.core.accounts import Account
from mfm.core.entries import mirror
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

CODE_MAX_CHARS = 100
IDENTIFIER_MAX_CHARS = 500
"""Longer codes, currencies and identifiers could not be keys; no publisher means them."""

STANDING = "reported"
"""The status of what the publisher's latest file says; anything else no longer stands."""


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
        content: SHA-256 (hex) of the blob with all the publisher said of it, apart from its
            transactions: a JSON array with an object for each element that has the identifier.
    """

    fund: str
    identifier: str
    content: str


def _short(*parts: str) -> str:
    # XML holds no NUL, so no two lists of parts are joined to the same text.
    return sha256("\0".join(parts).encode()).hexdigest()[:24]


def book_id(identifier: str) -> str:
    """Return the id of the reported book, and of the activity, of an IATI identifier."""
    return f"reported-{_short(identifier)}"


def party_id(identifier: str) -> str:
    """Return the id of a party that is known by its IATI organisation identifier alone."""
    return f"org-{_short(identifier)}"


def match(
    fund: str, told: Sequence[tuple[str, str]], known: Mapping[str, ReportedTransaction]
) -> tuple[list[str], list[str]]:
    """Find out which transaction of the books each one of the file is.

    A transaction with a reference is known by it, one without by its content; where several share
    that, also by a rank among them. Equal content is matched first, whatever its place in the
    file, so that a new order changes nothing; the others of one reference follow in their order.

    Args:
        fund: the activity's book.
        told: (reference or "", content digest in hex) of each transaction, in the file's order.
        known: every transaction that the book has or had, by id.

    Returns:
        The id of each transaction told, and the ids of those that stand but are told no more.
    """
    ids = [""] * len(told)
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for at, (reference, digest) in enumerate(told):
        groups["ref" if reference else "content", reference or digest].append(at)
    for name, places in groups.items():
        for at, transaction in _ranked(fund, name, [(at, told[at][1]) for at in places], known):
            ids[at] = transaction
    taken = set(ids)
    return ids, [row.id for row in known.values() if stands(row) and row.id not in taken]


def stands(row: ReportedTransaction | None) -> bool:
    """Tell whether a transaction is in force: reported, and neither withdrawn nor reversed."""
    return row is not None and row.status == STANDING


def _ranked(
    fund: str,
    name: tuple[str, str],
    told: list[tuple[int, str]],
    known: Mapping[str, ReportedTransaction],
) -> list[tuple[int, str]]:
    """Pair the transactions of one reference or content, each (place, digest), with its ids."""
    ids: list[str] = []
    while (made := f"{fund}-{_short(*name, str(len(ids) + 1))}") in known or len(ids) < len(told):
        ids.append(made)
    same: defaultdict[str, deque[str]] = defaultdict(deque)
    for each in ids:
        if stands(row := known.get(each)):
            same[row.digest].append(each)  # type: ignore[union-attr]  # None does not stand
    pairs, changed = [], []
    for at, digest in told:
        if same[digest]:
            pairs.append((at, same[digest].popleft()))
        else:
            changed.append(at)
    taken = {each for _, each in pairs}
    free = [each for each in ids if each not in taken]
    free.sort(key=lambda each: not stands(known.get(each)))
    return pairs + list(zip(changed, free, strict=False))


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


def report(transaction: ReportedTransaction, on: date, facts: dict[str, Any]) -> Draft:
    """Record a transaction as its publisher told it, dated as it told."""
    return Draft(
        effective_on=on,
        sets=(transaction,),
        postings=postings(transaction),
        funds=(transaction.fund,),
        facts=facts,
    )


def withdraw(transaction: ReportedTransaction, on: date, moved: Sequence[Posting]) -> Draft:
    """Record that the publisher no longer says so: the exact mirror of the record that said it.

    Args:
        transaction: as it stands.
        on: the day of the record taken back, so that the books as now known never had it.
        moved: that record's postings.
    """
    return Draft(
        effective_on=on,
        sets=(structs.replace(transaction, status="withdrawn"),),
        postings=tuple(mirror(posting) for posting in reversed(moved)),
        funds=(transaction.fund,),
        reverses=transaction.seq,
    )
