"""Cases of overlap over real books: opened once, answered first, decided by two, and undone."""

from typing import Any

import asyncpg
import pytest
from msgspec import structs

from mfm.app.overlap_opening import Opened, open_found
from mfm.app.overlaps import scan
from mfm.app.perform import refusal_of
from mfm.app.reads import Page, page_of
from mfm.core.applications import Application
from mfm.core.errors import Invalid
from mfm.core.overlap_cases import OverlapAnswer, OverlapCase
from mfm.core.overlaps import Overlap
from mfm.core.parties import Party
from mfm.core.permissions import Actor
from mfm.core.record import Draft, Noun
from mfm.core.sharing import SharingAgreement
from mfm.store import database
from mfm.store.database import connect
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.calling import TODAY, accepted, applied, called, grantee
from tests.overlapping import (
    FORGED,
    FOUND,
    OUTCOME,
    begin,
    decided,
    heard,
    opened,
    shared,
    staff,
)
from tests.support import Books, operator

pytestmark = pytest.mark.anyio


async def refused(books: Books, code: str, verb: str, who: Actor, **fields: object) -> None:
    """Hold that a verb is refused, recorded or not."""
    try:
        made = await books.do(verb, who, **fields)
        said = "" if made.accepted else refusal_of(made)[0]
    except Invalid as problem:
        said = problem.code
    assert said == code


async def case_of(books: Books, name: str) -> OverlapCase:
    async def read(unit: Unit) -> OverlapCase:
        made = await unit.find(OverlapCase, name)
        assert made is not None
        return made

    return await books.writer.run(read)


async def found_by_all(books: Books) -> list[Overlap]:
    engine = database.reader_engine(books.url, books.mechanism.id)
    try:
        return await scan(engine, operator(), lambda *_: None)
    finally:
        await engine.dispose()


async def led_by(books: Books, party: str) -> list[str]:
    """Return the applications that a list by their lead shows."""
    engine = database.reader_engine(books.url, books.mechanism.id)
    try:
        page = Page(filters={"lead": party})
        return [each.id for each in await page_of(engine, operator(), Application, page)]
    finally:
        await engine.dispose()


async def again(books: Books, found: list[Overlap]) -> Opened:
    return await open_found(books.writer, operator(), found, lambda _: None)


async def test_a_pair_is_one_case_and_comes_back_with_news_alone(books: Books) -> None:
    await begin(books)
    await called(books, id="k2", fund="g")
    await applied(books, "again", title="Peace committees, again")
    found = await found_by_all(books)
    assert await again(books, found) == Opened(len(found), 0, 0)
    head = (await books.do("party.register", name="Between")).seq
    assert await again(books, [*found, *found]) == Opened(0, 0, len(found))
    assert (await books.do("party.register", name="After")).seq == head + 1

    twins = next(each for each in found if each.detector == "same-organisation")
    cases = await books.writer.run(lambda unit: unit.find_all(OverlapCase, "first", ["group"]))
    (case,) = (each for each in cases if each.detector == "same-organisation")
    assert "for:names" in case.topics
    assert [side.funds for side in case.sides] == [(), ()]  # asked for when it is read
    await decided(books, case.id, outcome="not-a-duplicate")
    assert await again(books, found) == Opened(0, 0, len(found))

    other = structs.replace(twins, score=1, reasons=("for: the same, in other words",))
    assert await again(books, [other]) == Opened(0, 0, 1)
    news = structs.replace(twins, facts=(*twins.facts, "for:domain"))
    assert await again(books, [news]) == Opened(0, 1, 0)
    back = await case_of(books, case.id)
    assert (back.status, back.proposed, back.decided_by) == ("open", "", "")
    assert back.opened_in == back.told_in == back.seq
    await decided(books, case.id, outcome="not-a-duplicate")
    assert await again(books, [twins]) == Opened(0, 0, 1)  # what was, and is no more, is no news
    back = await case_of(books, case.id)
    assert (back.status, len(back.facts)) == ("not-a-duplicate", len(case.facts) + 1)
    await sound(books)


