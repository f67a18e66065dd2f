"""Migrations: SQL files in order, run by Alembic through the raw asyncpg connection.

Alembic keeps the version and the transaction; the SQL goes past SQLAlchemy, because a file of
several statements cannot be prepared and `:name` in it would be taken for a parameter.
"""

import asyncio
from hashlib import sha256
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from mfm.store.database import engine_url

_PACKAGE = Path(__file__).parents[1]


def shipped(folder: str) -> Path:
    """Return a folder of data files: beside the installed package, else at the repository's root.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    for place in (_PACKAGE / folder, _PACKAGE.parents[1] / folder):
        if place.is_dir():
            return place
    raise FileNotFoundError(folder)


def shipped_catalogue() -> tuple[str, bytes]:
    """Return the SHA-256 (hex) and the bytes of this release's catalogue of facts."""
    content = (shipped("policies") / "catalogue" / "facts.toml").read_bytes()
    return sha256(content).hexdigest(), content


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    return config


def newest() -> str:
    """Return the newest migration that this release knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # the release carries its migrations
    return head


def run_sql(name: str) -> None:
    """Run a SQL file of the migrations in the transaction of the migration that calls this."""
    sql = (shipped("migrations") / name).read_text(encoding="utf-8")
    bind = op.get_bind()
    bind.execute(text("SELECT 1"))  # makes sure that the driver has begun the transaction
    driver = bind.connection.driver_connection
    bind.connection.dbapi_connection.run_async(lambda _: driver.execute(sql))  # type: ignore[union-attr]  # the adapter of SQLAlchemy's asyncpg dialect


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def migrate_async(url: str) -> None:
    """Bring a database to the newest migration; does nothing where it is there already.

    Args:
        url: a login that may become mfm_owner.
    """
    engine = create_async_engine(engine_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET ROLE mfm_owner"))
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


def migrate(url: str) -> None:
    """Bring a database to the newest migration, from code that runs no event loop."""
    asyncio.run(migrate_async(url))
