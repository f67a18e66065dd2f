"""The check right after commit: it opens cases, goes on after a restart, and does nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from mfm.app.overlap_follower import OverlapFollower
from mfm.core.overlap_cases import OverlapCase
from mfm.store import database
from tests.app.playing import sound
from tests.calling import CALL, accepted, applied, called
from tests.support import Books, operator

pytestmark = pytest.mark.anyio
PATIENCE_SECONDS = 30


@asynccontextmanager
async def following(books: Books) -> AsyncIterator[OverlapFollower]:
    """Follow a mechanism until the block ends."""
    engine = database.reader_engine(books.url, books.mechanism.id)
    follower = OverlapFollower(books.url, books.writer, engine)
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
        assert case.funds == ("n", "g")  # both hear of it before it is published
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


async def test_a_new_follower_goes_on_where_the_last_one_stopped(books: Books) -> None:
    await books.chain()
    async with following(books) as follower:
        head = await caught_up(books, follower)
    async with following(books) as follower:
        assert await caught_up(books, follower) == head
        assert await cases(books) == {}
        connection = await database.connect(books.url, "mfm_writer")
        query = "SELECT seq FROM mfm.follower WHERE mechanism_id = $1 AND id = 'overlap'"
        assert await connection.fetchval(query, books.mechanism.id) == head
        await connection.execute("SELECT mfm.follow($1, 'overlap', 1)", books.mechanism.id)
        assert await connection.fetchval(query, books.mechanism.id) == head  # never back
        await connection.close()
    await accepted(books, "party.register", operator(), id="twin", name="Womens group asbl")
    async with following(books) as follower:
        assert await caught_up(books, follower) > head
        assert ("same-organisation", "group", "twin") in await cases(books)
