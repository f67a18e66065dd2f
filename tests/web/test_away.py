"""When the ledger cannot serve: it says so, with the next step, and never as a fault of ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO

import asyncpg
import pytest
import structlog

from mfm.core.errors import Invalid
from mfm.store import database, writer
from mfm.store.unit import Unit
from mfm.store.writer import QUEUE_MAX, Writer
from mfm.web.asgi import create_app
from mfm.web.services import Services
from tests.conftest import Database
from tests.web.site import CURSOR_KEY, Site, problem, voucher

pytestmark = pytest.mark.anyio

BLOCKED = "SELECT pid FROM pg_stat_activity WHERE usename = 'mfm_app' AND wait_event_type = 'Lock'"
INSIDE = "SELECT something FROM nowhere"
NOWHERE = "postgresql://mfm_app@127.0.0.1:1/mfm"


@asynccontextmanager
async def admin(db: Database) -> AsyncIterator[asyncpg.Connection]:
    """Give a superuser's connection."""
    connection = await asyncpg.connect(db.admin_url)
    try:
        yield connection
    finally:
        await connection.close()


async def blocked(db: Database) -> int:
    """Return the process of a connection of ours that waits for a lock, once there is one."""
    async with admin(db) as connection, asyncio.timeout(10):
        found = None
        while found is None:
            found = await connection.fetchval(BLOCKED)
    return int(found)


async def _nothing(_: Unit) -> int:
    return 1


async def test_a_full_queue_asks_to_come_again(site: Site, db: Database) -> None:
    number = site.books.mechanism.id
    head = await site.head()
    async with admin(db) as connection:
        holding = connection.transaction()
        await holding.start()
        await connection.execute(
            "SELECT * FROM mfm.head WHERE mechanism_id = $1 FOR UPDATE", number
        )
        stuck = asyncio.create_task(site.post("/v1/entries", voucher("1.00"), Idempotency_Key="q0"))
        assert await blocked(db)
        here, waiting = site.books.writer, []
        while here.waiting < QUEUE_MAX:  # the writer takes some, and then no more
            some = range(QUEUE_MAX - here.waiting)
            waiting += [asyncio.create_task(here.run(_nothing)) for _ in some]
            await asyncio.sleep(0.05)
        refused = await site.post("/v1/entries", voucher("1.00"), Idempotency_Key="q1")
        problem(refused, "overloaded", 429)
        assert int(refused.headers["retry-after"]) > 0
        ready = await site.client.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["waiting"] == QUEUE_MAX
        assert (await site.get("/v1/parties")).status_code == 200  # reading goes on
        await holding.rollback()
        assert await asyncio.gather(*waiting) == [1] * len(waiting)
        assert (await stuck).status_code == 201
    again = await site.post("/v1/entries", voucher("1.00"), Idempotency_Key="q1")
    assert again.status_code == 201  # the key was not bound
    assert await site.head() == head + 2


async def test_lost_connections_are_found_again(site: Site, db: Database) -> None:
    await site.get("/v1/parties")
    for key in ("lost-1", "lost-2"):
        async with admin(db) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'mfm_app' AND pid <> pg_backend_pid()"
            )
        answers = await asyncio.gather(
            site.post("/v1/entries", voucher("1.00"), Idempotency_Key=key),
            *(site.get(path) for path in ("/v1/parties", "/v1/records", "/v1/funds/g/statement")),
        )
        assert [answer.status_code for answer in answers] == [201, 200, 200, 200]


async def test_a_connection_lost_during_a_read_is_no_fault_of_ours(
    site: Site, db: Database
) -> None:
    async with admin(db) as connection:
        holding = connection.transaction()
        await holding.start()
        await connection.execute("LOCK TABLE mfm.party IN ACCESS EXCLUSIVE MODE")
        asked = asyncio.create_task(site.get("/v1/parties"))
        await connection.execute("SELECT pg_terminate_backend($1)", await blocked(db))
        problem(await asked, "unavailable", 503)
        await holding.rollback()
    assert (await site.get("/v1/parties")).status_code == 200


async def test_a_writer_without_a_database_says_so(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_RECONNECT_SECONDS", 0)
    here = site.services.writer
    url, here._url = here._url, NOWHERE
    assert here._connection is not None
    here._connection.terminate()
    lost = await site.post("/v1/entries", voucher("1.00"), Idempotency_Key="away")
    problem(lost, "unavailable", 503)
    assert int(lost.headers["retry-after"]) > 0
    here._url = url
    assert (
        await site.post("/v1/entries", voucher("1.00"), Idempotency_Key="away")
    ).status_code == 201


@pytest.mark.parametrize("url", [NOWHERE, "postgresql://mfm_app@nowhere.invalid/mfm"])
async def test_readers_without_a_database_say_so(site: Site, url: str) -> None:
    engine = database.reader_engine(url, site.books.mechanism.id)
    site.services.forget_keys()
    away = Site(site.books, engine)
    away.keys = site.keys
    try:
        async with away.client:
            for path in ("/v1/parties", "/v1/funds/g/statement"):
                unavailable = await away.get(path)
                problem(unavailable, "unavailable", 503)
                assert "nowhere" not in unavailable.text
            assert (await away.client.get("/health/live")).status_code == 200
            ready = await away.client.get("/health/ready")
            assert ready.status_code == 503
            assert ready.json()["because"] == "The database does not answer."
    finally:
        await engine.dispose()


async def test_ready_says_when_the_writer_has_stopped(site: Site, db: Database) -> None:
    mechanism = site.books.mechanism
    stopped = Writer(db.app_url, mechanism)
    await stopped.start()
    services = Services(stopped, site.services.engine, CURSOR_KEY)
    away = Site(site.books, site.services.engine)
    away.services, away.app = services, create_app(services)
    away.client._transport.app = away.app  # type: ignore[attr-defined]  # the same client, this application
    async with away.client:
        assert (await away.client.get("/health/ready")).status_code == 200
        await stopped.close()
        ready = await away.client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["because"] == "The writer has stopped."
        away.keys = site.keys
        problem(await away.post("/v1/entries", voucher("1.00")), "overloaded", 429)
    with pytest.raises(Invalid):
        await stopped.run(_nothing)


async def test_a_fault_of_ours_tells_nothing_of_the_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError(INSIDE)

    log = StringIO()
    monkeypatch.setattr("mfm.web.asgi.log", structlog.wrap_logger(structlog.PrintLogger(log)))
    monkeypatch.setattr("mfm.web.lists.reads.page_of", broken)
    response = await site.get("/v1/parties")
    problem(response, "internal", 500)
    assert INSIDE not in response.text
    assert "RuntimeError" not in response.text
    logged = log.getvalue()
    assert "RuntimeError" in logged
    assert response.headers["x-request-id"] in logged
