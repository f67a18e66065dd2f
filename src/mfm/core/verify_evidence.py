"""Verification, the evidence: documents are named by their SHA-256, each once and in order."""

import re

from mfm.core.evidence import DOCUMENTS_MAX
from mfm.core.record import Noun
from mfm.core.verify_form import Differs

_SHA256 = re.compile("[0-9a-f]{64}")


def check(state: Noun, documents: tuple[str, ...], seq: int) -> None:
    """Hold what a state says that it is proved by.

    Args:
        state: a report or cost.
        documents: its documents.
        seq: the record that sets it.

    Raises:
        Differs: `state-documents`.
    """
    if (
        list(documents) != sorted({*documents})
        or len(documents) > DOCUMENTS_MAX
        or not all(map(_SHA256.fullmatch, documents))
    ):
        raise Differs("state-documents", seq, f"{state.id} names documents as no rule would.")
