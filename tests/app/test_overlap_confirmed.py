"""What a confirmed case of overlap changes: signatures wait, a report is questioned, no more."""

from typing import Any

import asyncpg
import pytest
from msgspec import json, structs

from mfm.app.perform import refusal_of
from mfm.core.errors import Invalid
from mfm.core.overlap_cases import OverlapCase
from mfm.core.record import Draft, parse
from mfm.core.reports import Report
from mfm.store import facts
from mfm.store.database import connect
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.app.test_overlap_cases import refused
from tests.calling import TODAY, accepted, applied, called
from tests.overlapping import OVERLAP, confirmed, heard, lifted, opened, staff
from tests.support import Books, operator, permit, usd

pytestmark = pytest.mark.anyio
GRANT = {"from_fund": "n", "to_party": "group", "allocation": "e", "amount": usd("1000.00")}


async def ready(books: Books, *names: str) -> None:
    """Play the chain, a call, and approved applications of the group's; adopt the rule."""
    await books.chain()
    await permit(books.writer, operator(), OVERLAP)
    await called(books, applications_maximum=9)
    await accepted(books, "allocation.approve", id="e", fund="n", amount=usd("9000.00"))
    await accepted(books, "party.register", id="twin", name="Womens group asbl")
    for name in names:
        await applied(books, name)
        yes = {"application": name, "outcome": "approved", "reason": "Good."}
        await accepted(books, "application.decide", staff("b", role="board"), **yes)


async def sign(books: Books, **more: object) -> Made:
    return await books.do("commitment.sign", operator(), **{**GRANT, **more})


async def decision_of(books: Books, made: Made) -> dict[str, Any]:
    """Return all that was kept of the decision in a record."""
    (told,) = parse(made.content)[1].sets["decision"]
    connection = await connect(books.url, "mfm_writer")
    query = "SELECT content FROM mfm.blob WHERE mechanism_id = $1 AND sha256 = $2"
    name = bytes.fromhex(told["content"])
    kept = await connection.fetchval(query, books.mechanism.id, name)
    await connection.close()
    content: dict[str, Any] = json.decode(kept)
    return content


async def pair(books: Books, detector: str, two: tuple[str, str], *parties: str) -> str:
    """Open a case and confirm it; return its id."""
    case = await opened(books, detector=detector, first=two[0], second=two[1])
    await confirmed(books, case, *parties)
    return case


async def test_the_later_of_two_agreements_on_one_project_waits_for_the_board(books: Books) -> None:
    await ready(books, "a1", "a2", "a3")
    case = await opened(books, detector="same-project", first="a1", second="a2")
    await heard(books, case, "group")
    told = {"overlap": case, "outcome": "confirmed", "reason": "One hall, one training."}
    await accepted(books, "overlap.decide", staff("one"), **told)
    first = await sign(books, application="a1")  # proposed is not confirmed
    assert first.accepted
    assert (await decision_of(books, first))["facts"]["overlap.confirmed"] == []
    await accepted(books, "overlap.decide", staff("two"), **told)
    assert (await sign(books, application="a3")).accepted  # another project

    held = await sign(books, application="a2")
    code, detail, *_ = refusal_of(held)
    assert code == "policy-approval"
    assert f"same-project, case {case}" in detail
    assert "role=board" in detail
    assert "overlap.reopen" in detail
    kept = await decision_of(books, held)
    assert (kept["facts"]["overlap.cases"], kept["facts"]["overlap.confirmed"]) == (
        [case],
        ["same-project"],
    )
    assert kept["sources"]["overlap.cases"]["source"].startswith(f"overlap {case} (record ")

    # The refusal names a subject: whoever signs again under that id finds the waiver.
    subject = next(word for word in detail.split() if word.startswith("subject=commitment:"))
    await lifted(books, subject.removeprefix("subject="))
    again = await sign(books, application="a2", id=subject.partition(":")[2])
    assert again.accepted
    assert (await decision_of(books, again))["outcome"] == "needs-approval"
    await sound(books)


