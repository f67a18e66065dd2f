"""The keys and marks by which overlap is found: kept in the transaction of what they are of."""

from collections.abc import Iterable, Iterator

from msgspec import json

from mfm.app.matching import lexicon, org_matcher
from mfm.app.overlap_held import ASKING, org_view
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.costs import Cost
from mfm.core.evidence import Invoice
from mfm.core.nouns import NOUNS
from mfm.core.overlap_keys import Keyed, application_keys, keyed, party_keys
from mfm.core.overlap_marks import (
    CONTACT,
    INVOICES,
    VERSION,
    Marked,
    MarkedNoun,
    contact_mark,
    document_mark,
    invoice_mark,
)
from mfm.core.parties import Party
from mfm.core.record import Noun, parse, restore
from mfm.core.reports import Report
from mfm.store import followers, marks
from mfm.store import overlaps as store
from mfm.store.unit import Unit
from mfm.store.writer import Writer

RENEWED_AT_ONCE = 500
_MARKED = ("party.attest", "report.submit", "report.answer", "report.accept", "cost.pay")
"""Verbs whose records have something beside them that is marked."""
_SPAN = 5_000
"""So many records are looked through at once: the writer takes other verbs between."""
_MARKS_NAME = f"overlap-marks-{VERSION}"
Beside = tuple[int, dict[str, str]]
"""A record, and the texts beside it."""


async def keep(unit: Unit, sets: Iterable[Noun], told: Beside) -> None:
    """Have a unit write, with a record, what makes findable what it sets.

    Args:
        unit: has written the record.
        sets: the states that it sets.
        told: the record, and the texts beside it.
    """
    for row in sets:
        if isinstance(row, (Party, Application)) and (made := _changed(row)) is not None:
            unit.batch.keys.append(made)
        elif isinstance(row, (Attestation, Report, Cost)):
            unit.batch.marks += await _marks(unit, row, told)


async def _marks(unit: Unit, row: Attestation | Report | Cost, told: Beside) -> list[Marked]:
    if not isinstance(row, Attestation):
        return list(_proofs(row, told))
    if (text := told[1].get(CONTACT)) is None:
        return []
    party = await unit.find(Party, row.party)
    mark = contact_mark(row.kind, text, party.country if party else "")
    return [Marked("attestation", row.id, row.kind, mark, told[0], CONTACT)] if mark else []


def _proofs(row: Report | Cost, told: Beside) -> Iterator[Marked]:
    """Yield the marks of what expenditure is proved by."""
    noun: MarkedNoun = "report" if isinstance(row, Report) else "cost"
    for document in row.documents:
        yield Marked(noun, row.id, "document", document_mark(document), told[0], None)
    for invoice in json.decode(told[1].get(INVOICES, "[]"), type=tuple[Invoice, ...]):
        if mark := invoice_mark(invoice, lexicon()):
            yield Marked(noun, row.id, "invoice", mark, told[0], INVOICES)


def _changed(row: Party | Application) -> Keyed | None:
    """Return the keys that a noun's new state brings with it, or None where they stay."""
    gone = row.status in ("reversed", "withdrawn", "declined")
    fresh = not row.seq if isinstance(row, Party) else row.status == "submitted"
    return keys_of(row) if gone or fresh else None


def keys_of(row: Party | Application) -> Keyed:
    """Return the keys of a party or application; none where it is to be found no more."""
    matcher = org_matcher()
    if isinstance(row, Party):
        if row.status == "reversed":
            return Keyed("party", row.id)
        return keyed("party", row.id, party_keys(matcher.read(org_view(row))))
    if row.status not in ASKING:
        return Keyed("application", row.id)
    return keyed("application", row.id, application_keys(row, matcher.lexicon))


async def renew(writer: Writer) -> int:
    """Write the keys that are missing, or are of another version; return how many things had none.

    It asks for nothing that submissions wait for: some hundred things at a time, between verbs.
    """
    done = 0
    kinds: tuple[type[Noun], ...] = (Party, Application)
    for kind in kinds:
        while some := await writer.run(lambda unit, kind=kind: _renewed(unit, kind)):  # type: ignore[misc]  # a default binds the loop's kind
            done += some
    while await writer.run(_marked):
        pass
    return done


async def _marked(unit: Unit) -> bool:
    """Mark what the next records tell, unless it has marks of this version; tell if there are more.

    Marks come with their records: this is for records that are older than the marks' version.
    """
    connection, number, head = unit.connection, unit.mechanism.id, unit.next_seq - 1
    since = await followers.reached(connection, number, _MARKS_NAME)
    until = min(head, since + _SPAN)
    rows = await followers.records(connection, number, (since, until), _MARKED)
    texts = await marks.texts(connection, number, [seq for seq, _ in rows])
    made: list[Marked] = []
    for seq, content in rows:
        for kind, states in parse(content)[1].sets.items():
            for row in (restore(state, NOUNS[kind]) for state in states):
                if isinstance(row, (Attestation, Report, Cost)):
                    made += await _marks(unit, row, (seq, texts.get(seq, {})))
    if made:
        await marks.write(connection, number, made)
    await followers.follow(connection, number, _MARKS_NAME, until)
    return until < head


async def _renewed(unit: Unit, kind: type[Noun]) -> int:
    number = unit.mechanism.id
    rows = await store.unkeyed(unit.connection, number, kind, RENEWED_AT_ONCE)
    if rows:
        await store.write_keys(unit.connection, number, [keys_of(row) for row in rows])
    return len(rows)
