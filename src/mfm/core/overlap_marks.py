"""Marks of what stands beside a record: equal where two texts tell one telephone, one invoice.

A mark goes with its text: when that is erased, nothing is left to compare. It is a plain hash, for
one size: no secret would keep who may read marks from the texts, which stand under the same lock.
"""

import re
from hashlib import sha256
from typing import Literal, get_args

from msgspec import Struct

from mfm.core.contacts import e164, mailbox
from mfm.core.evidence import Invoice
from mfm.core.letters import WORD, fold, plain
from mfm.core.lexicons import Lexicon
from mfm.core.normalising import NORMALISATION, name_of

MARKS = 1
"""The version of the marks made here."""
VERSION = 1_000 * NORMALISATION + MARKS
"""Marks of another version than this are made anew."""
MarkedNoun = Literal["attestation", "report", "cost"]
MARKED: tuple[MarkedNoun, ...] = get_args(MarkedNoun)
"""Kinds of noun that have marks."""
CONTACT, INVOICES = "contact", "invoices"
"""The fields of texts that have marks."""

_SHORT = re.compile(r"\b(?:\w\.)+")


class Marked(Struct, frozen=True):
    """What is kept of a text, or a document, so that its like is found.

    Attributes:
        noun: attestation, report or cost.
        id: its id.
        kind: phone, email, address, signatory, invoice or document.
        mark: SHA-256 (hex) of the kind, and the text in one form.
        seq: the record that tells it.
        field: of the text beside that record, None for a document, which is told in clear.
    """

    noun: MarkedNoun
    id: str
    kind: str
    mark: str
    seq: int
    field: str | None


def contact_mark(kind: str, text: str, country: str) -> str:
    """Return the mark of a contact, "" where there is nothing in it to compare.

    Args:
        kind: of `contacts.PERSONAL`.
        text: as it was told.
        country: of whom it is, or "".
    """
    if kind == "phone":
        return _hashed(kind, e164(text, country))
    if kind == "email":
        return _hashed(kind, mailbox(text))
    # In any order: 12 rue X and Rue X 12 are one address, and names are written both ways round.
    return _hashed(kind, " ".join(sorted(_words(text))))


def invoice_mark(invoice: Invoice, lexicon: Lexicon) -> str:
    """Return the mark of an invoice, "" where it has no number.

    Who is paid counts without its legal form, and the number without what stands between.
    """
    number = "".join(_words(invoice.number))
    payee = name_of(invoice.payee, lexicon).letters
    return _hashed("invoice", f"{payee} {number}" if number else "")


def document_mark(document: str) -> str:
    """Return the mark of a document's SHA-256."""
    return _hashed("document", document)


def _words(text: str) -> list[str]:
    joined = _SHORT.sub(lambda found: found[0].replace(".", ""), plain(text))  # B.P. 7 is BP 7
    folded = (fold(word) for word in WORD.findall(joined))
    return [word for word in folded if word]


def _hashed(kind: str, text: str) -> str:
    return sha256(f"{kind}\0{text}".encode()).hexdigest() if text else ""
