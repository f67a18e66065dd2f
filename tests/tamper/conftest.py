"""One mechanism that has lived through every verb, played and exported once for all these tests."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from mfm.app import trail, witness
from mfm.store import cosigned, database
from mfm.store.keyfile import key_in
from mfm.store.writer import Writer
from mfm.verifier import LOG, checkpoint_of
from tests.conftest import Database
from tests.store.test_verify import live
from tests.support import Books
from tests.tamper.forging import Files, Judge, Verdict, World, judged
from tests.trails import exported, policy_of


@pytest.fixture(scope="session")
def world(db: Database, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A mechanism, its keys and its export; nothing changes them."""
    return asyncio.run(_play(db, tmp_path_factory.mktemp("world")))


async def _play(db: Database, folder: Path) -> World:
    mechanism = await database.create_mechanism(db.app_url, f"t-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    books = Books(db.app_url, mechanism, writer)
    keys, first = folder / "keys", folder / "first"
    trail.verifier_key(mechanism, keys)
    shutil.copytree(keys, first)  # a change of key overwrites it
    try:
        await live(books, folder)
    finally:
        await writer.close()
    sealed = await trail.seal(books.url, mechanism, keys)
    assert sealed is not None
    by = witness.opened(folder / "auditor", "example.org/auditor")
    line = witness.cosignature(by, checkpoint_of(sealed.note.encode()).text, int(time.time()))
    connection = await database.connect(books.url, "mfm_writer")
    await cosigned.keep(connection, mechanism.id, sealed.size, by.key.name, line)
    rotated = await connection.fetchval(
        "SELECT seq FROM record WHERE mechanism_id = $1 AND verb = 'trail.rotate-key'", mechanism.id
    )
    await connection.close()
    export = await exported(books, keys, folder / "export")
    (older,), (newer,) = first.glob("*.key"), keys.glob("*.key")
    ends = [(rotated, key_in(older, LOG)), (2**62, key_in(newer, LOG))]
    log = ends[0][1].vkey
    told = (f"witness w {by.key.vkey}",)
    policies = policy_of(log), policy_of(log, quorum="w", witnesses=told)
    return World(books.url, mechanism, folder, _files(export), ends, *policies)


def _files(export: Path) -> Files:
    return {
        path.relative_to(export).as_posix(): path.read_bytes()
        for path in export.rglob("*")
        if path.is_file() and path.name != "MANIFEST"
    }


@pytest.fixture
def files(world: World) -> Files:
    """The export, to be changed."""
    return dict(world.files)


@pytest.fixture
def judge(world: World, tmp_path: Path) -> Iterator[Judge]:
    """Verify files as an auditor who believes the log's first key, or under another policy."""
    count = 0

    def verdict(files: Files, policy: str = "", **options: Any) -> Verdict:  # noqa: ANN401  # those of Options
        nonlocal count
        count += 1
        return judged(files, tmp_path / str(count), policy or world.policy, **options)

    return verdict
