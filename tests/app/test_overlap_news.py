"""What was dismissed stays dismissed; aliases are whom they stand for; check and scan say one."""

from collections.abc import AsyncIterator

import pytest
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from mfm.app.overlap_check import Kind, check
from mfm.app.overlap_opening import Opened, open_found
from mfm.app.overlaps import scan
from mfm.core.overlap_cases import OverlapCase
from mfm.core.overlaps import Overlap
from mfm.store import database
from mfm.store.database import snapshot
from tests.app.playing import sound
from tests.calling import APPLICATION, CALL, accepted, called, grantee
from tests.overlapping import heard, opened, staff
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(books: Books) -> AsyncIterator[AsyncEngine]:
    made = database.reader_engine(books.url, books.mechanism.id)
    yield made
    await made.dispose()


async def asked(books: Books, name: str, lead: str, call: str, **more: object) -> None:
    told = {**APPLICATION, "call": call, "lead": lead, "title": f"Work {name} {name}s", **more}
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


async def test_an_alias_is_whom_it_stands_for(books: Books, engine: AsyncEngine) -> None:
    await books.chain()
    for name in ("other", "agent-2", "third"):
        await accepted(books, "party.register", id=name, name=f"Foundation {name} {name}ia")
    await accepted(
        books, "fund.open", id="x", name="X", tier="global", currency="USD", steward="other"
    )
    await called(books, id="kx", fund="x", levels=[], types=[])
    await asked(books, "before", "agent", "kx")
    theirs = await opened(books, first="agent", second="third")
    name = await opened(books, first="agent", second="agent-2")
    await heard(books, name, "agent", "agent-2")
    for key in ("one", "two"):
        merged = {"overlap": name, "outcome": "merged", "survivor": "agent-2", "reason": "R"}
        await accepted(books, "overlap.decide", staff(key, party="other"), **merged)
    await asked(books, "g", "group", "kx")
    found = await checked(engine, "application", "g", "intermediary")
    assert [(each.left, each.right) for each in found] == [("agent-2", "group")]
    assert found == await scanned(engine, "intermediary")
    assert found == await checked(engine, "application", "before", "intermediary")

    of_alias = Overlap(
        detector="same-organisation", left="agent", right="third", reasons=("for: x",)
    )
    of_both = structs.replace(of_alias, left="agent-2")
    again = structs.replace(of_alias, right="agent-2")
    for each in (of_both, again):  # the alias's open case is the survivor's
        assert await open_found(books.writer, operator(), [each], lambda _: None) == Opened(0, 0, 1)
    made = await open_found(
        books.writer,
        operator(),
        [Overlap(detector="shared-control", left="agent", right="third", reasons=("for: y",))],
        lambda _: None,
    )
    assert made == Opened(1, 0, 0)
    cases = await books.writer.run(lambda unit: unit.find_all(OverlapCase, "second", ["third"]))
    pairs = {(each.detector, each.first): each.id for each in cases}
    assert pairs.keys() == {("same-organisation", "agent"), ("shared-control", "agent-2")}
    assert pairs["same-organisation", "agent"] == theirs
    await sound(books)


async def test_check_and_scan_agree_on_what_is_no_hit(books: Books, engine: AsyncEngine) -> None:
    """Other places, a next phase, shares that both declare; and what a call gives to fill in."""
    await books.chain()
    await called(books, applications_maximum=0)
    await called(books, id="kg", fund="g", applications_maximum=0)
    groups = ["Sahel Weavers", "Coastal Fisherwomen Union", "Zubeda Radio", "Hill Clinic"]
    for at, group in enumerate(groups):
        await accepted(books, "party.register", id=f"p{at}", name=group)
    title = "Training of women mediators in the peace committees along the lake"
    far = {"places": ["UG"], "themes": ["15220"]}
    await asked(books, "ke", "p0", "k", title=title)
    await asked(books, "ug", "p0", "kg", title=title, **far)
    share = {"title": "Radio drama on inheritance rights of widows", "total": usd("2000.00")}
    await asked(books, "s1", "p1", "k", co_financing=["s2"], **share)
    await asked(books, "s2", "p1", "kg", co_financing=["s1"], **share)
    await asked(books, "s3", "p1", "kg", co_financing=["s1"], **share)
    for at in range(3):
        await asked(books, f"t{at}", f"p{at + 1}", "k", title=CALL["title"] + " of violence")
    same = {"title": "Early warning by market women along the northern border road"}
    for at, stem in enumerate(("own", "other", "own")):
        words = " ".join(f"{stem}{each}" for each in range(60))
        await asked(books, f"w{at}", f"p{at}", "k", summary=words, **same)
    found = {
        (each.detector, each.left, each.right, each.band)
        for each in await scan(engine, operator(), lambda *_: None)
        if each.detector in ("same-project", "same-text", "repeated-application")
    }
    assert found == {
        ("same-project", "s1", "s3", "possible"),
        ("same-project", "s2", "s3", "strong"),
        ("same-text", "w0", "w2", "strong"),
    }
    one_by_one = set()
    for name in ("ke", "ug", "s1", "s2", "s3", "t0", "t1", "t2", "w0", "w1", "w2"):
        async with snapshot(engine) as connection:
            one_by_one |= {
                (each.detector, each.left, each.right, each.band)
                for each in await check(connection, "application", name)
                if each.detector in ("same-project", "same-text", "repeated-application")
            }
    assert one_by_one == found


async def test_a_long_sentence_is_cut_and_a_case_has_its_reasons(books: Books) -> None:
    await books.chain()
    await called(books)
    found = Overlap(
        detector="repeated-application", left="group", right="k", reasons=("for: " + "x" * 9_000,)
    )
    opened_, case = await told(books, [found])
    assert (opened_, len(case.facts)) == (Opened(1, 0, 0), 1)
    assert case.topics
