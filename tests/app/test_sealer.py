"""The sealer follows the journal, and those who wait for a record hear of it."""

import asyncio
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from mfm.app import statements
from mfm.app.sealer import Sealer
from mfm.core.histories import AccountQuery, HistoryQuery
from mfm.core.merkle import Range, leaf_hash, root_of
from mfm.core.statements import StatementQuery, TrailPoint
from mfm.store import database
from mfm.store.signer import Signer
from tests.support import Books, operator

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def sealing(books: Books, folder: Path) -> AsyncIterator[Sealer]:
    """Run a sealer."""
    sealer = Sealer(books.url, books.mechanism, folder, books.writer.written)
    task = asyncio.create_task(sealer.run())
    try:
        yield sealer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def written(books: Books) -> int:
    return (await books.do("party.register", name="Somebody")).seq


async def test_who_waits_hears_within_a_second_of_the_commit(books: Books, tmp_path: Path) -> None:
    async with sealing(books, tmp_path) as sealer:
        await written(books)
        assert await sealer.wait(1, 10)
        for _ in range(4):
            seq = await written(books)
            began = time.monotonic()
            assert await sealer.wait(seq, 10)
            assert time.monotonic() - began < 2  # a second, and the machine is busy
        assert await sealer.wait(1, 0)  # what is sealed is not waited for
        began = time.monotonic()
        assert not await sealer.wait(seq + 1, 1)
        assert 0.9 < time.monotonic() - began < 3


async def test_a_second_process_knows_how_far_the_first_has_sealed(
    books: Books, tmp_path: Path
) -> None:
    async with sealing(books, tmp_path) as first:
        assert await first.wait(await written(books), 10)
        async with sealing(books, tmp_path) as second:  # the signer is taken
            assert await second.wait(1, 10)
            assert await second.wait(await written(books), 10)
            assert second.verifier_key() == first.verifier_key()
    async with sealing(books, tmp_path) as third:
        assert await third.wait(2, 10)  # sealed before it began


async def test_a_statement_known_at_a_record_carries_the_root_of_the_tree_up_to_it(
    books: Books, tmp_path: Path
) -> None:
    await books.chain()
    async with sealing(books, tmp_path) as sealer:
        head = await written(books)
        assert await sealer.wait(head, 10)
    head = await written(books)  # nobody seals any more
    contents = await books.writer.run(lambda unit: unit.records(list(range(1, head + 1))))
    leaves = [leaf_hash(contents[seq]) for seq in sorted(contents)]
    engine = database.reader_engine(books.url, books.mechanism.id)
    for size in range(head):
        root = b64encode(root_of(leaves[:size])).decode()
        query = StatementQuery(fund="g", known_at=size)
        made = await statements.statement(engine, operator(), query)
        assert made.trail == TrailPoint(size, root), size
    balance = AccountQuery(fund="g", code="1100", known_at=head - 1)
    assert (await statements.balance(engine, operator(), balance)).trail == made.trail
    history = HistoryQuery(fund="g", code="1100", known_at=head - 1)
    assert (await statements.history(engine, operator(), history)).trail == made.trail
    newest = StatementQuery(fund="g")
    assert (await statements.statement(engine, operator(), newest)).trail is None
    await engine.dispose()


async def test_who_is_stopped_while_signing_lets_go_of_the_signer_last(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, finished = threading.Event(), threading.Event()
    keep = Signer._keep

    def slowly(signer: Signer, grown: Range) -> None:
        began.set()
        time.sleep(0.3)
        keep(signer, grown)
        finished.set()

    monkeypatch.setattr(Signer, "_keep", slowly)
    await written(books)
    async with sealing(books, tmp_path):
        assert await asyncio.to_thread(began.wait, 10)
        assert not finished.is_set()  # the loop goes on meanwhile
    assert finished.is_set()
    with Signer(tmp_path, books.mechanism.origin) as signer:
        assert signer.size == 1
