"""The log of reads: written beside the requests, bounded, and what it loses is counted."""

import asyncio

import asyncpg
import pytest

from mfm.app import read_log
from mfm.app.read_log import QUEUE_MAX, ReadLog, note_now
from mfm.app.reads import Page
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.store import database
from mfm.store.read_log import Read
from tests.conftest import Database
from tests.support import Books, operator

pytestmark = pytest.mark.anyio

DONOR = Actor("donor", "donor", "k1")


async def logged(books: Books, page: Page | None = None) -> list[Read]:
    engine = database.reader_engine(books.url, books.mechanism.id)
    try:
        return await read_log.page_of(engine, Actor("a", "auditor", "k"), page or Page())
    finally:
        await engine.dispose()


async def test_what_was_noted_is_written_in_its_order(books: Books) -> None:
    log = ReadLog(books.url, books.mechanism)
    log.start()
    for number in range(2_500):
        log.note(DONOR, "fund.read", f"/v1/funds/{number}", number)
    assert log.waiting == 2_500  # nothing was written while it was noted
    await log.close()
    assert (log.waiting, log.lost) == (0, 0)
    found: list[Read] = []
    page = Page(1_000)
    while some := await logged(books, page):
        found += some
        page = Page(1_000, after=(0, some[-1].id))
    assert [each.subject for each in found] == [f"/v1/funds/{n}" for n in range(2_500)]
    assert [each.items for each in found] == list(range(2_500))
    assert {(e.party, e.role, e.key, e.action) for e in found} == {
        ("donor", "donor", "k1", "fund.read")
    }
    assert [each.at for each in found] == sorted(each.at for each in found)


async def test_it_is_written_while_it_runs(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_log, "_PAUSE_SECONDS", 0.01)
    log = ReadLog(books.url, books.mechanism)
    log.start()
    for round_ in range(2):
        log.note(DONOR, "fund.read", f"round {round_}")
        for _ in range(500):
            if not log.waiting:
                break
            await asyncio.sleep(0.01)
        assert len(await logged(books)) == round_ + 1
    await log.close()


async def test_beyond_its_bound_reads_are_lost_and_counted(books: Books) -> None:
    log = ReadLog(books.url, books.mechanism)
    for _ in range(QUEUE_MAX + 7):
        log.note(DONOR, "fund.read", "x")
    assert (log.waiting, log.lost) == (QUEUE_MAX, 7)


async def test_a_database_that_is_away_loses_nothing_until_the_end(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_log, "_PAUSE_SECONDS", 0.01)
    away = ReadLog("postgresql://nobody@127.0.0.1:1/none", books.mechanism)
    away.start()
    away.note(DONOR, "fund.read", "x")
    await asyncio.sleep(0.1)
    assert (away.waiting, away.lost) == (1, 0)
    await away.close()
    assert away.lost == 1


async def test_whatever_an_address_holds_is_written(books: Books) -> None:
    log = ReadLog(books.url, books.mechanism)
    log.start()
    for subject in ("/v1/\0", "/v1/\ud800", "x" * 10_000, "", "/v1/دولة"):
        log.note(DONOR, "fund.read", subject)
    await log.close()
    assert log.lost == 0
    assert [each.subject for each in await logged(books)] == [
        *("/v1/", "/v1/?", "x" * 500, "", "/v1/دولة")
    ]


async def test_a_command_notes_its_read_at_once(books: Books) -> None:
    await note_now(books.url, books.mechanism, operator(), ("chain.read", "mfm chain c", 1))
    assert [each.subject for each in await logged(books)] == ["mfm chain c"]
    found = await logged(books, Page(filters={"action": "fund.read"}))
    assert found == []


async def test_only_auditors_read_it(books: Books) -> None:
    engine = database.reader_engine(books.url, books.mechanism.id)
    for role in ("donor", "preparer", "administrator", "grantee"):
        with pytest.raises(Invalid, match="role-not-allowed"):
            await read_log.page_of(engine, Actor("a", role, "k"), Page())
    await engine.dispose()


async def test_nobody_changes_it_and_others_do_not_see_it(books: Books, db: Database) -> None:
    await note_now(books.url, books.mechanism, DONOR, ("fund.read", "x", 1))
    owner = await asyncpg.connect(db.admin_url)
    for sql in (
        "UPDATE mfm.read_log SET items = 0",
        "DELETE FROM mfm.read_log",
        "TRUNCATE mfm.read_log",
        "INSERT INTO mfm.read_log SELECT * FROM mfm.read_log",
    ):
        with pytest.raises(asyncpg.PostgresError) as caught:
            await owner.execute(sql)
        assert caught.value.sqlstate == "MF403", sql
    await owner.close()
    for role in ("mfm_writer", "mfm_reader", "mfm_auditor"):
        connection = await database.connect(db.app_url, role, books.mechanism.id + 1)
        if role != "mfm_writer":
            assert await connection.fetch("SELECT * FROM read_log") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM read_log")
        await connection.close()
    for role in ("mfm_reader", "mfm_auditor"):
        connection = await database.connect(db.app_url, role, books.mechanism.id)  # type: ignore[arg-type]  # both are roles
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "SELECT note_reads(1, '{}', '{}', '{}', '{}', '{}', '{}', '{}')"
            )
        await connection.close()
