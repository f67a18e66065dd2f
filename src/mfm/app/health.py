"""Health: whether this process can serve."""

from typing import Any

from mfm.store import migrate, reads
from mfm.store.database import FAILED, Engine
from mfm.store.writer import Writer


async def ready(engine: Engine, writer: Writer) -> dict[str, Any]:
    """Return `status` (ready or not), the journal's end, and how many verbs wait."""
    told: dict[str, Any] = {"status": "ready", "waiting": writer.waiting}
    try:
        async with engine.connect() as connection:
            told["seq"] = await reads.head_seq(connection)
            told["migration"] = await reads.revision(connection)
    except FAILED:
        return told | {"status": "unavailable", "because": "The database does not answer."}
    if told["migration"] != migrate.newest():
        told |= {"status": "unavailable", "because": "The database is behind this release."}
    if not writer.serving:
        told |= {"status": "unavailable", "because": "The writer has stopped."}
    return told
