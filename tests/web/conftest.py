"""The web's fixtures: one site a module, whose tests share its books."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from mfm.store import database
from mfm.store.writer import Writer
from tests.conftest import Database
from tests.support import Books
from tests.web.site import Site


@pytest.fixture(scope="module")
async def site(db: Database) -> AsyncIterator[Site]:
    """The worked example behind the application, with a key for each role."""
    mechanism = await database.create_mechanism(db.app_url, f"w-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    engine = database.reader_engine(db.app_url, mechanism.id)
    try:
        made = Site(Books(db.app_url, mechanism, writer), engine)
        await made.books.chain()
        await made.make_keys()
        async with made.client:
            yield made
    finally:
        await writer.close()
        await engine.dispose()
