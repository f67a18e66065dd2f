"""Keys kept with submissions, and what is found by them: like a slower way, and like the scan."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mfm.app.overlap_check import check
from mfm.app.overlap_keys import keys_of, renew
from mfm.app.overlaps import scan
from mfm.core.errors import Invalid
from mfm.core.overlap_keys import VERSION, Keyed, close_pairs, nearest
from mfm.core.overlaps import Overlap
from mfm.core.parties import Party
from mfm.core.permissions import Actor
from mfm.store import database, overlap_pairs, overlaps
from mfm.store.database import connect, driver_of, snapshot
from tests.app.playing import sound
from tests.app.test_overlaps import played
from tests.calling import accepted, applied, called, grantee
from tests.support import Books, operator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(books: Books) -> AsyncIterator[AsyncEngine]:
    made = database.reader_engine(books.url, books.mechanism.id)
    yield made
    await made.dispose()


async def kept(books: Books) -> dict[tuple[str, str], set[int]]:
    """Return the keys under which things are found."""
    connection = await connect(books.url, "mfm_writer")
    rows = await connection.fetch(
        "SELECT d.kind, d.id, k.key FROM mfm.overlap_keyed d JOIN mfm.overlap_key k"
        " USING (mechanism_id, number) WHERE d.mechanism_id = $1",
        books.mechanism.id,
    )
    await connection.close()
    found: dict[tuple[str, str], set[int]] = {}
    for kind, name, key in rows:
        found.setdefault((kind, name), set()).add(key)
    return found


async def test_keys_come_with_a_submission_and_go_with_a_withdrawal(books: Books) -> None:
    await books.chain()
    await called(books)
    told = {"id": "sfp", "name": "Synergie des Femmes pour la Paix", "country": "CD"}
    registered = await accepted(books, "party.register", **told)
    party = Party(status="registered", **told)  # type: ignore[arg-type]  # three strings
    assert (await kept(books))["party", "sfp"] == set(keys_of(party).keys)
    await accepted(books, "party.set-risk", party="group", reason="Threats.")
    draft = {"id": "ap", "call": "k"}
    await applied(books)
    before = await kept(books)
    assert ("application", "ap") in before
    assert ("application", "draft") not in before
    await accepted(books, "application.withdraw", grantee(), application="ap")
    await accepted(books, "record.reverse", operator("b"), record=registered.seq)
    after = await kept(books)
    assert after.keys() == before.keys() - {("application", draft["id"]), ("party", "sfp")}
    await sound(books)


async def test_a_registration_that_is_refused_leaves_no_keys(books: Books) -> None:
    await accepted(books, "party.register", id="a", name="Radio Amani")
    before = await kept(books)
    with pytest.raises(Invalid, match="id-taken"):
        await books.do("party.register", id="a", name="Radio Amani")
    assert await kept(books) == before


async def rows(books: Books) -> int:
    """Return how many keys there are, whoever has them."""
    connection = await connect(books.url, "mfm_writer")
    query = "SELECT count(*) FROM mfm.overlap_key WHERE mechanism_id = $1"
    found = await connection.fetchval(query, books.mechanism.id)
    await connection.close()
    return int(found)


async def test_keys_that_are_made_anew_find_what_the_old_ones_found(
    books: Books, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.chain()
    await called(books)
    await applied(books)
    for at in range(12):  # of one word, which near all that may hold it do
        await accepted(books, "party.register", id=f"p{at}", name=f"Zubeda {chr(97 + at) * 6}")
    asked = keys_of(Party(id="x", status="registered", name="Zubeda aaaaaa"))

    async def found() -> tuple[set[tuple[str, str]], list[str]]:
        async with snapshot(engine) as connection:
            made = (await overlap_pairs.pairs(connection))["party"]
            return set(made), await overlaps.nearest(connection, asked.keys, 9)

    whole, before, count = await kept(books), await found(), await rows(books)
    assert len(before[0]) > 12
    assert await renew(books.writer) == 0
    for version in (1, 2, 3):
        monkeypatch.setattr(overlaps, "VERSION", VERSION + version)
        assert await renew(books.writer) == len(whole) == 16
        assert await kept(books) == whole
        assert await found() == before
        assert await rows(books) == count
        assert await renew(books.writer) == 0
    await sound(books)


async def test_what_a_check_reads_is_of_one_moment(books: Books, engine: AsyncEngine) -> None:
    await accepted(books, "party.register", id="p", name="Radio Amani")
    async with snapshot(engine) as connection:
        raw = await driver_of(connection)
        count = "SELECT count(*) FROM mfm.party"
        before = await raw.fetchval(count)
        await accepted(books, "party.register", id="q", name="Amani Radio")
        assert await raw.fetchval(count) == before == 1
    async with snapshot(engine) as connection:
        assert await (await driver_of(connection)).fetchval(count) == 2


async def test_no_role_writes_keys_past_the_function(books: Books) -> None:
    connection = await connect(books.url, "mfm_writer")
    for statement in (
        "INSERT INTO mfm.overlap_key VALUES (1, 1, 1)",
        "UPDATE mfm.overlap_keyed SET number = 1",
        "DELETE FROM mfm.overlap_keyed",
        "TRUNCATE mfm.overlap_key",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    reader = await connect(books.url, "mfm_reader", books.mechanism.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await overlaps.write_keys(reader, books.mechanism.id, [Keyed("party", "x", (1,))])
    await connection.close()
    await reader.close()


NAMES = [
    *("Synergie des Femmes pour la Paix", "Women's Synergy for Peace", "SFP Bukavu", "Radio Amani"),
    *("Femmes pour la Paix", "Women for Peace and Justice", "Amani Radio Trust", "Paix et Justice"),
]


async def test_the_database_finds_what_the_slow_way_finds(
    books: Books, engine: AsyncEngine
) -> None:
    for at, name in enumerate(NAMES):
        await accepted(books, "party.register", id=f"p{at}", name=name, country="CD")
    things = [
        keys_of(Party(id=f"p{at}", status="registered", name=name, country="CD")).keys
        for at, name in enumerate(NAMES)
    ]
    expected = {(f"p{one}", f"p{other}") for one, other in close_pairs(things)}
    assert expected
    async with snapshot(engine) as connection:
        assert set((await overlap_pairs.pairs(connection))["party"]) == expected
        for keys in things:
            slow = [f"p{place}" for place, _ in nearest(things, keys, 5)]
            assert await overlaps.nearest(connection, keys, 5) == slow


async def test_another_engine_scans_a_copy_of_the_keys(books: Books, engine: AsyncEngine) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is an extra")
    await played(books)
    auditor = Actor("donor", "auditor", "key")
    found = await scan(engine, auditor, lambda *_: None, "duckdb")
    assert found == await scan(engine, auditor, lambda *_: None)


def pairs(found: list[Overlap]) -> set[tuple[str, str, str]]:
    return {(each.detector, each.left, each.right) for each in found}


async def test_checks_of_each_find_what_the_scan_finds(books: Books, engine: AsyncEngine) -> None:
    await played(books)
    whole = await scan(engine, Actor("donor", "auditor", "key"), lambda *_: None)
    checked: list[Overlap] = []
    things: list[tuple[Any, str]] = [
        *(("party", name) for name in ("group", "twin", "radio", "agent", "nobody")),
        *(("application", name) for name in ("ap", "again", "third", "theirs", "nothing")),
        *(("call", name) for name in ("k", "k2", "k3", "none")),
        *(("report", name) for name in ("r", "r1", "r2", "none")),
        *(("cost", name) for name in ("audit", "audit-again", "none")),
        *(("commitment", name) for name in ("c2", "c3", "t", "w", "none")),
    ]
    async with snapshot(engine) as connection:
        for kind, name in things:
            found = await check(connection, kind, name)
            assert {each.reasons for each in found if pairs([each]) <= pairs(whole)} <= {
                each.reasons for each in whole
            }
            checked += found
        assert await check(connection, "application", "nothing") == []
    assert pairs(checked) == pairs(whole)
