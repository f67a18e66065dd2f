"""The trail of books that have lived through many verbs, taken away and verified offline."""

from pathlib import Path

import pytest

from mfm import verifier
from mfm.app import trail
from mfm.app.registry import VERBS
from tests.support import ADVANCE, EXCHANGE, MONEY_IN, TERMS, Books, operator

pytestmark = pytest.mark.anyio


async def test_books_that_lived_verify_offline(books: Books, tmp_path: Path) -> None:
    await books.chain()
    on = {"effective_on": "2026-03-02"}
    for verb, key, fields in (*ADVANCE, *MONEY_IN, *TERMS, *EXCHANGE):
        dated = on if "effective_on" in VERBS[verb].command.__struct_fields__ else {}
        made = await books.do(verb, operator(key), **(dated | fields))
        assert made.accepted, verb
    keys = tmp_path / "keys"
    sealed = await trail.seal(books.url, books.mechanism, keys)
    assert sealed is not None
    policy = f"log {trail.verifier_key(books.mechanism, keys)}\nquorum none\n"
    for name in ("export", "export.tar"):
        out = tmp_path / name
        await trail.export(books.url, books.mechanism, out, lambda _: None)
        code, told = verifier.verify(out, policy)
        assert told["problems"] == []
        assert (code, told["size"]) == (0, sealed.size)
