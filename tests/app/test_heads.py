"""Where funds' chains end is told in records: what a fund's slice is held against."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from mfm.app import heads, trail
from mfm.app.context import Context
from mfm.app.heads import NOTE
from mfm.app.perform import Ask, submit
from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.record import Draft, parse
from mfm.core.trail import HEADS_MAX, NoteHeads
from mfm.store.unit import Unit
from tests.support import Books, operator, usd
from tests.trails import codes, exported, policy_of

pytestmark = pytest.mark.anyio


def silent(_table: str, _done: int, _total: int) -> None:
    """Watch nothing."""


async def differs(books: Books) -> str:
    """Return what a verification of the database names, or ""."""
    found = await verify_database(books.url, books.mechanism, operator(), silent)
    return found.difference.check if found.difference else ""


async def test_the_ends_of_all_chains_are_told_and_verified(books: Books, tmp_path: Path) -> None:
    await books.chain()
    keys = tmp_path / "keys"
    sealed = await trail.seal(books.url, books.mechanism, keys)
    assert sealed is not None
    (made,) = await heads.note_all(books.writer, operator(), (), "h")
    record, body = parse(made.content)
    assert record.chain == ()
    assert body.facts["seen"] == {
        "size": str(sealed.size),
        "root": sealed.root.hex(),
        "anchor_size": "0",
        "anchor": "",
    }
    ends = {head["fund"]: head for head in body.facts["heads"]}
    last = await books.do("allocation.approve", fund="n", amount=usd("1.00"))
    (link,) = parse(last.content)[0].chain
    assert (ends["n"]["number"], ends["n"]["leaf"]) == (str(link.seq - 1), link.prev)
    export = await exported(books, keys, tmp_path / "export")
    assert codes(export, policy_of(trail.verifier_key(books.mechanism, keys))) == (0, [])
    assert await differs(books) == ""


async def test_only_an_administrator_tells_and_only_of_funds_that_are_there(books: Books) -> None:
    await books.chain()
    for role in ("approver", "auditor"):
        with pytest.raises(Invalid, match="role-not-allowed"):
            await heads.note_all(books.writer, Actor("p", role, "k"), ("n",), "h")
    with pytest.raises(Invalid, match="not-found"):
        await heads.note_all(books.writer, operator(), ("nobody",), "h")
    with pytest.raises(Invalid, match="heads-funds"):
        await heads.note_all(books.writer, operator(), ("n", "n"), "h")
    longest = [{"fund": "f" * 63, "number": "9" * 16, "leaf": "a" * 64}] * HEADS_MAX
    assert len(str(longest)) + 64 * HEADS_MAX < 16_384  # so many fit, named twice, in a record


@pytest.mark.parametrize(
    "wrong",
    [{"number": "1"}, {"leaf": "00" * 32}, {"fund": "none"}],
    ids=["short", "other", "fund"],
)
async def test_case_41_a_head_that_leaves_the_tail_out_is_caught(
    books: Books, tmp_path: Path, wrong: dict[str, str]
) -> None:
    """The forger has the key, and tells an earlier or another end, past the rule."""
    await books.chain()

    async def lie(context: Context, command: NoteHeads) -> Draft:
        draft = await heads.note(context, command)
        (head,) = draft.facts["heads"]
        facts: dict[str, Any] = draft.facts | {"heads": [head | wrong]}
        return structs.replace(draft, facts=facts)

    verb = structs.replace(NOTE, run=lie)
    made = await submit(books.writer, Ask(operator(), verb, NoteHeads(funds=("n",)), "h"))
    assert made.accepted
    keys = tmp_path / "keys"
    export = await exported(books, keys, tmp_path / "export")
    code, problems = codes(export, policy_of(trail.verifier_key(books.mechanism, keys)))
    assert (code, problems) == (1, ["fund-chain"])
    assert await differs(books) == "chain-heads"


async def test_the_server_tells_them_when_a_day_has_begun_and_something_came_since(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "_LOOK_SECONDS", 0.01)
    await books.chain()
    now = datetime.now(UTC)

    async def seq_after(days: int) -> int:
        """Let it run on a day, some while; return how far the journal is then."""
        clock = now + timedelta(days=days)
        running = asyncio.create_task(heads.daily(books.writer, operator(), lambda: clock))
        await asyncio.sleep(0.3)
        running.cancel()
        return await books.writer.run(head)

    async def head(unit: Unit) -> int:
        return unit.memory.head.seq

    before = await books.writer.run(head)
    assert [await seq_after(days) for days in (0, 1, 1, 2)] == [before, *(3 * [before + 1])]
    assert len(await heads.tell(books.writer, operator(), now.date())) == 0
    await books.do("allocation.approve", fund="n", amount=usd("1.00"))
    assert await seq_after(2) == before + 3
    assert await differs(books) == ""
