"""Verification of decisions: each is evaluated again, from the blobs in the database."""

from collections.abc import Callable

import asyncpg

from mfm.core.replays import Replays
from mfm.store.migrate import shipped_catalogue

_PIECE = 256
_BLOBS = "SELECT sha256, content FROM mfm.blob WHERE mechanism_id = $1 AND sha256 = ANY($2)"


async def rerun(
    connection: asyncpg.Connection,
    mechanism_id: int,
    replays: Replays,
    progress: Callable[[str, int, int], None],
) -> None:
    """Evaluate the decisions that were met again, once the blobs are known to be what they say.

    Raises:
        Differs: `decision-replay`.
    """

    async def read(names: set[str]) -> dict[str, bytes]:
        """Return blobs by their names; those that are not there are left out."""
        rows = await connection.fetch(_BLOBS, mechanism_id, [*map(bytes.fromhex, names)])
        return {row[0].hex(): row[1] for row in rows}

    if not replays.met:
        return
    name, content = shipped_catalogue()
    files = {name: content} | await read(replays.files)
    for first in range(0, len(replays.met), _PIECE):
        piece = replays.met[first : first + _PIECE]
        kept = await read({met.decision.content for met in piece})
        for met in piece:
            replays.again(met, kept[met.decision.content], files.__getitem__)
        progress("decision again", replays.done, len(replays.met))