async def test_what_is_opened_again_and_dismissed_holds_nothing(books: Books) -> None:
    await ready(books, "a1", "a2")
    assert (await sign(books, application="a1")).accepted
    case = await pair(books, "same-project", ("a1", "a2"), "group")
    assert not (await sign(books, application="a2")).accepted
    await accepted(books, "overlap.reopen", staff("three"), overlap=case, reason="A sequel.")
    await accepted(
        books, "overlap.decide", staff("one"), overlap=case, outcome="sequel", reason="R"
    )
    assert (await sign(books, application="a2")).accepted
    await sound(books)


Shown = tuple[str, tuple[str, str], tuple[str, ...], str]
CASES: list[Shown] = [
    # detector, the two, who is concerned, what a signature comes to
    ("same-organisation", ("group", "twin"), ("group", "twin"), "needs-approval"),
    ("shared-control", ("donor", "group"), ("donor", "group"), "needs-approval"),
    ("repeated-application", ("group", "k"), ("group",), "needs-approval"),
    ("split-application", ("group", "other"), ("group",), "allow"),
    ("over-stretched", ("group", "group.annual-budget"), ("group",), "allow-with-flags"),
    ("one-number-two-names", ("donor", "twin"), ("donor", "twin"), "allow"),
    ("same-text", ("a1", "a2"), ("group",), "allow"),
    ("counted-twice", ("c", "w"), ("group",), "allow"),
]


@pytest.mark.parametrize(("detector", "two", "parties", "outcome"), CASES)
async def test_just_what_concerns_an_agreement_is_heard(
    books: Books, detector: str, two: tuple[str, str], parties: tuple[str, ...], outcome: str
) -> None:
    await ready(books, "a1", "a2")
    await called(books, id="other")
    budget = {"party": "group", "kind": "annual-budget", "amount": usd("1.00"), "source": "s"}
    await accepted(books, "party.attest", operator("v"), **budget)
    case = await pair(books, detector, two, *parties)
    kept = await decision_of(books, await sign(books, application="a1"))
    assert kept["outcome"] == outcome
    assert kept["facts"]["overlap.cases"] == ([] if outcome == "allow" else [case])


async def test_a_merge_settles_it_and_its_alias_is_the_same_organisation(books: Books) -> None:
    await ready(books)
    await accepted(books, "party.register", id="third", name="Third")
    case = await pair(books, "same-organisation", ("group", "twin"), "group", "twin")
    assert not (await sign(books)).accepted
    await accepted(books, "overlap.reopen", staff("three"), overlap=case, reason="It is one.")
    for key in ("one", "two"):
        told = {"overlap": case, "outcome": "merged", "survivor": "twin", "reason": "R"}
        await accepted(books, "overlap.decide", staff(key), **told)
    assert (await sign(books)).accepted
    # What is confirmed of whom it is, concerns the alias too; and what is of another, does not.
    await pair(books, "shared-control", ("third", "twin"), "third", "twin")
    assert not (await sign(books)).accepted
    assert not (await sign(books, to_party="twin")).accepted
    assert (await sign(books, to_party="donor")).accepted
    await sound(books)


async def test_a_case_that_is_on_its_way_is_seen(books: Books) -> None:
    """Confirmed in the batch before, or in this one: the signature sees it."""
    await ready(books)
    case = await pair(books, "same-organisation", ("group", "twin"), "group", "twin")

    async def look(unit: Unit) -> None:
        stored = await facts.confirmed(unit, "group", "")
        assert [each.id for each in stored] == [case]
        row = await unit.find(OverlapCase, case)
        assert row is not None
        for status, ids in (("open", []), ("confirmed", [case])):
            unit.memory.closed = {"overlap_case": {case: structs.replace(row, status=status)}}
            assert [each.id for each in await facts.confirmed(unit, "group", "")] == ids
        unit.memory.closed = {}

    await books.writer.run(look)


# One cost, charged twice --------------------------------------------------------------------------


