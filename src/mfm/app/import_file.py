"""Imports, first part: a file is read to its end before anything of it is written."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from msgspec import msgpack, structs

from mfm.core.reported import CODE_MAX_CHARS, IDENTIFIER_MAX_CHARS
from mfm.formats import iati
from mfm.formats.iati import Activity, Finding, Refusal, Transaction
from mfm.formats.iati_model import Organisation
from mfm.formats.iati_xml import opened

FINDINGS_MAX = 100_000
"""More findings than this say nothing new."""
REFERENCE_MAX_CHARS = 300
"""A longer reference is no party's key."""
_IN_MEMORY_BYTES = 16 * 1024 * 1024

_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(Activity).decode


class File:
    """A file that was read: what it says, kept aside activity by activity.

    Attributes:
        digest: SHA-256 (hex) of its bytes.
        transactions: how many transactions it has that can be taken.
        findings: everything odd in it.
        refused: transactions that cannot be taken.
        activities: how many activity identifiers it has.
        organisations: by their usable reference, each under the first name it has.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self.digest = ""
        self.transactions = 0
        self.findings: list[Finding] = []
        self.refused: list[Refusal] = []
        self.organisations: dict[str, Organisation] = {}
        self._places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._aside = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # kept as long as this

    @property
    def activities(self) -> int:
        """How many activity identifiers it has."""
        return len(self._places)

    def take(self, activity: Activity) -> None:
        """Keep an activity aside, and what is odd about it."""
        activity = _storable(activity)
        self.refused += activity.refused
        self._find((*activity.findings, *self._odd(activity)))
        if not 0 < len(activity.identifier) <= IDENTIFIER_MAX_CHARS:
            return
        self.transactions += len(activity.transactions)
        for each in _organisations(activity):
            known = self.organisations.get(each.ref)
            if 0 < len(each.ref) <= REFERENCE_MAX_CHARS and (known is None or not known.name):
                self.organisations[each.ref] = each
        frame = _encode(structs.replace(activity, refused=(), findings=()))
        self._places[activity.identifier].append((self._aside.tell(), len(frame)))
        self._aside.write(frame)

    def elements(self) -> Iterator[tuple[Activity, ...]]:
        """Give each activity in the order of the file: all elements that have its identifier."""
        for places in self._places.values():
            yield tuple(self._element(*place) for place in places)

    def _find(self, findings: Sequence[Finding]) -> None:
        room = max(0, FINDINGS_MAX - len(self.findings))
        self.findings += findings[:room]
        if len(findings) > room and self.findings[-1].code != "findings-cut":
            detail = f"There are more findings than {FINDINGS_MAX}; these are all that are listed."
            self.findings.append(Finding("findings-cut", "", findings[room].line, detail))

    def close(self) -> None:
        """Let go of what was kept aside."""
        self._aside.close()

    def _element(self, start: int, size: int) -> Activity:
        self._aside.seek(start)
        return _decode(self._aside.read(size))

    def _odd(self, activity: Activity) -> Iterator[Finding]:
        identifier, line = activity.identifier, activity.line
        if not identifier:
            detail = "An activity without an identifier has no book; it is left out."
            yield Finding("identifier-missing", identifier, line, detail)
        elif identifier in self._places:
            detail = "An activity of this identifier stands further up; they are taken together."
            yield Finding("activity-repeated", identifier, line, detail)
        for each in activity.transactions:
            if not each.amount_minor:
                detail = f"Transaction {each.ordinal} has the value {each.value}; it moves nothing."
                yield Finding("zero-value", identifier, each.line, detail)


def _organisations(activity: Activity) -> Iterator[Organisation]:
    yield activity.reporting
    for participant in activity.participants:
        yield participant.organisation
    for each in activity.transactions:
        if each.provider is not None:
            yield each.provider
        if each.receiver is not None:
            yield each.receiver


def _storable(activity: Activity) -> Activity:
    """Refuse the transactions whose codes are too long to be keys."""
    faults = {
        each.ordinal: code
        for each in activity.transactions
        if (code := _fault(activity.identifier, each))
    }
    if not faults:
        return activity
    refused = [
        Refusal(activity.identifier, each.ordinal, each.line, faults[each.ordinal])
        for each in activity.transactions
        if each.ordinal in faults
    ]
    return structs.replace(
        activity,
        transactions=tuple(t for t in activity.transactions if t.ordinal not in faults),
        refused=tuple(sorted((*activity.refused, *refused), key=lambda row: row.ordinal)),
    )


def _fault(identifier: str, transaction: Transaction) -> str:
    if len(identifier) > IDENTIFIER_MAX_CHARS:
        return "identifier-too-long"
    if len(transaction.type) > CODE_MAX_CHARS:
        return "type-too-long"
    return "currency-too-long" if len(transaction.currency) > CODE_MAX_CHARS else ""


class _Counted:
    """A stream that tells of what is read from it: the digest, and how far it is."""

    def __init__(self, stream: BinaryIO, progress: Callable[[int], None]) -> None:
        self.stream, self.progress = stream, progress
        self.digest, self.count = sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        chunk = self.stream.read(size)
        self.digest.update(chunk)
        self.count += len(chunk)
        self.progress(self.count)
        return chunk


def read_file(path: Path, schemas: Path | None, progress: Callable[[int], None]) -> File:
    """Read an activity file to its end.

    Args:
        path: the file.
        schemas: folder with the user's copy of the IATI schema, to validate against first.
        progress: called with the number of bytes read so far.

    Raises:
        Invalid: as `iati.validate` and `iati.read`: it is no IATI activity file.
    """
    if schemas is not None:
        iati.validate(path, schemas)
    file = File()
    try:
        with opened(path) as stream:
            counted = _Counted(stream, progress)
            for activity in iati.read(cast("BinaryIO", counted)):
                file.take(activity)
    except BaseException:
        file.close()
        raise
    file.digest = counted.digest.hexdigest()
    return file