async def test_those_concerned_answer_before_two_people_decide(books: Books) -> None:
    await begin(books)
    name = await opened(books)
    told = {"overlap": name, **OUTCOME}
    await refused(books, "overlap-unheard", "overlap.decide", staff("one"), **told)
    text = {"overlap": name, "text": "Sisi ni wengine."}
    await refused(books, "not-found", "overlap.explain", grantee("donor"), **text)
    others = staff("p", "g", "preparer")
    on = {"party": "group", **text}
    await refused(books, "not-found", "overlap.explain", others, **on)
    await heard(books, name, "group")
    await refused(books, "overlap-unheard", "overlap.decide", staff("one"), **told)
    await heard(books, name, "twin", "group")  # one may say more
    await refused(books, "conflict-of-interest", "overlap.decide", staff("x", party="twin"), **told)
    await refused(books, "not-found", "overlap.decide", staff("x", "g"), **told)
    await accepted(books, "overlap.decide", staff("one"), **told)
    await refused(books, "four-eyes", "overlap.decide", staff("one"), **told)
    other = {**told, "outcome": "affiliate"}
    await accepted(books, "overlap.decide", staff("two", "n"), **other)  # says otherwise
    await accepted(books, "overlap.decide", staff("one"), **told)
    await accepted(books, "overlap.decide", staff("two"), **told)
    case = await case_of(books, name)
    assert (case.status, case.proposed_by, case.decided_by) == ("confirmed", "one", "two")
    await refused(books, "overlap-state", "overlap.decide", staff("three"), **told)
    back = {"overlap": name, "reason": "A mistake."}
    await refused(books, "four-eyes", "overlap.reopen", staff("two"), **back)
    await accepted(books, "overlap.reopen", staff("three"), **back)
    assert (await case_of(books, name)).status == "open"
    await refused(books, "overlap-state", "overlap.reopen", staff("three"), **back)
    await sound(books)


async def test_what_does_not_fit_is_told(books: Books) -> None:
    await begin(books)
    await called(books, id="k2", fund="g")
    who = operator()
    unknown = {**FOUND, "detector": "hearsay"}
    await refused(books, "overlap-pair", "overlap.open", who, **unknown)
    turned = {**FOUND, "first": "twin", "second": "group"}
    await refused(books, "overlap-pair", "overlap.open", who, **turned)
    await refused(books, "not-found", "overlap.open", who, **{**FOUND, "second": "zz"})
    calls = await opened(books, detector="overlapping-calls", first="k", second="k2")
    reason = {"overlap": calls, "reason": "R"}
    for outcome in ("merged", "affiliate"):
        told = {**reason, "outcome": outcome, "survivor": "k" if outcome == "merged" else None}
        await refused(books, "overlap-outcome", "overlap.decide", staff("one"), **told)
    text = {"overlap": calls, "text": "T", "party": "group"}
    await refused(books, "overlap-party", "overlap.explain", staff("p", role="preparer"), **text)
    await decided(books, calls, outcome="coordinated")
    name = await opened(books)
    await refused(books, "overlap-known", "overlap.open", who, **FOUND)
    merged = {"overlap": name, "outcome": "merged", "reason": "R"}
    await heard(books, name, "group", "twin")
    for more in ({}, {"survivor": "donor"}):
        await refused(books, "overlap-outcome", "overlap.decide", staff("one"), **merged, **more)
    made = await accepted(books, "overlap.decide", staff("one"), **merged, survivor="twin")
    await refused(books, "record-final", "record.reverse", who, record=made.seq, reason="R")
    asked = await opened(books, detector="intermediary", first="agent", second="group")
    text = {"overlap": asked, "text": "T"}
    await refused(books, "not-found", "overlap.explain", grantee(), **text)


async def test_a_merge_is_an_alias_that_writes_nothing_anew(
    books: Books,
) -> None:
    await begin(books)
    await accepted(books, "party.register", id="third", name="Womens group, third")
    one = await opened(books, second="third")
    two = await opened(books, first="third", second="twin")
    name = await opened(books)
    await heard(books, name, "group", "twin")
    connection = await connect(books.url, "mfm_writer")
    rows = "SELECT count(*), sum(seq), md5(string_agg(t::text, '' ORDER BY id)) FROM mfm.{0} t"
    tables = ("application", "commitment", "disbursement", "report", "fund")
    before = [await connection.fetchrow(rows.format(each)) for each in tables]
    await decided(books, name, outcome="merged", survivor="twin")
    assert [await connection.fetchrow(rows.format(each)) for each in tables] == before
    await connection.close()
    assert not [each for each in await found_by_all(books) if each.left == "group"]
    assert await led_by(books, "twin") == await led_by(books, "group") == ["ap"]
    assert await again(
        books,
        [Overlap(detector="same-organisation", left="group", right="twin", reasons=("for: more",))],
    ) == Opened(0, 0, 1)

    await heard(books, one, "group", "third")
    await heard(books, two, "third", "twin")
    # The group is an alias, whichever stays; the twin has one.
    for other, survivor in ((one, "third"), (one, "group"), (two, "third")):
        told = {"overlap": other, "outcome": "merged", "survivor": survivor, "reason": "R"}
        await accepted(books, "overlap.decide", staff("one"), **told)
        await refused(books, "party-merged", "overlap.decide", staff("two"), **told)

    await accepted(books, "overlap.reopen", staff("three"), overlap=name, reason="Two boards.")
    alias = await books.writer.run(lambda unit: unit.find(Party, "group"))
    assert alias is not None
    assert alias.merged_into == ""
    await sound(books)


