"""Tampering with the database as superuser, triggers off: what verification of it says, what an
export made from it afterwards shows, and whether anything is signed over it."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from mfm.app import trail as app
from mfm.app.verify import request_of
from mfm.core.errors import Invalid
from mfm.store import trail, trail_export, verify
from mfm.store.database import connect
from mfm.store.signer import Signer
from mfm.store.writer import Writer
from mfm.verifier import verify as check
from tests.conftest import Database
from tests.store.test_verify import delete, rewritten, tampering, update
from tests.support import Books
from tests.tamper.forging import FINE, Files, Judge, World, put, told_of
from tests.trails import codes, exported, policy_of

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 2, tzinfo=UTC)
NOTHING = ""
"""That verification finds no difference."""
BIT = "set_byte({0}, 9, get_byte({0}, 9) # 1)"


async def difference(connection: asyncpg.Connection, world: World) -> str:
    """Return what verification of the database finds first."""
    found = await verify.compare(connection, world.mechanism, request_of, lambda *_: None)
    return found.difference.check if found.difference else NOTHING


async def taken(connection: asyncpg.Connection, world: World, *withhold: str) -> Files:
    """Export from within a transaction that nobody else sees."""
    sealed, texts = await trail.reached(connection, world.mechanism.id), frozenset(withhold)
    files = Files()
    async for name, content in trail_export.pieces(connection, world.mechanism, sealed, texts):
        files[name] = files.get(name, b"") + content
    return files


async def tampered(db: Database, world: World, *statements: str) -> tuple[str, Files]:
    """Change the database; return what verification finds, and the export made from it."""
    async with tampering(db) as connection:
        for sql in statements:
            done = await connection.execute(sql, world.mechanism.id)
            assert not done.endswith(" 0"), f"nothing was changed by {sql}"
        return await difference(connection, world), await taken(connection, world)


async def test_an_export_made_so_is_the_one_that_was_made(world: World, db: Database) -> None:
    async with tampering(db) as connection:
        assert await difference(connection, world) == NOTHING
        assert await taken(connection, world) == world.files


async def test_case_18_posting_row_updated(world: World, db: Database, judge: Judge) -> None:
    more = "amount_minor = amount_minor + 1, debit_balance = debit_balance + 1"
    found, files = await tampered(db, world, update("posting", more, "seq = 10"))
    assert found == "posting-row"
    assert judge(files) == (1, "balance", None)


async def test_case_18_posting_row_updated_and_the_balances_with_it(
    world: World, db: Database, judge: Judge
) -> None:
    """Every table that is asked for balances says the same; the record does not."""
    found, files = await tampered(
        db,
        world,
        update("posting", "amount_minor = amount_minor + 1", "seq = 10 AND line = 1"),
        update("balance", "debit_minor = debit_minor + 1, credit_minor = credit_minor + 1"),
    )
    assert found == "posting-row"
    assert judge(files) == (1, "balance", None)


async def test_case_19_entry_bytes_updated_before_the_export(
    world: World, db: Database, judge: Judge
) -> None:
    """A party's name in its record, and in its table, and the leaf made anew."""
    found, files = await tampered(
        db,
        world,
        rewritten(3, "Administrative", "Administrator"),
        update("party", "name = 'Administrator agent'", "id = 'agent'"),
    )
    assert found != NOTHING
    assert judge(files) == world.unseen
    # The last record, whose leaf is in no full tile yet.
    found, files = await tampered(db, world, rewritten(world.size, "Not sealed yet", "Nobody"))
    assert found != NOTHING
    assert judge(files) == (1, "root", world.size)


