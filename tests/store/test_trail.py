"""Sealing: the tree over what is stored, signed step by step, never forked."""

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from mfm.core import merkle
from mfm.core.errors import Invalid
from mfm.core.merkle import leaf_hash, root_of
from mfm.store import trail
from mfm.store.database import connect
from mfm.store.signer import Signer, signed
from mfm.verifier import checkpoint_of, key_of
from tests.conftest import Database
from tests.support import Books

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 2, tzinfo=UTC)


async def contents(connection: asyncpg.Connection, books: Books) -> list[bytes]:
    rows = await connection.fetch(
        "SELECT content FROM record WHERE mechanism_id = $1 ORDER BY seq", books.mechanism.id
    )
    return [row[0] for row in rows]


async def more(books: Books, count: int) -> None:
    for number in range(count):
        await books.do("party.register", name=f"Party {number}")


async def test_each_checkpoint_is_the_tree_of_what_is_stored(books: Books, tmp_path: Path) -> None:
    writer = await connect(books.url, "mfm_writer")
    with Signer(tmp_path, books.mechanism.origin) as signer:
        assert await trail.seal(writer, books.mechanism, signer, NOW) is None
        sizes = []
        for count in (1, 2, 253, 1, 300):
            await more(books, count)
            made = await trail.seal(writer, books.mechanism, signer, NOW)
            assert made is not None
            leaves = [leaf_hash(each) for each in await contents(writer, books)]
            assert (made.size, made.root) == (len(leaves), root_of(leaves))
            note = checkpoint_of(made.note.encode())
            assert note.signed_by(key_of(signer.vkey), 0)
            assert (note.origin, note.size, note.root) == (
                books.mechanism.origin,
                made.size,
                made.root,
            )
            sizes.append(made.size)
    tiles = await writer.fetch(
        "SELECT level, idx FROM tile WHERE mechanism_id = $1 ORDER BY 1, 2", books.mechanism.id
    )
    assert [tuple(row) for row in tiles] == [(0, 0), (0, 1)]
    size = sizes[-1]
    for index in (0, 255, 256, 511, 512, size - 1):
        spans = merkle.inclusion(index, size)
        found = await trail.proof(writer, books.mechanism.id, size, spans)
        assert merkle.included(leaves[index], index, size, found) == made.root
    for old in sizes[:-1]:
        found = await trail.proof(writer, books.mechanism.id, size, merkle.consistency(old, size))
        assert merkle.consistent((old, root_of(leaves[:old])), (size, made.root), found)
    await writer.close()


async def test_a_signature_given_out_before_a_crash_is_stored_as_it_was(
    books: Books, tmp_path: Path
) -> None:
    writer = await connect(books.url, "mfm_writer")
    await more(books, 3)
    leaves = [leaf_hash(each) for each in await contents(writer, books)]
    with Signer(tmp_path, books.mechanism.origin) as signer:
        note = signer.sign(0, leaves, root_of(leaves))
    await more(books, 2)
    with Signer(tmp_path, books.mechanism.origin) as signer:
        made = await trail.seal(writer, books.mechanism, signer, NOW)
        assert made is not None
        assert (made.size, made.note) == (3, note)
        again = await trail.seal(writer, books.mechanism, signer, NOW)
        assert again is not None
        assert again.size == 5
    await writer.close()


async def test_the_signer_refuses_to_go_back_or_aside(tmp_path: Path) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(9)]
    with Signer(tmp_path, "log") as signer:
        signer.sign(0, leaves[:5], root_of(leaves[:5]))
        with pytest.raises(Invalid, match="signer-regress"):
            signer.sign(4, leaves[4:], root_of(leaves))
        with pytest.raises(Invalid, match="signer-fork"):
            signer.sign(5, leaves[6:], root_of([*leaves[:5], *leaves[6:]])[::-1])
        with pytest.raises(Invalid, match="signer-busy"):
            Signer(tmp_path, "log")
    with Signer(tmp_path, "log") as signer:
        assert signer.size == 5
        with pytest.raises(Invalid, match="signer-fork"):
            signer.sign(5, [], root_of(leaves))
        signer.sign(5, leaves[5:], root_of(leaves))
    (tmp_path / "log.key").chmod(0o644)
    with pytest.raises(Invalid, match="signer-key"):
        Signer(tmp_path, "log")


async def test_altered_and_lost_records_stop_the_trail(
    books: Books, db: Database, tmp_path: Path
) -> None:
    admin = await asyncpg.connect(db.admin_url, server_settings={"search_path": "mfm"})
    await more(books, 4)
    transaction = admin.transaction()
    with Signer(tmp_path, books.mechanism.origin) as signer:
        await transaction.start()
        await admin.execute("ALTER TABLE record DISABLE TRIGGER ALL")
        await admin.execute(
            "UPDATE record SET content = content || ' ' WHERE mechanism_id = $1 AND seq = 3",
            books.mechanism.id,
        )
        with pytest.raises(Invalid, match="record-altered"):
            await trail.seal(admin, books.mechanism, signer, NOW)
        assert signer.size == 0
        await transaction.rollback()
        leaves = [leaf_hash(bytes([number])) for number in range(9)]
        signer.sign(0, leaves, root_of(leaves))
        with pytest.raises(Invalid, match="journal-restored"):
            await trail.seal(admin, books.mechanism, signer, NOW)
    await admin.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"size":"1"}', b'{"size":-1}', b'{"size":5}', b'{"size":1,"roots":["x"]}'],
)
def test_a_damaged_state_is_no_beginning(content: bytes, tmp_path: Path) -> None:
    """Nothing is signed on a guess: it might be a fork."""
    leaves = [leaf_hash(bytes([number])) for number in range(5)]
    with Signer(tmp_path, "log") as signer:
        signer.sign(0, leaves, root_of(leaves))
    (tmp_path / "log.signed").write_bytes(content)
    with pytest.raises(Invalid, match="signer-state"):
        Signer(tmp_path, "log")
    with pytest.raises(Invalid, match="move it away"):
        signed(tmp_path, "log")
    (tmp_path / "log.signed").unlink()
    Signer(tmp_path, "log").close()


@pytest.mark.parametrize("content", [b"", b"\xff", b"PRIVATE+KEY+log+00000000+A", b"log"])
def test_a_damaged_key_is_not_made_anew(content: bytes, tmp_path: Path) -> None:
    Signer(tmp_path, "log").close()
    (tmp_path / "log.key").write_bytes(content)
    with pytest.raises(Invalid, match="signer-key"):
        Signer(tmp_path, "log")
    assert (tmp_path / "log.key").read_bytes() == content
