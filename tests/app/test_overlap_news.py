"""What was dismissed stays dismissed: what moves by itself, or was known before, is no news."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mfm.app.overlap_check import Kind, check
from mfm.app.overlap_opening import Opened, open_found
from mfm.app.overlaps import scan
from mfm.core.overlap_cases import OverlapCase
from mfm.core.overlaps import Overlap
from mfm.store import database
from mfm.store.database import snapshot
from tests.app.playing import sound
from tests.calling import APPLICATION, accepted, called, grantee
from tests.overlapping import staff
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(books: Books) -> AsyncIterator[AsyncEngine]:
    made = database.reader_engine(books.url, books.mechanism.id)
    yield made
    await made.dispose()


async def asked(books: Books, name: str, lead: str, call: str) -> None:
    told = {**APPLICATION, "call": call, "lead": lead, "title": f"Work {name} {name}s"}
    await accepted(books, "application.draft", grantee(lead), id=name, **told)
    await accepted(books, "application.submit", grantee(lead), application=name)


async def checked(engine: AsyncEngine, kind: Kind, name: str, detector: str) -> list[Overlap]:
    async with snapshot(engine) as connection:
        return [each for each in await check(connection, kind, name) if each.detector == detector]


async def scanned(engine: AsyncEngine, detector: str) -> list[Overlap]:
    found = await scan(engine, operator(), lambda *_: None)
    return [each for each in found if each.detector == detector]


async def told(books: Books, found: list[Overlap]) -> tuple[Opened, OverlapCase]:
    """Open what was found, all of one pair; return what came of it, and the case."""
    opened = await open_found(books.writer, operator(), found, lambda _: None)
    cases = await books.writer.run(
        lambda unit: unit.find_all(OverlapCase, "first", ["agent", "group"])
    )
    (case,) = (each for each in cases if each.detector == found[0].detector)
    return opened, case


async def dismissed(books: Books, case: OverlapCase, outcome: str) -> None:
    for key in ("one", "two"):
        said = {"overlap": case.id, "outcome": outcome, "reason": "They told us how."}
        await accepted(books, "overlap.decide", staff(key, party="other"), **said)


async def test_an_intermediary_is_one_case_whatever_funds_are_looked_at(
    books: Books, engine: AsyncEngine
) -> None:
    await books.chain()
    await accepted(books, "party.register", id="other", name="Foundation of the Lakes")
    for name in ("x", "y", "z"):
        fund = {"id": name, "tier": "global", "currency": "USD", "steward": "other"}
        await accepted(books, "fund.open", name=f"Fund {name}", **fund)
        await called(books, id=f"k{name}", fund=name, levels=[], types=[])
    for name in ("x", "y"):
        await asked(books, f"a{name}", "agent", f"k{name}")
        await asked(books, f"g{name}", "group", f"k{name}")
        by_group = await checked(engine, "application", f"g{name}", "intermediary")
        assert by_group == await checked(engine, "application", f"a{name}", "intermediary")
        assert by_group == await scanned(engine, "intermediary")
        opened, case = await told(books, by_group)
        assert opened == (Opened(1, 0, 0) if name == "x" else Opened(0, 1, 0))
    assert await checked(engine, "application", "gx", "intermediary") == by_group
    await dismissed(books, case, "coordinated")
    for found in (by_group, by_group[:1], by_group[1:], await scanned(engine, "intermediary")):
        opened, case = await told(books, found)
        assert (opened, case.status) == (Opened(0, 0, 1), "coordinated")
    await accepted(books, "application.withdraw", grantee("group"), application="gx")
    assert (await told(books, await scanned(engine, "intermediary")))[0] == Opened(0, 0, 1)
    for lead, name in (("agent", "az"), ("group", "gz")):
        await asked(books, name, lead, "kz")
    opened, case = await told(books, await checked(engine, "application", "gz", "intermediary"))
    assert (opened, case.status) == (Opened(0, 1, 0), "open")  # a third fund is news
    await sound(books)


async def test_a_rate_of_exchange_brings_nothing_back_and_another_award_does(
    books: Books, engine: AsyncEngine
) -> None:
    await books.chain()
    await accepted(books, "party.register", id="other", name="Foundation of the Lakes")
    budget = {"amount": {"amount": "100.00", "currency": "EUR"}, "source": "accounts"}
    await accepted(books, "party.attest", party="group", kind="annual-budget", **budget)
    rate = {"base": "EUR", "quote": "USD", "source": "ecb"}
    await accepted(books, "rate.record", rate="1.10", rated_on="2026-11-01", **rate)
    first = await checked(engine, "party", "group", "over-stretched")
    opened, case = await told(books, first)
    assert opened == Opened(1, 0, 0)
    await dismissed(books, case, "not-a-duplicate")
    await accepted(books, "rate.record", rate="1.11", rated_on="2026-11-02", **rate)
    moved = await checked(engine, "party", "group", "over-stretched")
    assert moved[0].reasons != first[0].reasons
    opened, case = await told(books, moved)
    assert (opened, case.status) == (Opened(0, 0, 1), "not-a-duplicate")
    more = {"id": "more", "from_fund": "n", "to_party": "group", "amount": usd("9.00")}
    await accepted(books, "allocation.approve", id="a9", fund="n", amount=usd("9.00"))
    await accepted(books, "commitment.sign", allocation="a9", **more)
    opened, case = await told(books, await checked(engine, "party", "group", "over-stretched"))
    assert (opened, case.status) == (Opened(0, 1, 0), "open")
    await sound(books)
