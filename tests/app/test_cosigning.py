"""Cosignatures from the log's side: asked over HTTP on this machine, or brought as a file."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import uvicorn

from mfm.app import cosigning, trail, witness
from mfm.app.sealer import Sealer
from mfm.core.errors import Invalid
from mfm.formats.witnessing import decode
from mfm.store import remote
from mfm.store import trail as rows
from mfm.store.bell import Bell
from mfm.store.database import connect
from mfm.store.witness import WitnessFolder
from mfm.verifier import checkpoint_of, key_of
from mfm.web.witness import create_witness
from tests.conftest import Database
from tests.support import Books
from tests.trails import codes, exported, policy_of

pytestmark = pytest.mark.anyio


@contextmanager
def serving(folder: WitnessFolder) -> Iterator[str]:
    """Serve a witness on this machine alone; give its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_witness(partial(witness.add_checkpoint, folder))
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/w1"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def folder(books: Books, tmp_path: Path) -> WitnessFolder:
    made = witness.opened(tmp_path / "witness", "example.org/w1")
    key = trail.verifier_key(books.mechanism, tmp_path / "keys")
    (tmp_path / "witness" / "policy").write_text(policy_of(key))
    return made


async def more(books: Books, folder: Path, count: int = 1) -> int:
    for number in range(count):
        await books.do("party.register", name=f"Party {number}")
    sealed = await trail.seal(books.url, books.mechanism, folder)
    assert sealed is not None
    return sealed.size


async def test_a_witness_cosigns_over_http_and_the_line_is_published(
    books: Books, folder: WitnessFolder, tmp_path: Path
) -> None:
    keys = [key_of(folder.key.vkey)]
    connection = await connect(books.url, "mfm_writer")
    with serving(folder) as url:
        for count in (3, 4):
            size = await more(books, tmp_path / "keys", count)
            found = await cosigning.ask(connection, books.mechanism, url, keys)
            assert found == (size, ["example.org/w1"])
        # Nothing new, and it is asked again: the line that is kept stays the first one.
        note = await rows.note_of(connection, books.mechanism.id, size)
        await cosigning.ask(connection, books.mechanism, url, keys)
        assert await rows.note_of(connection, books.mechanism.id, size) == note
        assert remote.post(url, b"", "text/plain").status == 404
        assert remote.post(url + "/add-checkpoint", b"x" * 65_537, "text/plain").status == 413
        assert remote.post(url + "/add-checkpoint", b"x", "text/plain").status == 400
    await connection.close()
    export = await exported(books, tmp_path / "keys", tmp_path / "export")
    own = trail.verifier_key(books.mechanism, tmp_path / "keys")
    line = (f"witness w {folder.key.vkey}",)
    assert codes(export, policy_of(own, quorum="w", witnesses=line)) == (0, [])
    stranger = witness.opened(tmp_path / "stranger", "example.org/w1").key.vkey
    line = (f"witness w {stranger}",)
    assert codes(export, policy_of(own, quorum="w", witnesses=line)) == (3, ["quorum"])


async def test_a_witness_that_was_elsewhere_is_caught_up_with(
    books: Books, folder: WitnessFolder, tmp_path: Path
) -> None:
    """It saw a checkpoint whose line never came back; and one line was lost with a database."""
    keys = [key_of(folder.key.vkey)]
    connection = await connect(books.url, "mfm_writer")
    await more(books, tmp_path / "keys", 5)
    sealed = await rows.reached(connection, books.mechanism.id)
    told = await cosigning.consistency(connection, books.mechanism, 0, 5)
    checkpoint = checkpoint_of(sealed.note.encode())
    assert witness.cosign(folder, checkpoint, decode(told), int(time.time())).status == 200
    size = await more(books, tmp_path / "keys", 4)
    with serving(folder) as url:
        assert (await cosigning.ask(connection, books.mechanism, url, keys))[0] == size == 9
    await connection.close()


async def test_a_journal_that_went_back_is_told_by_its_witness(
    books: Books, folder: WitnessFolder, tmp_path: Path
) -> None:
    keys = [key_of(folder.key.vkey)]
    connection = await connect(books.url, "mfm_writer")
    await more(books, tmp_path / "keys", 2)
    folder.store(books.mechanism.origin, 7, bytes(32))
    with serving(folder) as url, pytest.raises(Invalid, match="has seen 7 records"):
        await cosigning.ask(connection, books.mechanism, url, keys)
    folder.store(books.mechanism.origin, 2, bytes(32))
    with serving(folder) as url, pytest.raises(Invalid, match="witness-refused"):
        await cosigning.ask(connection, books.mechanism, url, keys)
    with pytest.raises(Invalid, match="remote-silent"):
        await cosigning.ask(connection, books.mechanism, url, keys)
    for bad in ("file:///etc/passwd", "ftp://127.0.0.1/x", "127.0.0.1"):
        with pytest.raises(Invalid, match="remote-url"):
            await cosigning.ask(connection, books.mechanism, bad, keys)
    await connection.close()


async def test_only_lines_of_known_witnesses_under_that_checkpoint_are_kept(
    books: Books, folder: WitnessFolder, tmp_path: Path
) -> None:
    keys = [key_of(folder.key.vkey)]
    connection = await connect(books.url, "mfm_writer")
    await more(books, tmp_path / "keys", 2)
    older = await rows.reached(connection, books.mechanism.id)
    size = await more(books, tmp_path / "keys")
    newer = await rows.reached(connection, books.mechanism.id)

    def line(by: WitnessFolder, note: str) -> str:
        return witness.cosignature(by, checkpoint_of(note.encode()).text, int(time.time()))

    stranger = witness.opened(tmp_path / "stranger", "example.org/w1")
    later = witness.cosignature(folder, checkpoint_of(newer.note.encode()).text, 2**33)
    for lines in (line(stranger, newer.note), line(folder, older.note), "x\n", "", later):
        with pytest.raises(Invalid, match="cosignature-unknown"):
            await cosigning.keep_lines(connection, books.mechanism, size, lines, keys)
    with pytest.raises(Invalid, match="checkpoint-unknown"):
        await cosigning.keep_lines(connection, books.mechanism, 99, "x", keys)
    both = line(stranger, newer.note) + line(folder, newer.note)
    kept = await cosigning.keep_lines(connection, books.mechanism, size, both, keys)
    assert kept == ["example.org/w1"]
    found = checkpoint_of((await rows.note_of(connection, books.mechanism.id, size)).encode())
    assert len(found.signatures) == 2
    await connection.close()


async def test_the_service_has_each_new_checkpoint_cosigned(
    books: Books, folder: WitnessFolder, tmp_path: Path, db: Database
) -> None:
    written = Bell()
    sealer = Sealer(books.url, books.mechanism, tmp_path / "keys", written)
    keys = [key_of(folder.key.vkey)]
    with serving(folder) as url:
        urls = ("http://127.0.0.1:9/nobody", url)
        cosigner = cosigning.Cosigner(books.url, books.mechanism, sealer, urls, keys)
        tasks = [asyncio.create_task(each.run()) for each in (sealer, cosigner)]
        await books.do("party.register", name="Somebody")
        written.ring()
        admin = await asyncpg.connect(db.admin_url)
        deadline = time.monotonic() + 20
        found = None
        while not found and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            found = await admin.fetch(
                "SELECT size, name FROM mfm.cosignature WHERE mechanism_id = $1", books.mechanism.id
            )
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await admin.close()
    assert [tuple(row) for row in found or []] == [(1, "example.org/w1")]
