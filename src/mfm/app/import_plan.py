"""Imports, second part: what is to be true of the books for each activity, as a list of steps.

A step says what shall be, never what shall be done: it is held against the books when its turn
comes, so that it may be taken again, and half of them now and half tomorrow.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from msgspec import Struct, structs, to_builtins

from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.core.record import Draft, canonical
from mfm.core.reported import (
    CODE_MAX_CHARS,
    STANDING,
    ReportedActivity,
    ReportedTransaction,
    book_id,
    match,
    party_id,
    report,
    stands,
)
from mfm.formats.iati import Activity, Refusal, Transaction, content_digest
from mfm.formats.iati_model import Organisation

_NAME_MAX_CHARS = 300
_SAID_MAX_BYTES = 6 * 1024
"""What is said of a transaction stays in its record up to here; a record is at most 16 KiB."""
_TOLD_ELSEWHERE = ("ordinal", "line", "type", "currency", "amount_minor", "date")
_KIND = re.compile(r"[0-9]{2}")
_CODED = ("sectors", "recipient_countries", "recipient_regions", "aid_types")

Known = Mapping[str, ReportedTransaction]


class PartyStep(Struct, frozen=True, gc=False):
    """The organisation is a party."""

    party: Party
    size: int = 0


class BookStep(Struct, frozen=True, gc=False):
    """The activity has this book and this header.

    Attributes:
        fund: the book; its steward is filled in from `reporter`.
        activity: the header's name.
        reporter: organisation identifier of who reports it, or "".
        content: the header.
        line: where the activity is in the file.
        file: SHA-256 (hex) of the file.
    """

    fund: Fund
    activity: ReportedActivity
    reporter: str
    content: bytes
    line: int
    file: str

    @property
    def size(self) -> int:
        """How many bytes it brings beside its record."""
        return len(self.content)


class RowStep(Struct, frozen=True, gc=False):
    """The transaction stands in the books as this draft has it.

    Attributes:
        draft: sets the transaction and posts it.
        narratives: its free text as JSON, or "".
        blob: what was said, where that is too much for a record.
        place: where it is in the file, in case it must be refused.
    """

    draft: Draft
    narratives: str
    blob: bytes
    place: Refusal

    @property
    def row(self) -> ReportedTransaction:
        """The transaction."""
        return self.draft.sets[0]  # type: ignore[return-value]  # as `report` makes it

    @property
    def size(self) -> int:
        """How many bytes it brings beside its record."""
        return len(self.narratives) + len(self.blob)


class GoneStep(Struct, frozen=True, gc=False):
    """The transaction with this id no longer stands: the file has it no more."""

    id: str
    file: str
    size: int = 0


class CheckStep(Struct, frozen=True, gc=False):
    """The activity's books are brought: look at where they end."""

    fund: str
    identifier: str
    line: int
    currencies: tuple[str, ...]
    size: int = 0


Step = PartyStep | BookStep | RowStep | GoneStep | CheckStep


def party_steps(organisations: Iterable[Organisation]) -> Iterator[PartyStep]:
    """Give the steps for organisations that have a usable reference, each named once."""
    for each in organisations:
        kind = each.type if _KIND.fullmatch(each.type) else ""
        name = (each.name or each.ref)[:_NAME_MAX_CHARS]
        party = Party(id=party_id(each.ref), status="registered", name=name, identifier=each.ref)
        yield PartyStep(structs.replace(party, kind=kind))


def steps(elements: Sequence[Activity], known: Known, file: str) -> Iterator[Step]:
    """Give the steps of one activity, in order.

    Args:
        elements: all elements of the file that have its identifier.
        known: every transaction that its book has or had, by id.
        file: SHA-256 (hex) of the file.
    """
    fund = book_id(elements[0].identifier)
    yield _book(elements, fund, file)
    transactions = [each for element in elements for each in element.transactions]
    digests = [content_digest(each).hex() for each in transactions]
    named = [(each.ref, digest) for each, digest in zip(transactions, digests, strict=True)]
    ids, gone = match(fund, named, known)
    for each, digest, row_id in zip(transactions, digests, ids, strict=True):
        before = known.get(row_id)
        if before is None or not stands(before) or before.digest != digest:
            yield _row(each, (fund, row_id, digest), elements[0].identifier, file)
    for row_id in gone:
        yield GoneStep(row_id, file)
    currencies = tuple(dict.fromkeys(each.currency for each in transactions))
    yield CheckStep(fund, elements[0].identifier, elements[0].line, currencies)


def _book(elements: Sequence[Activity], fund: str, file: str) -> BookStep:
    identifier = elements[0].identifier
    titles = (each.title[0].text for each in elements if each.title)
    headers = [
        structs.replace(each, line=0, transactions=(), refused=(), findings=()) for each in elements
    ]
    book = Fund(
        id=fund,
        status="open",
        name=next(titles, identifier)[:_NAME_MAX_CHARS],
        currency=_currency(elements),
        identifier=identifier,
        reported=True,
    )
    content = canonical(to_builtins(headers))
    activity = ReportedActivity(
        id=fund,
        status=STANDING,
        fund=fund,
        identifier=identifier,
        content=sha256(content).hexdigest(),
    )
    reporter = next((each.reporting.ref for each in elements if each.reporting.ref), "")
    return BookStep(book, activity, reporter, content, elements[0].line, file)


def _currency(elements: Sequence[Activity]) -> str:
    """Return the activity's currency: its default, else the one it uses most, else XXX (none)."""
    for each in elements:
        if 0 < len(each.default_currency) <= CODE_MAX_CHARS:
            return each.default_currency
    used = Counter(one.currency for each in elements for one in each.transactions)
    return used.most_common(1)[0][0] if used else "XXX"


def _row(said: Transaction, named: tuple[str, str, str], identifier: str, file: str) -> RowStep:
    fund, row_id, digest = named
    row = ReportedTransaction(
        id=row_id,
        status=STANDING,
        fund=fund,
        iati_type=said.type,
        currency=said.currency,
        amount_minor=said.amount_minor,
        digest=digest,
    )
    clear, narratives = _apart(said)
    facts: dict[str, Any] = {"file": file, "said": clear}
    blob = canonical(clear)
    if len(blob) > _SAID_MAX_BYTES:
        facts["said"] = {"blob": sha256(blob).hexdigest()}
    else:
        blob = b""
    place = Refusal(identifier, said.ordinal, said.line, "")
    return RowStep(report(row, said.date, facts), narratives, blob, place)


def _apart(said: Transaction) -> tuple[dict[str, Any], str]:
    """Part what was said into codes, amounts, dates and organisations, and free text as JSON.

    Free text is told by where it was: {"description": [...], "sectors/0": [...]}.
    """
    clear: dict[str, Any] = to_builtins(said)
    for name in _TOLD_ELSEWHERE:
        del clear[name]
    texts: dict[str, Any] = {}
    if "description" in clear:
        texts["description"] = clear.pop("description")
    for name in _CODED:
        for at, coded in enumerate(clear.get(name, ())):
            if "narratives" in coded:
                texts[f"{name}/{at}"] = coded.pop("narratives")
    return clear, canonical(texts).decode() if texts else ""
