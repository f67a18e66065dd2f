"""Verifying the ledger: who may ask, and what request each record answers."""

from typing import Any

from msgspec import DecodeError, ValidationError, convert

from mfm.app.heads import NOTE
from mfm.app.perform import fields_of, request_hash, told_beside
from mfm.app.registry import VERBS
from mfm.app.rotation import ROTATE
from mfm.core.permissions import Actor, scope_of
from mfm.store import verify as store
from mfm.store.database import Mechanism


async def verify_database(
    url: str, mechanism: Mechanism, actor: Actor, progress: store.Progress
) -> store.Verified:
    """Fold the mechanism's records and compare every table with them.

    Args:
        url: the database, as a login that may become mfm_auditor.
        mechanism: whose journal.
        actor: who asks.
        progress: told (table, rows done, rows in all) now and then.

    Raises:
        Invalid: `role-not-allowed`.
    """
    scope_of(actor, "database.read")
    return await store.verify(url, mechanism, request_of, progress)


def request_of(verb: str, told: dict[str, Any], texts: dict[str, str]) -> bytes | None:
    """Return the SHA-256 of the request that a record answers.

    None where the record does not tell all of it: a voucher's lines are told as postings, in
    another shape, and an import's request is its file.
    """
    known = {ROTATE.name: ROTATE, NOTE.name: NOTE}.get(verb) or VERBS.get(verb)
    if known is None:
        return None
    command = known.command
    clear, free = fields_of(command)
    if {*command.__struct_fields__} - {*clear, *free} - told.keys():
        return None
    try:
        asked = told | told_beside(command, texts)
        return request_hash(convert(asked, command, strict=False))
    except (DecodeError, ValidationError):
        return b""
