"""The web's fixtures: one site a module, whose tests share its books."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest

from mfm.app.sealer import Sealer
from mfm.store import database
from mfm.store.writer import Writer
from tests.conftest import Database
from tests.support import Books
from tests.web.site import Site


@pytest.fixture(scope="module")
async def site(db: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The worked example behind the application, sealed, with a key for each role."""
    mechanism = await database.create_mechanism(db.app_url, f"w-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    engine = database.reader_engine(db.app_url, mechanism.id)
    sealer = Sealer(db.app_url, mechanism, tmp_path_factory.mktemp("keys"), writer.written)
    made = Site(Books(db.app_url, mechanism, writer), engine, sealer)
    sealing = asyncio.create_task(sealer.run())
    try:
        await made.books.chain()
        await made.make_keys()
        async with made.client:
            await made.sealed()
            yield made
    finally:
        sealing.cancel()
        with suppress(asyncio.CancelledError):
            await sealing
        await writer.close()
        await engine.dispose()
