"""Anchors: somebody else's word on when a checkpoint existed (RFC 3161), by file or by address."""

from mfm.core.errors import Invalid
from mfm.formats import timestamps
from mfm.formats.timestamps import CLOCKS_APART
from mfm.store import cosigned, remote, trail
from mfm.store.database import Connection, Mechanism

_OK = 200


async def text_of(connection: Connection, mechanism: Mechanism, size: int) -> bytes:
    """Return what is timestamped of a checkpoint: its text, the three lines before signatures.

    Cosignatures come later and change the file; the text stays, and says size and root.

    Raises:
        Invalid: `checkpoint-unknown`.
    """
    note = await trail.note_of(connection, mechanism.id, size)
    if not note:
        raise Invalid("checkpoint-unknown", f"There is no checkpoint of {size} records.")
    return note.partition("\n\n")[0].encode() + b"\n"


async def request(connection: Connection, mechanism: Mechanism, size: int) -> bytes:
    """Return the request to timestamp a checkpoint (.tsq). Raises as `text_of`."""
    return timestamps.request(await text_of(connection, mechanism, size))


async def keep(connection: Connection, mechanism: Mechanism, size: int, response: bytes) -> None:
    """Keep an authority's response (.tsr), as it came.

    Raises:
        Invalid: `anchor-malformed`, `anchor-refused`, `anchor-differs`; `anchor-older` when it is
            of a time before that of a record it covers; `checkpoint-unknown`.
    """
    at = timestamps.check(response, await text_of(connection, mechanism, size))
    last = await trail.recorded_at(connection, mechanism.id, size)
    if at < last - CLOCKS_APART:
        detail = f"It is of {at:%Y-%m-%d %H:%M:%S} UTC, record {size} of {last:%Y-%m-%d %H:%M:%S}."
        raise Invalid("anchor-older", detail)
    await cosigned.keep_anchor(connection, mechanism.id, size, response)


async def submit(connection: Connection, mechanism: Mechanism, size: int, url: str) -> None:
    """Ask an authority to timestamp a checkpoint, and keep what it answers.

    Raises:
        Invalid: as `keep` and `remote.post`; `anchor-refused` for another status than 200.
    """
    asked = await request(connection, mechanism, size)
    answer = remote.post(url, asked, timestamps.REQUEST_TYPE)
    if answer.status != _OK:
        raise Invalid("anchor-refused", f"{url} answers {answer.status}.")
    await keep(connection, mechanism, size, answer.body)
