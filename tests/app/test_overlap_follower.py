"""The check right after commit: it opens cases, goes on after a restart, and does nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import asyncpg
import pytest

from mfm.app import overlap_follower
from mfm.app.overlap_follower import AGAIN_SECONDS, OverlapFollower
from mfm.core.overlap_cases import OverlapCase
from mfm.store import database, followers
from tests.app.playing import sound
from tests.app.test_overlaps import spent_and_shared
from tests.calling import CALL, accepted, applied, called
from tests.conftest import Database
from tests.support import Books, operator

pytestmark = pytest.mark.anyio
PATIENCE_SECONDS = 30


@asynccontextmanager
async def following(
    books: Books, again_seconds: int = AGAIN_SECONDS
) -> AsyncIterator[OverlapFollower]:
    """Follow a mechanism until the block ends."""
    engine = database.reader_engine(books.url, books.mechanism.id)
    follower = OverlapFollower(books.url, books.writer, engine, again_seconds)
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await engine.dispose()


async def caught_up(books: Books, follower: OverlapFollower) -> int:
    """Wait until the follower has dealt with all records; return the last one's number."""
    for _ in range(PATIENCE_SECONDS * 50):
        head = await books.writer.run(lambda unit: _head(unit.next_seq - 1))
        if follower.seq == head:
            return head
        await asyncio.sleep(0.02)
    raise AssertionError("the follower did not come to the head")


async def _head(seq: int) -> int:
    return seq


async def cases(books: Books) -> dict[tuple[str, str, str], OverlapCase]:
    """Return the open cases, by detector and pair."""
    found = await books.writer.run(lambda unit: unit.find_all(OverlapCase, "status", ["open"]))
    return {(each.detector, each.first, each.second): each for each in found}


async def mark(books: Books) -> int:
    """Return from where a new follower would go on."""
    connection = await database.connect(books.url, "mfm_writer")
    seq = await followers.reached(connection, books.mechanism.id, "overlap")
    await connection.close()
    return seq


@asynccontextmanager
async def denied(db: Database) -> AsyncIterator[None]:
    """Take from readers what a check of an organisation reads."""
    connection = await asyncpg.connect(db.admin_url)
    await connection.execute("REVOKE SELECT ON mfm.attestation FROM mfm_reader")
    try:
        yield
    finally:
        await connection.execute("GRANT SELECT ON mfm.attestation TO mfm_reader")
        await connection.close()


@asynccontextmanager
async def slow(db: Database) -> AsyncIterator[None]:
    """Lock what a check reads, and let no statement of new connections wait for long."""
    connection = await asyncpg.connect(db.admin_url)
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {name} SET statement_timeout = '300ms'")
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE mfm.attestation IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.execute(f"ALTER DATABASE {name} RESET statement_timeout")
        await connection.close()


async def test_what_is_submitted_is_checked_once_it_is_committed(books: Books) -> None:
    await books.chain()
    await accepted(books, "party.register", id="twin", name="Womens group asbl")
    async with following(books) as follower:  # what came before it is checked too
        await caught_up(books, follower)
        twins = ("same-organisation", "group", "twin")
        assert twins in await cases(books)
        await called(books)
        await accepted(books, "call.draft", operator("w"), **{**CALL, "id": "k2", "fund": "g"})
        await caught_up(books, follower)
        case = (await cases(books))["overlapping-calls", "k", "k2"]
        assert [side.funds for side in case.sides] == [
            ("n",),
            ("g",),
        ]  # both hear of it before it is published
        await accepted(books, "call.publish", operator("publisher"), call="k2")
        await caught_up(books, follower)
        assert (await cases(books))["overlapping-calls", "k", "k2"] == case
        await applied(books)
        await applied(books, "again", title="Peace committees, again")
        head = await caught_up(books, follower)
        assert {
            twins,
            ("same-project", "again", "ap"),
            ("overlapping-calls", "k", "k2"),
        } <= (await cases(books)).keys()
        await asyncio.sleep(0.1)
        assert await caught_up(books, follower) == head
    await sound(books)


async def test_amounts_and_facts_are_checked_once_they_are_committed(books: Books) -> None:
    await books.chain()
    await accepted(books, "party.register", id="radio", name="Radio Amani")
    async with following(books) as follower:
        await spent_and_shared(books)
        await caught_up(books, follower)
        assert {
            ("same-cost", "r1", "r2"),
            ("same-charge", "audit", "audit-again"),
            ("counted-twice", "c2", "c3"),
            ("shared-control", "group", "radio"),
            ("over-stretched", "group", "group.annual-budget"),
        } <= (await cases(books)).keys()
    await sound(books)


async def test_a_new_follower_goes_on_where_the_last_one_stopped(books: Books) -> None:
    await books.chain()
    async with following(books) as follower:
        head = await caught_up(books, follower)
    async with following(books) as follower:
        assert await caught_up(books, follower) == head
        assert await cases(books) == {}
        assert await mark(books) == head
        connection = await database.connect(books.url, "mfm_writer")
        await connection.execute("SELECT mfm.follow($1, 'overlap', 1)", books.mechanism.id)
        await connection.close()
        assert await mark(books) == head  # never back
    await accepted(books, "party.register", operator(), id="twin", name="Womens group asbl")
    async with following(books) as follower:
        assert await caught_up(books, follower) > head
        assert ("same-organisation", "group", "twin") in await cases(books)


@pytest.mark.parametrize("broken", [denied, slow])
async def test_a_check_that_fails_holds_nobody_up_and_is_made_again(
    books: Books, db: Database, broken: Callable[[Database], AbstractAsyncContextManager[None]]
) -> None:
    await books.chain()
    await called(books)
    async with following(books) as follower:
        before = await caught_up(books, follower)
    async with broken(db):
        async with following(books) as follower:
            await accepted(books, "party.register", id="twin", name="Womens group asbl")
            await called(books, id="k2", fund="g")  # which is checked all the same
            await caught_up(books, follower)
            assert (await cases(books)).keys() == {("overlapping-calls", "k", "k2")}
        assert await mark(books) == before  # the twin's record is still to be looked at
    async with following(books) as follower:
        head = await caught_up(books, follower)
        assert ("same-organisation", "group", "twin") in await cases(books)
        assert len(await cases(books)) == 2  # what had been found opens no second case
        assert await mark(books) == head
    await sound(books)


async def test_a_check_that_failed_is_tried_again_while_it_runs(books: Books, db: Database) -> None:
    await books.chain()
    async with following(books, again_seconds=0) as follower:
        async with denied(db):
            await accepted(books, "party.register", id="twin", name="Womens group asbl")
            await caught_up(books, follower)
        head = await caught_up(books, follower)
        for _ in range(PATIENCE_SECONDS * 50):
            if await mark(books) >= head:
                break
            await asyncio.sleep(0.02)
        assert ("same-organisation", "group", "twin") in await cases(books)


async def test_what_fails_for_good_is_left_to_a_scan(
    books: Books, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap_follower, "HELD_BACK_MAX", 2)
    await books.chain()
    async with following(books) as follower:
        await caught_up(books, follower)
        async with denied(db):
            missed = await accepted(books, "party.register", id="twin", name="Womens group asbl")
            await caught_up(books, follower)
            assert await mark(books) == (missed.seq or 0) - 1
            await called(books)
            assert await caught_up(books, follower) == await mark(books)
