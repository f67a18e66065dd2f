"""Connections and roles: readers see one mechanism, the writer writes by calling functions."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Literal

import asyncpg
import sqlalchemy.exc
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mfm.core.errors import Invalid

# Everything the writer joins is reached by key, whatever the statistics say; and it plans once, not
# at every call (the writer makes it plan again as the tables grow).
_WRITER = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
}

Connection = asyncpg.Connection
"""A connection of the driver's: what the layers above hand on without knowing what it is."""
Engine = AsyncEngine
"""A pool of connections for reading: what the layers above hold without knowing what it is."""
Snapshot = AsyncConnection
"""A connection on which all reads see the same moment."""

UNREACHABLE = (
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.OperationalError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    OSError,
)
"""What is raised while the database does not answer."""
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection says that was cut while it was idle
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
    OSError,
)
"""What a connection raises that was lost: what it was writing may be written, or not."""
FAILED = (*UNREACHABLE, asyncpg.PostgresError, sqlalchemy.exc.DBAPIError)
"""What is raised when the database answers with an error, or not at all."""
_AWAY = ("08", "53", "57P")
"""SQLSTATE of connections lost, of resources that are short, and of a server going down or up."""

Role = Literal["mfm_writer", "mfm_reader", "mfm_auditor"]
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
_ORIGIN_MAX = 200


class Mechanism(Struct, frozen=True):
    """A mechanism: one journal, one order, one trail.

    Attributes:
        id: its number, which leads every key.
        name: its name.
        origin: the trail's name, which stands in every record.
    """

    id: int
    name: str
    origin: str


def is_unreachable(error: Exception) -> bool:
    """Tell whether an error says that the database does not answer now, but may later."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(_AWAY) or _lost(error)
    return _lost(error)


def _lost(error: Exception) -> bool:
    return isinstance(error, (*UNREACHABLE, sqlalchemy.exc.TimeoutError))


def engine_url(url: str) -> str:
    """Return a PostgreSQL URL as SQLAlchemy wants it for asyncpg."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+asyncpg://", url)


def driver_url(url: str) -> str:
    """Return a PostgreSQL URL as asyncpg itself wants it."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)


async def connect(url: str, role: Role, mechanism_id: int = 0) -> asyncpg.Connection:
    """Connect as a role; as reader or auditor, within one mechanism."""
    return await asyncpg.connect(driver_url(url), server_settings=_settings(role, mechanism_id))


def _settings(role: Role, mechanism_id: int) -> dict[str, str]:
    return {
        "role": role,
        "search_path": "mfm",
        "mfm.mechanism": str(mechanism_id),
        "application_name": role,
        "jit": "off",
        **(_WRITER if role == "mfm_writer" else {}),
    }


def reader_engine(url: str, mechanism_id: int, role: Role = "mfm_reader") -> AsyncEngine:
    """Return a pool of read-only connections within one mechanism."""
    settings = _settings(role, mechanism_id) | {"default_transaction_read_only": "on"}
    return create_async_engine(
        engine_url(url),
        connect_args={"server_settings": settings},
        pool_size=8,
        max_overflow=8,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text goes to the log
    )


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection on which all reads see one and the same moment."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ")
        yield connection


async def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """Return the driver's own connection beneath one of a pool; it is in the same transaction."""
    raw = await connection.get_raw_connection()
    driver: asyncpg.Connection = raw.driver_connection
    if not driver.is_in_transaction():
        await connection.execute(sqlalchemy.select(1))  # the pool begins it with its first own
    return driver


async def within(connection: asyncpg.Connection) -> int:
    """Return the mechanism that a reader's or auditor's connection is within."""
    return int(await connection.fetchval("SELECT current_setting('mfm.mechanism')::int"))


async def mechanisms(url: str) -> list[Mechanism]:
    """Return the mechanisms of a database, by name."""
    connection = await connect(url, "mfm_writer")
    try:
        rows = await connection.fetch("SELECT mechanism_id, name, origin FROM mechanism ORDER BY 2")
        return [Mechanism(*row) for row in rows]
    finally:
        await connection.close()


async def create_mechanism(url: str, name: str, origin: str | None = None) -> Mechanism:
    """Make a mechanism with an empty journal.

    Its number comes from its name, so that no sequence is shared between mechanisms.

    Args:
        url: the database.
        name: its name, within the database.
        origin: its trail's name, which no other operator's has either; else `mfm/` and its name.

    Raises:
        Invalid: `mechanism-name`, `mechanism-exists`, `mechanism-origin`.
    """
    if _NAME.fullmatch(name) is None:
        detail = f"{name!r}: lower-case letters, digits, dot, dash, underscore; at most 63."
        raise Invalid("mechanism-name", detail)
    number = int.from_bytes(sha256(name.encode()).digest()[:4], "big") % (2**31 - 1) + 1
    made = Mechanism(number, name, f"mfm/{name}" if origin is None else origin)
    if _ORIGIN.fullmatch(made.origin) is None or len(made.origin) > _ORIGIN_MAX:
        detail = f"{origin!r}: lower-case letters, digits, dot, dash, underscore; slashes between."
        raise Invalid("mechanism-origin", detail)
    connection = await connect(url, "mfm_writer")
    try:
        await connection.execute("SELECT create_mechanism($1, $2, $3)", number, name, made.origin)
    except asyncpg.UniqueViolationError as taken:
        if taken.constraint_name == "mechanism_origin":
            raise Invalid("mechanism-origin", f"{origin} is another's trail here.") from None
        raise Invalid("mechanism-exists", f"There is a mechanism {name} already.") from None
    finally:
        await connection.close()
    return made


async def migrated(url: str, revision: str) -> bool:
    """Tell whether a database is at a migration."""
    connection = await asyncpg.connect(driver_url(url))
    try:
        if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
            return False
        found = await connection.fetchval("SELECT version_num FROM public.alembic_version")
        return bool(found == revision)
    except asyncpg.InsufficientPrivilegeError:
        return False
    finally:
        await connection.close()
