"""Exports, reported books: what others have published goes out as it came in."""

from typing import Any, cast

from msgspec import convert, json, structs

from mfm.app.export_names import Redaction
from mfm.core.record import parse
from mfm.formats.iati_model import (
    Activity,
    Coded,
    Narrative,
    Transaction,
)
from mfm.store.exports import Told

_decode = json.Decoder(list[Activity]).decode
_LISTS = (
    *("title", "description", "dates", "participants", "sectors", "policy_markers", "related"),
    *("recipient_countries", "recipient_regions", "default_aid_types"),
)
_CODES = ("status", "default_flow_type", "default_finance_type", "default_tied_status")


def header(content: bytes) -> Activity:
    """Return all that was said of an activity apart from its transactions.

    Where several elements of the file had its identifier they are one again: the first says what
    it says, the others what it leaves open.
    """
    first, *others = _decode(content)
    for other in others:
        open_ = [name for name in (*_LISTS, *_CODES) if not getattr(first, name)]
        first = structs.replace(first, **{name: getattr(other, name) for name in open_})
    return first


def redacted_header(said: Activity, redaction: Redaction) -> Activity:
    """Return an activity's header with the parties at risk by their pseudonyms."""
    return structs.replace(
        said,
        identifier=redaction.identifier(said.identifier),
        reporting=redaction.organisation(said.reporting),
        title=redaction.texts(said.title),
        description=redaction.texts(said.description),
        participants=tuple(
            structs.replace(each, organisation=redaction.organisation(each.organisation))
            for each in said.participants
        ),
        related=tuple(
            structs.replace(each, ref=redaction.identifier(each.ref)) for each in said.related
        ),
        conditions=redaction.conditions(said.conditions),
    )


def said_of(told: Told) -> dict[str, Any] | str:
    """Return what a transaction's record says of it, or the SHA-256 (hex) of the blob that does."""
    said = cast("dict[str, Any]", parse(told.content)[1].facts["said"])
    return said["blob"] if said.keys() == {"blob"} else said


def from_blob(content: bytes) -> dict[str, Any]:
    """Return what a blob says of a transaction."""
    return cast("dict[str, Any]", json.decode(content))


def transaction(told: Told, said: dict[str, Any]) -> Transaction:
    """Return a transaction as it was published.

    Args:
        told: what the books have of it.
        said: what its record, or the record's blob, says beside that.
    """
    own = {
        "ordinal": 0,
        "line": 0,
        "type": told.iati_type,
        "date": told.on,
        "amount_minor": told.amount_minor,
        "currency": told.currency,
    }
    made = convert({**said, **own}, Transaction, strict=False)
    return _with_texts(made, told.texts) if told.texts else made


def _with_texts(made: Transaction, texts: str) -> Transaction:
    """Return a transaction with its free text where it was, as `import_plan` put it aside."""
    changed: dict[str, Any] = {}
    for place, value in json.decode(texts).items():
        narratives = convert(value, tuple[Narrative, ...])
        name, _, at = place.partition("/")
        if not at:
            changed[name] = narratives
            continue
        coded: list[Coded] = list(changed.get(name, getattr(made, name)))
        coded[int(at)] = structs.replace(coded[int(at)], narratives=narratives)
        changed[name] = tuple(coded)
    return structs.replace(made, **changed)


def redacted(said: Transaction, redaction: Redaction) -> Transaction:
    """Return a transaction with the parties at risk by their pseudonyms."""
    return structs.replace(
        said,
        provider=redaction.organisation(said.provider) if said.provider else None,
        receiver=redaction.organisation(said.receiver) if said.receiver else None,
        description=redaction.texts(said.description),
    )