async def test_case_20_records_deleted_and_a_shorter_trail_told(
    world: World, db: Database, judge: Judge, tmp_path: Path
) -> None:
    """All tables are shortened alike. The signer knows, and so does who holds a checkpoint."""
    last = f"seq = {world.size}"
    number = world.mechanism.id
    at = "SELECT recorded_at FROM mfm.record WHERE mechanism_id = $1 AND seq = head.seq - 1"
    async with tampering(db) as connection:
        for sql in (
            delete("record", last),
            delete("party", last),
            delete("checkpoint", f"size = {world.size}"),
            delete("cosignature", f"size = {world.size}"),
            update("head", f"seq = seq - 1, recorded_at = ({at})", last),
        ):
            assert not (await connection.execute(sql, number)).endswith(" 0"), sql
        assert await difference(connection, world) == NOTHING
        files = await taken(connection, world)
        keys = shutil.copytree(world.folder / "keys", tmp_path / "keys")
        with (
            Signer(keys, world.mechanism.origin) as signer,
            pytest.raises(Invalid, match="journal-restored"),
        ):
            await trail.seal(connection, world.mechanism, signer, NOW)
    assert judge(files) == FINE
    assert judge(files, since=world.files["checkpoint"]) == (3, "stale", None)
    assert judge(files, world.witnessed) == (3, "quorum", None)


async def test_case_21_posting_without_a_record(world: World, db: Database, judge: Judge) -> None:
    """There is no queue to take it from: a record is in the journal, or nothing of it is."""
    orphan = (
        "INSERT INTO mfm.posting SELECT mechanism_id, debit_id, {0}, debit_version, credit_version,"
        " debit_balance, credit_balance, amount_minor, credit_id, effective_on, line, iati_sign,"
        " iati_type FROM mfm.posting WHERE mechanism_id = $1 AND seq = 10"
    )
    found, files = await tampered(db, world, orphan.format(2))  # of a record that moves nothing
    assert found == "posting-row"
    assert judge(files) == (1, "balance", None)
    found, files = await tampered(db, world, orphan.format(1_000))  # or of none
    assert found == "posting-extra"
    assert judge(files) == FINE
    found, files = await tampered(db, world, delete("record", "seq = 10"))
    assert found != NOTHING
    assert judge(files).exit_code == 1


async def test_case_22_balances_edited(world: World, db: Database, judge: Judge) -> None:
    """An export does not ask for them; who reads them in the database verifies that."""
    more = "debit_minor = debit_minor + 1, credit_minor = credit_minor + 1"
    found, files = await tampered(db, world, update("balance", more))
    assert found == "balance-row"
    assert files == world.files


async def test_case_27_bit_flip_in_a_leaf(world: World, db: Database, judge: Judge) -> None:
    flipped = f"leaf = {BIT.format('leaf')}"
    found, files = await tampered(db, world, update("record", flipped, f"seq = {world.size}"))
    assert found == "record-row"
    assert judge(files) == (1, "tile", world.size)
    for column in ("hashes", "root"):
        sql = update("tile", f"{column} = {BIT.format(column)}", "level = 0 AND idx = 0")
        found, files = await tampered(db, world, sql)
        assert found == "tile-row"
        assert judge(files).code == "tile"


async def test_case_27_a_flipped_leaf_is_not_signed(
    books: Books, db: Database, tmp_path: Path
) -> None:
    await books.do("party.register", name="One")
    async with tampering(db) as connection:
        sql = update("record", f"leaf = {BIT.format('leaf')}", "seq = 1")
        await connection.execute(sql, books.mechanism.id)
        with (
            Signer(tmp_path / "keys", books.mechanism.origin) as signer,
            pytest.raises(Invalid, match="record-altered"),
        ):
            await trail.seal(connection, books.mechanism, signer, NOW)


async def sealing(books: Books, keys: Path, until: asyncio.Event) -> None:
    """Seal again and again."""
    while not until.is_set():
        await app.seal(books.url, books.mechanism, keys)


