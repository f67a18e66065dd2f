"""Postings with what exports say of their records."""

from datetime import date
from typing import NamedTuple


class Moved(NamedTuple):
    """A posting with what an export needs of its record.

    Attributes:
        seq: its record.
        line: its place there, from 0.
        on: the day it counts from.
        verb: of its record.
        iati_type: in the fund's own activity, or "".
        iati_sign: 1 or -1.
        amount_minor: above zero.
        fund: whose books.
        currency: of both accounts.
        debit: code of the account debited.
        debit_subject: and its subject.
        credit: code of the account credited.
        credit_subject: and its subject.
    """

    seq: int
    line: int
    on: date
    verb: str
    iati_type: str
    iati_sign: int
    amount_minor: int
    fund: str
    currency: str
    debit: str
    debit_subject: str
    credit: str
    credit_subject: str