@pytest.mark.parametrize(("what", "kind", "change"), FORGED, ids=[each[0] for each in FORGED])
async def test_the_database_refuses_what_no_rule_would_write(
    books: Books, what: str, kind: type[Noun], change: dict[str, Any]
) -> None:
    await begin(books)
    name = await opened(books)
    if "opened_in" not in change and "answer_by" not in change:
        await heard(books, name, "group", "twin")
    own: dict[str, Any] = {}
    if kind is OverlapCase:
        own = {
            "status": "confirmed",
            "proposed": "confirmed",
            "proposed_by": "one",
            "proposed_in": 1,
            "decided_by": "two",
            "decided_on": TODAY,
            "decided_in": 1,
        }

    if kind is SharingAgreement:
        await shared(books)
        own = {"status": "in-force", "agreed_by": "two"}
    ids = {OverlapCase: name, OverlapAnswer: f"{name}.group", SharingAgreement: "s"}

    async def forge(unit: Unit) -> Made:
        before = await unit.find(kind, ids[kind])
        assert before is not None
        entry = Entry(
            "overlap.decide", operator().told(), (key_hash("operator", what), bytes(32)), {}
        )
        draft = Draft(effective_on=TODAY, sets=(structs.replace(before, **(own | change)),))
        return await unit.write(entry, draft, [])

    with pytest.raises((Invalid, asyncpg.PostgresError)):
        await books.writer.run(forge)


async def forced(books: Books, verb: str, who: Actor, *states: Noun) -> None:
    """Write nouns in somebody's name, past all rules."""

    async def write(unit: Unit) -> Made:
        for state in states:
            await unit.find(type(state), state.id)
        keys = key_hash(who.party, f"{verb} {who.key}"), bytes(32)
        draft = Draft(effective_on=TODAY, sets=states)
        return await unit.write(Entry(verb, who.told(), keys, {}), draft, [])

    await books.writer.run(write)


async def test_the_database_knows_whose_side_somebody_is_of(books: Books) -> None:
    await begin(books)
    await accepted(books, "key.create", id="seconded", party="donor", role="approver", fund="n")
    name, kept = await opened(books), await opened(books, first="agent", second="group")
    await heard(books, name, "group")
    note = {"overlap": name, "party": "twin", "text": "By phone."}
    await accepted(books, "overlap.explain", staff("scribe", "", "preparer"), **note)
    case, of_agent = await case_of(books, name), await case_of(books, kept)
    answer = await books.writer.run(lambda unit: unit.find(OverlapAnswer, f"{name}.group"))
    assert answer is not None
    noted = OverlapAnswer(
        id=f"noted.{name}.group",
        status="given",
        overlap=name,
        party="group",
        noted=True,
        given_by="x",
        written_in=1,
    )
    proposed = {"proposed": "affiliate", "proposed_in": case.seq}

    def proposing(which: OverlapCase, who: Actor) -> OverlapCase:
        return structs.replace(which, **proposed, proposed_by=who.key)

    # The key `seconded` is of fund n, which agent keeps.
    seconded = staff("seconded", "n", party="donor")
    other, scribe, own = staff("x"), staff("scribe"), Actor("group", "grantee", "x")
    for code, verb, who, state in (
        ("overlap-answer", "overlap.explain", other, structs.replace(answer, given_by="x")),
        ("overlap-answer", "overlap.explain", own, noted),
        ("conflict-of-interest", "overlap.explain", staff("x", party="twin"), noted),
        ("conflict-of-interest", "overlap.decide", other, proposing(of_agent, other)),
        ("conflict-of-interest", "overlap.decide", seconded, proposing(of_agent, seconded)),
        ("four-eyes", "overlap.decide", scribe, proposing(case, scribe)),
    ):
        with pytest.raises((Invalid, asyncpg.PostgresError), match=code):
            await forced(books, verb, who, state)
    proposer = staff("x")
    await accepted(books, "overlap.decide", proposer, overlap=name, **_SAID)
    with pytest.raises((Invalid, asyncpg.PostgresError), match="four-eyes"):
        await forced(books, "overlap.explain", proposer, noted)
    await sound(books)


_SAID = {"outcome": "affiliate", "reason": "R"}