async def test_case_24_who_commits_late_has_the_later_number(books: Books, tmp_path: Path) -> None:
    """Two processes write while another seals: no record comes to stand before one that is sealed.

    A number is taken with the head locked until the commit, so there is nothing to come late.
    """
    second = Writer(books.url, books.mechanism)
    await second.start()
    other, done = Books(books.url, books.mechanism, second), asyncio.Event()
    seals = asyncio.create_task(sealing(books, tmp_path / "keys", done))
    each = [
        some.do("party.register", name=f"Party {n}", key=f"{id(some)}-{n}")
        for n in range(30)
        for some in (books, other)
    ]
    written = await asyncio.gather(*each)
    done.set()
    await seals
    await second.close()
    assert sorted(made.seq for made in written) == [*range(1, 61)]
    export = await exported(books, tmp_path / "keys", tmp_path / "export")
    assert len([*(export / "checkpoints").iterdir()]) > 1
    vkey = app.verifier_key(books.mechanism, tmp_path / "keys")
    assert codes(export, policy_of(vkey)) == (0, [])


async def waiting(connection: asyncpg.Connection, count: int) -> None:
    """Wait until so many wait to seal."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"
    for _ in range(1_000):
        if await connection.fetchval(query, "SELECT mfm.seal(%") == count:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the sealers never met")


async def test_case_25_two_sealers_at_once(books: Books, db: Database, tmp_path: Path) -> None:
    """One process at a time signs with a key; copies of a key, elsewhere, cannot part the tree."""
    keys, copies = tmp_path / "keys", tmp_path / "copies"
    vkey = app.verifier_key(books.mechanism, keys)
    shutil.copytree(keys, copies)
    admin = await asyncpg.connect(db.admin_url)
    watch = await asyncpg.connect(db.admin_url)
    writers = [await connect(books.url, "mfm_writer") for _ in range(2)]
    with Signer(keys, books.mechanism.origin) as one, Signer(copies, books.mechanism.origin) as two:
        with pytest.raises(Invalid, match="signer-busy"):
            Signer(keys, books.mechanism.origin)
        for number in range(3):
            await books.do("party.register", name=f"Party {number}")
            row = "SELECT FROM mfm.mechanism WHERE mechanism_id = $1 FOR UPDATE"
            async with admin.transaction():  # both sign before either is stored
                await admin.execute(row, books.mechanism.id)
                both = asyncio.gather(
                    trail.seal(writers[0], books.mechanism, one, NOW),
                    trail.seal(writers[1], books.mechanism, two, NOW),
                    return_exceptions=True,
                )
                await waiting(watch, 2)
            made = [each for each in await both if not isinstance(each, BaseException)]
            (failed,) = [each for each in await both if isinstance(each, BaseException)]
            assert "sealed-meanwhile" in str(failed)
            assert [each.size for each in made if each] == [number + 1]
            assert (one.size, one.root()) == (two.size, two.root())
    for connection in (admin, watch, *writers):
        await connection.close()
    export = await exported(books, keys, tmp_path / "export")
    assert codes(export, policy_of(vkey)) == (0, [])


async def test_each_text_is_disclosed_withheld_erased_or_missing(
    world: World, db: Database, tmp_path: Path, judge: Judge
) -> None:
    """Of every text that a record commits to, verification says which; the last is no answer."""
    sealed_texts = [
        (told["seq"], field)
        for told in told_of(world.files)
        for field in told["body"].get("commit", {})
    ]
    async with tampering(db) as connection:
        files = await taken(connection, world, "reason")
    code, told = check(put(files, tmp_path / "export"), world.policy)
    counts = told["disclosures"]
    assert code == 0
    assert all(counts[how] for how in ("disclosed", "withheld", "erased"))
    assert sum(counts.values()) == len(sealed_texts)
    lines = files["disclosures.jsonl"].splitlines(keepends=True)
    assert sum(b'"withheld":true' in line for line in lines) == counts["withheld"]
    assert len(lines) == counts["disclosed"] + counts["withheld"]
    for at in (0, len(lines) - 1):
        less = b"".join(lines[:at] + lines[at + 1 :])
        assert judge(files | {"disclosures.jsonl": less}).code == "disclosure-missing"
