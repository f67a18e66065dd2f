"""The tests' database: MFM_TEST_DATABASE_URL, else a container, else the embedded server.

MFM_TEST_DATABASE_URL is a superuser's login: tests make the roles and a database of their own.
Each test has a mechanism of its own, so that tests share a database and never meet.
"""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import settings

from mfm import logs
from mfm.store import database, embedded, migrate
from mfm.store.writer import Writer
from tests.support import Books

_CHOSEN = pytest.StashKey[str]()

# Without deadlines: a busy machine is no defect. HYPOTHESIS_PROFILE=thorough looks further.
settings.register_profile("quick", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


class Database(NamedTuple):
    """A migrated database for the tests of this process."""

    app_url: str
    migration_url: str
    admin_url: str
    kind: str


def _choice() -> str:
    if os.environ.get("MFM_TEST_DATABASE_URL"):
        return "MFM_TEST_DATABASE_URL"
    if (
        shutil.which("docker")
        and not subprocess.run(  # the engine answers or not
            ["docker", "info"],
            capture_output=True,
            check=False,  # as found on the path
        ).returncode
    ):
        return "testcontainers"
    return "embedded"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_CHOSEN] = _choice()
    logs.configure()  # as the service does: structlog's own default draws every local variable


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {config.stash[_CHOSEN]}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def db(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A PostgreSQL database with the newest schema and the roles."""
    kind = request.config.stash[_CHOSEN]
    if kind == "embedded":
        folder = Path(tempfile.mkdtemp(prefix="mfm-tests-"))
        folder.chmod(0o755)
        server = embedded.start(folder / "data")
        try:
            migrate.migrate(server.migration_url)
            yield Database(server.app_url, server.migration_url, server.admin_url, kind)
        finally:
            server.close(discard=True)
            shutil.rmtree(folder, ignore_errors=True)
    elif kind == "testcontainers":
        # Without an engine its import and constructor raise, so it is not imported above.
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer("postgres:18", driver=None) as container:
            yield asyncio.run(_prepare(container.get_connection_url(), kind))
    else:
        yield asyncio.run(_prepare(os.environ["MFM_TEST_DATABASE_URL"], kind))


async def _prepare(admin_url: str, kind: str) -> Database:
    """Make the roles and a database on somebody's server."""
    name = f"mfm_test_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(admin_url)
    roles = migrate.shipped("migrations") / "roles.sql"
    await connection.execute(roles.read_text(encoding="utf-8"))
    for login in ("mfm_app", "mfm_migrator"):
        await connection.execute(f"ALTER ROLE {login} PASSWORD 'tests'")
    await connection.execute(f"CREATE DATABASE {name} OWNER mfm_owner")
    await connection.close()

    def url(login: str) -> str:
        return re.sub(r"//[^@/]*@?([^/]*)/[^?]*", rf"//{login}:tests@\1/{name}", admin_url, count=1)

    await migrate.migrate_async(url("mfm_migrator"))
    admin = re.sub(r"(//[^/]*)/[^?]*", rf"\1/{name}", admin_url, count=1)
    return Database(url("mfm_app"), url("mfm_migrator"), admin, kind)


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    """A fresh mechanism with a running writer."""
    mechanism = await database.create_mechanism(db.app_url, f"t-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    try:
        yield Books(db.app_url, mechanism, writer)
    finally:
        await writer.close()
