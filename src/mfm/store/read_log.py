"""The log of reads: rows added through one function, and pages of them."""

from datetime import datetime
from typing import NamedTuple

import asyncpg
from msgspec import Struct
from sqlalchemy import Text, Uuid, cast, column, literal, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.store.database import Mechanism, connect
from mfm.store.reads import Page

_COLUMNS = ("id", "at", "party", "role", "key", "action", "subject", "items")
_NOTE = (
    "SELECT note_reads($1, $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],"
    " $7::text[], $8::bigint[])"
)


class Noted(NamedTuple):
    """A read: when, by whom (party, role, key), for which action, of what, how many things."""

    at: datetime
    party: str
    role: str
    key: str
    action: str
    subject: str
    items: int


class Read(Struct, frozen=True):
    """A read or export of what is not public, as the log has it.

    Attributes:
        id: in the order of writing.
        at: when it was answered.
        party: who read; likewise its role, and the id of its key.
        action: by which action of the table of permissions.
        subject: what: an address with its query, or a command.
        items: how many things were told.
    """

    id: str
    at: datetime
    party: str
    role: str
    key: str
    action: str
    subject: str
    items: int


class Log:
    """Where reads are written: a connection of its own, made when there is something to write."""

    def __init__(self, url: str, mechanism: Mechanism) -> None:
        """Prepare; nothing connects here.

        Args:
            url: the database, as a login that may become mfm_writer.
            mechanism: whose log.
        """
        self._url = url
        self._mechanism = mechanism
        self._connection: asyncpg.Connection | None = None

    async def write(self, reads: list[Noted]) -> None:
        """Add reads to the log with one call."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url, "mfm_writer")
        told = (list(each) for each in zip(*reads, strict=True))
        await self._connection.execute(_NOTE, self._mechanism.id, *told)

    async def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            await self._connection.close()


async def page_of(connection: AsyncConnection, page: Page) -> list[Read]:
    """Return a page of the log, in the order of writing."""
    log = table("read_log", *map(column, _COLUMNS))
    clauses = [log.c[name] == value for name, value in page.filters.items()]
    if page.after[1]:
        clauses.append(log.c.id > cast(literal(page.after[1], Text), Uuid))
    query = select(*log.c).where(*clauses).order_by(log.c.id).limit(page.limit)
    return [Read(str(row[0]), *row[1:]) for row in await connection.execute(query)]
