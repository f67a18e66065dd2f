"""Imports: a file of somebody else's history, read and kept."""

from mfm.core.record import Noun


class Import(Noun, frozen=True, kw_only=True):
    """A finished import.

    Attributes:
        file: SHA-256 (hex) of the file.
        activities: how many it held.
        transactions: how many of its transactions stand in the books.
        findings: SHA-256 (hex) of the blob that lists every finding and every refused row.
    """

    file: str
    activities: int
    transactions: int
    findings: str


def import_id(file: str) -> str:
    """Return the id of the import of a file, given the file's SHA-256 (hex)."""
    return f"iati-{file[:40]}"
