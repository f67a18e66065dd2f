"""Verification of the trail's tables: whatever was changed behind the sealer's back is found."""

import time
from pathlib import Path

import pytest

from mfm.app import trail, witness
from mfm.app.verify import request_of, verify_database
from mfm.store import cosigned
from mfm.store import verify as store
from mfm.store.database import connect
from mfm.verifier import checkpoint_of
from tests.conftest import Database
from tests.store.test_verify import delete, tampering, tried, update
from tests.support import Books, operator

pytestmark = pytest.mark.anyio
TSR = bytes.fromhex("3003020100")
"""What begins as a timestamp does; its authority's signature is for openssl to check."""


def silent(_table: str, _done: int, _total: int) -> None:
    """Watch nothing."""


async def seal(books: Books, folder: Path) -> int:
    """Seal what was written, and have the checkpoint cosigned and timestamped."""
    sealed = await trail.seal(books.url, books.mechanism, folder / "keys")
    assert sealed is not None
    by = witness.opened(folder / "witness", "example.org/w1")
    line = witness.cosignature(by, checkpoint_of(sealed.note.encode()).text, int(time.time()))
    connection = await connect(books.url, "mfm_writer")
    number = books.mechanism.id
    await cosigned.keep(connection, number, sealed.size, by.key.name, line)
    await cosigned.keep_anchor(connection, number, sealed.size, TSR)
    await connection.close()
    return sealed.size


@pytest.fixture
async def sealed(books: Books, tmp_path: Path) -> Books:
    """A mechanism with two tiles and three checkpoints."""
    for count in (3, 300, 250):
        for number in range(count):
            await books.do("party.register", name=f"Party {number}")
        await seal(books, tmp_path)
    await books.do("party.register", name="Not sealed yet")
    return books


async def test_tiles_and_checkpoints_are_made_again(sealed: Books) -> None:
    seen: dict[str, int] = {}
    found = await verify_database(
        sealed.url, sealed.mechanism, operator(), lambda table, done, _: seen.update({table: done})
    )
    assert found.difference is None
    counts = {"tile": 2, "checkpoint": 3, "cosignature": 3, "anchor": 3}
    assert {name: seen[name] for name in counts} == counts


FLIPPED = "set_byte({0}, 9, get_byte({0}, 9) # 1)"
FIRST = "size = 3"
TWICE = "INSERT INTO mfm.{0} SELECT * FROM mfm.{0} WHERE mechanism_id = $1 LIMIT 1"
EARLY = """INSERT INTO mfm.tile SELECT mechanism_id, level, 2, hashes, root FROM mfm.tile
 WHERE mechanism_id = $1 LIMIT 1"""
OTHER_ROOT = "root = sha256('x'), note = replace(note, encode(root, 'base64'), encode(sha256('x'),"
TAMPERED = {
    "a tile's hash": (update("tile", f"hashes = {FLIPPED.format('hashes')}"), "tile-row"),
    "a tile's root": (update("tile", f"root = {FLIPPED.format('root')}"), "tile-row"),
    "a tile's place": (update("tile", "idx = 9", "idx = 1"), "tile-missing"),
    "a tile": (delete("tile", "idx = 0"), "tile-missing"),
    "a tile twice": (TWICE.format("tile"), "tile-row"),
    "a tile too many": (EARLY, "tile-extra"),
    "a root": (update("checkpoint", f"root = {FLIPPED.format('root')}", FIRST), "checkpoint-row"),
    "a root and its note": (
        update("checkpoint", f"{OTHER_ROOT} 'base64'))", FIRST),
        "checkpoint-row",
    ),
    "a size": (update("checkpoint", "size = 4", FIRST), "checkpoint-row"),
    "a size beyond": (update("checkpoint", "size = 9999", "size = 553"), "checkpoint-extra"),
    "a note": (update("checkpoint", "note = note || 'x'", FIRST), "checkpoint-row"),
    "no signature": (
        update("checkpoint", "note = split_part(note, E'\\n\\n', 1) || E'\\n\\n'", FIRST),
        "checkpoint-row",
    ),
    "a checkpoint twice": (TWICE.format("checkpoint"), "checkpoint-extra"),
    "a cosigned checkpoint": (delete("checkpoint", FIRST), "cosignature-row"),
    "a line": (update("cosignature", "line = line || 'x'", FIRST), "cosignature-row"),
    "whose line": (update("cosignature", "name = 'x'", FIRST), "cosignature-row"),
    "a line of nothing": (update("cosignature", "size = 4", FIRST), "cosignature-row"),
    "a kind of anchor": (update("anchor", "kind = 'x'", FIRST), "anchor-row"),
    "an anchor of nothing": (update("anchor", "size = 4", FIRST), "anchor-row"),
    "what is no anchor": (update("anchor", "content = 'x'", FIRST), "anchor-row"),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_tampering_is_found_for_what_it_is(what: str, sealed: Books, db: Database) -> None:
    sql, check = TAMPERED[what]
    async with tampering(db) as connection:
        found = await tried(connection, sealed, sql)
    assert found.difference is not None
    assert found.difference.check == check, found.difference


async def test_an_altered_record_is_found_before_its_tree(sealed: Books, db: Database) -> None:
    async with tampering(db) as connection:
        sql = update("record", "content = content || ' '", "seq = 300")
        found = await tried(connection, sealed, sql)
    assert found.difference is not None
    assert found.difference.check == "record-canonical"


async def test_the_trail_is_compared_by_everybody_who_may_verify(sealed: Books) -> None:
    auditor = await connect(sealed.url, "mfm_auditor", sealed.mechanism.id)
    async with auditor.transaction(isolation="repeatable_read", readonly=True):
        found = await store.compare(auditor, sealed.mechanism, request_of, silent)
    await auditor.close()
    assert found.ok
