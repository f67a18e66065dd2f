"""What was signed is held against the journal: by the sealer, and by the writer."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from mfm.app import trail as app
from mfm.core.errors import Invalid
from mfm.core.merkle import EMPTY, Range, halves, leaf_hash, root_of
from mfm.core.parties import Party
from mfm.store import trail
from mfm.store.database import connect
from mfm.store.signer import Signer, signed
from mfm.store.writer import Writer
from tests.conftest import Database
from tests.support import Books

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 2, tzinfo=UTC)
OTHER = [leaf_hash(bytes([number])) for number in range(99)]


async def more(books: Books, count: int) -> None:
    for number in range(count):
        await books.do("party.register", name=f"Party {number}")


def ahead(folder: Path, origin: str, count: int) -> None:
    """Have a log's signer sign other records."""
    with Signer(folder, origin) as signer:
        signer.sign(0, OTHER[:count], root_of(OTHER[:count]))


@pytest.mark.parametrize(("count", "code"), [(7, "journal-restored"), (3, "journal-replaced")])
async def test_a_writer_refuses_to_carry_on_and_still_reads(
    books: Books, tmp_path: Path, count: int, code: str
) -> None:
    await more(books, 3)
    ahead(tmp_path, books.mechanism.origin, count)
    await books.writer.close()
    guard = app.guard(books.mechanism, tmp_path)
    books.writer = Writer(books.url, books.mechanism, guard)
    await books.writer.start()
    with pytest.raises(Invalid, match=code):
        await more(books, 1)
    assert await books.writer.run(lambda unit: unit.find(Party, "nobody")) is None
    with pytest.raises(Invalid, match=code):
        await more(books, 1)
    await books.writer.close()
    with pytest.raises(Invalid, match=code):
        await app.check(books.url, books.mechanism, tmp_path)
    with pytest.raises(Invalid, match=code):
        await app.seal(books.url, books.mechanism, tmp_path)


async def test_what_is_signed_and_not_stored_yet_is_no_reason_to_stop(
    books: Books, tmp_path: Path
) -> None:
    await more(books, 2)
    await app.seal(books.url, books.mechanism, tmp_path)
    await more(books, 3)
    connection = await connect(books.url, "mfm_writer")
    leaves = await trail.hashes(connection, books.mechanism.id, 0, (0, 5))
    await connection.close()
    with Signer(tmp_path, books.mechanism.origin) as signer:
        signer.sign(2, leaves[2:], root_of(leaves))
    await app.check(books.url, books.mechanism, tmp_path)
    await more(books, 1)
    sealed = await app.seal(books.url, books.mechanism, tmp_path)
    assert sealed is not None
    assert sealed.size == 6


@pytest.mark.parametrize("kept", [None, 2])
async def test_a_signer_whose_memory_is_older_goes_on_from_its_own_signature(
    books: Books, tmp_path: Path, kept: int | None
) -> None:
    state = tmp_path / f"{books.mechanism.origin.replace('/', '-')}.signed"
    await more(books, 2)
    await app.seal(books.url, books.mechanism, tmp_path)
    before = state.read_bytes()
    await more(books, 5)
    await app.seal(books.url, books.mechanism, tmp_path)
    state.unlink()
    if kept:
        state.write_bytes(before)
    await more(books, 1)
    sealed = await app.seal(books.url, books.mechanism, tmp_path)
    assert sealed is not None
    assert sealed.size == 8
    assert signed(tmp_path, books.mechanism.origin) == (8, sealed.root)


async def test_a_signer_does_not_go_on_from_what_another_key_signed(
    books: Books, tmp_path: Path
) -> None:
    await more(books, 2)
    await app.seal(books.url, books.mechanism, tmp_path / "one")
    await more(books, 1)
    with pytest.raises(Invalid, match="signer-regress"):
        await app.seal(books.url, books.mechanism, tmp_path / "other")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 70_000])
def test_halves_are_what_a_range_keeps(size: int) -> None:
    spans = halves(size)
    assert spans[0][0] == 0
    assert spans[-1][1] == size
    assert [high - low for low, high in spans] == sorted(
        (1 << bit for bit in range(size.bit_length()) if size >> bit & 1), reverse=True
    )
    if size < 300:
        grown = Range()
        for number in range(size):
            grown.append(OTHER[number % 99])
        leaves = [OTHER[number % 99] for number in range(size)]
        assert grown.roots == [root_of(leaves[low:high]) for low, high in spans]
    assert halves(0) == []
    assert len(EMPTY) == 32


# Two sealers --------------------------------------------------------------------------------------


async def test_case_25_two_sealers_at_once_leave_one_tree(
    books: Books, db: Database, tmp_path: Path
) -> None:
    """Two processes with the same keys: one signs at a time, and the database takes one."""
    await more(books, 30)
    codes: set[str] = set()

    async def sealing(folder: Path) -> int:
        made = 0
        connection = await connect(books.url, "mfm_writer")
        for _ in range(20):
            try:
                signer = Signer(folder, books.mechanism.origin)
            except Invalid as busy:
                codes.add(busy.code)
            else:
                with signer:
                    made += await trail.seal(connection, books.mechanism, signer, NOW) is not None
            await asyncio.sleep(0.001)
        await connection.close()
        return made

    async def writing() -> None:
        await more(books, 30)

    made = await asyncio.gather(sealing(tmp_path), sealing(tmp_path), writing())
    await app.seal(books.url, books.mechanism, tmp_path)
    admin = await asyncpg.connect(db.admin_url, server_settings={"search_path": "mfm"})
    rows = await admin.fetch(
        "SELECT size, root FROM checkpoint WHERE mechanism_id = $1 ORDER BY 1", books.mechanism.id
    )
    contents = await admin.fetch(
        "SELECT content FROM record WHERE mechanism_id = $1 ORDER BY seq", books.mechanism.id
    )
    await admin.close()
    leaves = [leaf_hash(row[0]) for row in contents]
    assert len(leaves) == 60
    assert codes <= {"signer-busy"}
    assert rows[-1][0] == 60
    assert len(rows) >= sum(each for each in made if each)
    for size, root in rows:
        assert root == root_of(leaves[:size])


async def test_case_25_a_sealer_with_a_copy_of_the_keys_cannot_fork(
    books: Books, tmp_path: Path
) -> None:
    """Two machines with the same key: the database fences, whoever comes second starts over."""
    await more(books, 4)
    one, two = tmp_path / "one", tmp_path / "two"
    with Signer(one, books.mechanism.origin):
        pass
    two.mkdir(mode=0o700)
    for path in one.glob("*.key"):
        (two / path.name).write_bytes(path.read_bytes())
        (two / path.name).chmod(0o600)
    first, second = [await connect(books.url, "mfm_writer") for _ in range(2)]
    with Signer(one, books.mechanism.origin) as a, Signer(two, books.mechanism.origin) as b:
        transaction = first.transaction()
        await transaction.start()
        assert await trail.seal(first, books.mechanism, a, NOW)
        waiting = asyncio.create_task(trail.seal(second, books.mechanism, b, NOW))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await transaction.commit()
        with pytest.raises(asyncpg.PostgresError, match="sealed-meanwhile"):
            await waiting
        assert await trail.seal(second, books.mechanism, b, NOW) is None
        await more(books, 2)
        assert await trail.seal(second, books.mechanism, b, NOW)
        assert await trail.seal(first, books.mechanism, a, NOW) is None
        assert a.root() == b.root()
    await first.close()
    await second.close()
