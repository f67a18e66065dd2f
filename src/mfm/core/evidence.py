"""What expenditure is proved by: documents by their SHA-256, invoices by payee and number."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from mfm.core.errors import Invalid
from mfm.core.terms import NO_NUL

DOCUMENTS_MAX = 32
"""So many documents are named at once, and so many by all that tell of one report."""
INVOICES_MAX = 32

Documents = Annotated[
    tuple[
        Annotated[
            str,
            Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="SHA-256 of a document, in hex"),
        ],
        ...,
    ],
    Meta(max_length=DOCUMENTS_MAX),
]
"""Receipts, invoices, lists of participants: the files stay where they are kept."""


class Invoice(Struct, frozen=True, forbid_unknown_fields=True):
    """An invoice: who is paid by it, and its number there."""

    payee: Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)]
    number: Annotated[str, Meta(min_length=1, max_length=60, pattern=NO_NUL)]


Invoices = Annotated[tuple[Invoice, ...], Meta(max_length=INVOICES_MAX, extra={"free_text": True})]
"""Beside the record, to be erasable: whom a group pays may be a person."""


def together(before: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    """Return documents that were named before, and those that come to them, each once.

    Raises:
        Invalid: `documents-many`.
    """
    told = tuple(sorted({*before, *more}))
    if len(told) > DOCUMENTS_MAX:
        detail = f"That would be {len(told)} documents; {DOCUMENTS_MAX} is the most."
        raise Invalid("documents-many", detail, "/documents")
    return told
