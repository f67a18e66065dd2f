"""Erasing free text beside a record: the text goes, what the record says of it stays."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import trail as rules
from mfm.core.errors import Invalid
from mfm.core.record import Draft, parse
from mfm.core.trail import ERASURE, ErasePayload


async def erase(context: Context, command: ErasePayload) -> Draft:
    """Erase free text beside a record, for good; its commitment stays."""
    context.require()
    content = await context.unit.record(command.record)
    if content is None:
        raise Invalid("not-found", f"There is no record {command.record}.", "/record")
    there = await context.unit.texts(command.record)
    return rules.erase(context.act(None), command, parse(content), set(there))


VERBS = (Verb(ERASURE, ErasePayload, erase, "/records/{record}/erase"),)