async def spent(books: Books) -> list[int]:
    """Pay two grants of the group's, have one cost reported under both; return these records."""
    await ready(books)
    seqs = []
    for name in ("x", "y"):
        await accepted(books, "commitment.sign", **GRANT, id=name)
        told = {"id": f"p{name}", "commitment": name, "tranche": 1}
        await accepted(books, "disbursement.request", operator("asks"), **told)
        paid = {"disbursement": f"p{name}"}
        await accepted(books, "disbursement.approve", operator("approves"), **paid)
        await accepted(books, "disbursement.release", operator("pays"), **paid)
        told = {"id": f"r{name}", "commitment": name, "direct": usd("400.00")}
        made = await accepted(books, "report.submit", operator("reports"), **told)
        seqs.append(made.seq)
    return seqs


async def test_of_one_cost_the_later_report_is_questioned_first(books: Books) -> None:
    await spent(books)
    case = await pair(books, "same-cost", ("rx", "ry"), "group")
    who = operator("decides")
    await accepted(books, "report.decide", who, report="rx")  # nobody bears it yet
    await refused(books, "report-overlap", "report.decide", who, report="ry")
    await accepted(books, "report.question", who, report="ry", reason="Once or twice?")
    await refused(books, "report-overlap", "report.decide", who, report="ry")
    answer = {"report": "ry", "direct": usd("150.00")}
    await accepted(books, "report.answer", operator("reports"), **answer)
    await accepted(books, "report.decide", who, report="ry")
    await sound(books)
    await accepted(books, "overlap.reopen", staff("three"), overlap=case, reason="Answered.")
    await sound(books)


async def test_what_bears_nothing_is_not_charged_twice(books: Books) -> None:
    await spent(books)
    await pair(books, "same-cost", ("rx", "ry"), "group")
    who, none = operator("decides"), {"rejected": usd("400.00")}
    await accepted(books, "report.decide", who, report="rx", **none)
    made = await accepted(books, "report.decide", who, report="ry")
    back = {"record": made.seq, "reason": "R"}
    await accepted(books, "record.reverse", operator("reverses"), **back)
    await sound(books)


async def test_a_report_that_was_taken_back_bears_nothing(books: Books) -> None:
    first, _ = await spent(books)
    await pair(books, "same-cost", ("rx", "ry"), "group")
    back = {"record": first, "reason": "Told by mistake."}
    await accepted(books, "record.reverse", operator("reverses"), **back)
    await accepted(books, "report.decide", operator("decides"), report="ry")
    await sound(books)


async def test_a_report_may_be_rejected_unquestioned(books: Books) -> None:
    await spent(books)
    who, none = operator("decides"), {"rejected": usd("400.00")}
    await accepted(books, "report.decide", who, report="ry")
    await pair(books, "same-cost", ("rx", "ry"), "group")
    await refused(books, "report-overlap", "report.decide", who, report="rx")
    await accepted(books, "report.decide", who, report="rx", **none)
    await sound(books)


@pytest.mark.parametrize("questioned", [False, True])
async def test_the_database_accepts_no_cost_twice(books: Books, questioned: bool) -> None:  # noqa: FBT001  # a case
    await spent(books)
    who = operator("decides")
    if questioned:  # before anybody had confirmed it
        await accepted(books, "report.question", who, report="ry")
        await accepted(books, "report.answer", operator("reports"), report="ry")
    await accepted(books, "report.decide", who, report="rx")
    await pair(books, "same-cost", ("rx", "ry"), "group")

    async def forge(unit: Unit) -> Made:
        report = await unit.find(Report, "ry")
        assert report is not None
        told = {"decided_by": "decides", "decided_on": TODAY, "direct_minor": 1, "evidence": True}
        entry = Entry("report.decide", who.told(), (key_hash("o", "k"), bytes(32)), {})
        made = structs.replace(report, status="accepted", **told)
        return await unit.write(entry, Draft(effective_on=TODAY, sets=(made,), funds=("n",)), [])

    with pytest.raises((Invalid, asyncpg.PostgresError), match="report-overlap"):
        await books.writer.run(forge)
