"""Contests: made by whom a decision concerns, owned, due, and answered by others."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from mfm.core.contests import Contest
from mfm.core.errors import Invalid, Problem
from mfm.core.permissions import Actor
from mfm.core.record import Draft, parse, restore
from mfm.core.verify_contests import check
from mfm.core.verify_form import Differs
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.app.test_gates import MUCH, code_of, drafted, ruled
from tests.calling import TODAY, accepted, applied, called, grantee
from tests.core.test_verify_calls import told
from tests.support import CHAIN, TERMS, Books, operator, usd

pytestmark = pytest.mark.anyio
APPROVER = Actor("agent", "approver", "q")
WHY = {"reason": "The accounts are newer than that."}


def contest_of(made: Made) -> Contest:
    found = restore(parse(made.content)[1].sets["contest"][0], Contest)
    assert isinstance(found, Contest)
    return found


async def refused(books: Books, verb: str, who: Actor, **fields: Any) -> str:  # noqa: ANN401  # a verb's
    return code_of(await books.do(verb, who, **fields))


async def test_who_is_refused_contests_it_and_somebody_owes_an_answer(books: Books) -> None:
    await ruled(books)
    await drafted(books, "x", **MUCH)
    held = await books.do("application.submit", grantee(), application="x")
    name = parse(held.content)[1].sets["decision"][0]["id"]
    subject = {"subject": f"decision:{name}", **WHY}
    with pytest.raises(Invalid, match="party-not-allowed"):
        await books.do("contest.open", grantee("donor"), **subject)
    made = await accepted(books, "contest.open", grantee(), **subject)
    contest = contest_of(made)
    assert (contest.fund, contest.party, contest.owner) == ("n", "group", "approver")
    assert contest.due_on == TODAY + timedelta(days=30)
    assert WHY["reason"] not in made.content.decode()
    assert await refused(books, "contest.open", grantee(), **subject) == "contest-state"
    # A person is named; then nobody else answers, and never who contested or is concerned.
    for key, role, party in (
        ("named", "approver", "agent"),
        ("pays", "payer", "agent"),
        ("own", "approver", "group"),
    ):
        await accepted(books, "key.create", id=key, role=role, party=party)
    asked = {"contest": contest.id}
    for key in ("pays", "own"):
        assert await refused(books, "contest.assign", APPROVER, **asked, owner=key) == (
            "contest-owner"
        )
    await accepted(books, "contest.assign", APPROVER, **asked, owner="named")
    answer = {**asked, "outcome": "upheld", **WHY}
    assert await refused(books, "contest.answer", APPROVER, **answer) == "contest-owner"
    own = Actor("group", "approver", "named")
    assert await refused(books, "contest.answer", own, **answer) == "conflict-of-interest"
    named = Actor("agent", "approver", "named")
    done = contest_of(await accepted(books, "contest.answer", named, **answer))
    assert (done.status, done.answered_by) == ("upheld", "named")
    assert await refused(books, "contest.answer", named, **answer) == "contest-state"
    await sound(books)


async def test_a_declined_application_is_decided_on_anew(books: Books) -> None:
    await books.chain()
    await called(books)
    await applied(books)
    subject = {"subject": "application:ap", **WHY}
    assert await refused(books, "contest.open", grantee(), **subject) == "contest-subject"
    declined = {"application": "ap", "outcome": "declined", **WHY}
    await accepted(books, "application.decide", APPROVER, **declined)
    await accepted(books, "fund.set-standards", fund="n", contest_days=7)
    await accepted(books, "board.set", fund="n")
    contest = contest_of(await accepted(books, "contest.open", grantee(), **subject))
    assert (contest.owner, contest.due_on) == ("board", TODAY + timedelta(days=7))
    answer = {"contest": contest.id, "outcome": "upheld", **WHY}
    assert await refused(books, "contest.answer", APPROVER, **answer) == "contest-owner"
    same = Actor("agent", "board", "q")
    assert await refused(books, "contest.answer", same, **answer) == "four-eyes"
    board = Actor("agent", "board", "b")
    made = await accepted(books, "contest.answer", board, **answer)
    assert parse(made.content)[1].sets["application"][0]["status"] == "submitted"
    await accepted(books, "application.decide", board, **{**declined, "outcome": "approved"})
    await sound(books)


async def test_a_contest_of_a_condition_has_its_owner_too(books: Books) -> None:
    await books.chain()
    for verb, key, fields in TERMS:
        await accepted(books, verb, operator(key), **fields)
    made = await accepted(books, "condition.contest", grantee(), condition="k2", **WHY)
    contest = contest_of(made)
    assert (contest.id, contest.fund, contest.party, contest.owner) == (
        "condition.k2",
        "n",
        "group",
        "approver",
    )
    answer = {"contest": "condition.k2", "outcome": "upheld", **WHY}
    assert await refused(books, "contest.answer", APPROVER, **answer) == "contest-subject"
    lifted = {"condition": "k2", "outcome": "upheld", **WHY}
    made = await accepted(books, "condition.answer", APPROVER, **lifted)
    assert contest_of(made).status == "upheld"
    # Of a contribution, the donor answers.
    made = await accepted(books, "condition.contest", operator("z"), condition="k1", **WHY)
    assert (contest_of(made).owner, contest_of(made).party) == ("donor", "agent")
    lifted = {**lifted, "condition": "k1"}
    other = Actor("group", "approver", "q")
    assert await refused(books, "condition.answer", other, **lifted) == "contest-owner"
    await accepted(books, "condition.answer", Actor("donor", "donor", "d"), **lifted)
    await sound(books)


async def contestable(books: Books) -> None:
    """Play a chain, an application that is declined, and conditions that nobody accepted."""
    await books.chain()
    await called(books)
    await applied(books)
    declined = {"application": "ap", "outcome": "declined", **WHY}
    await accepted(books, "application.decide", APPROVER, **declined)
    for verb, key, fields in TERMS:
        await accepted(books, verb, operator(key), **fields)


async def test_whom_it_concerns_withdraws_it_and_may_contest_again(books: Books) -> None:
    await contestable(books)
    for subject, opens, fields in (
        ("application.ap", "contest.open", {"subject": "application:ap"}),
        ("condition.k2", "condition.contest", {"condition": "k2"}),
    ):
        asked = {"contest": subject}
        await accepted(books, opens, grantee(), **fields, **WHY)
        for who, code in (
            (grantee("donor"), "party-not-allowed"),
            (Actor("agent", "approver", "z", "n"), "fund-not-allowed"),
        ):
            with pytest.raises(Invalid, match=code):
                await books.do("contest.withdraw", who, **asked)
        gone = contest_of(await accepted(books, "contest.withdraw", grantee(key="2"), **asked))
        assert (gone.status, gone.answered_by) == ("withdrawn", "")
        assert await refused(books, "contest.withdraw", grantee(), **asked) == "contest-state"
        again = contest_of(await accepted(books, opens, grantee(), **fields, **WHY))
        assert (again.status, again.written_in > gone.written_in) == ("open", True)
    # A contribution's condition is the receiving fund's to contest, and to withdraw.
    receives, another = (Actor("agent", "approver", key, "g") for key in ("g1", "g2"))
    await accepted(books, "condition.contest", receives, condition="k1", **WHY)
    await accepted(books, "contest.withdraw", another, contest="condition.k1")
    await sound(books)


async def test_nobody_withdraws_it_for_whom_it_concerns(books: Books) -> None:
    await contestable(books)
    await accepted(books, "contest.open", grantee(), subject="application:ap", **WHY)
    await accepted(books, "condition.contest", grantee(), condition="k2", **WHY)
    wide = Actor("agent", "approver", "z")
    asked = {"contest": "application.ap"}
    assert await refused(books, "contest.withdraw", wide, **asked) == "contest-owner"
    with pytest.raises(Invalid, match="receiver-only"):
        await books.do("contest.withdraw", wide, contest="condition.k2")
    # Nor does the database let go of one while its condition says that it is contested.

    async def forge(unit: Unit) -> Made:
        contest = await unit.find(Contest, "condition.k2")
        assert contest is not None
        entry = Entry("contest.withdraw", grantee().told(), (key_hash("g", "f"), bytes(32)), {})
        gone = structs.replace(contest, status="withdrawn")
        return await unit.write(entry, Draft(effective_on=TODAY, sets=(gone,)), [])

    with pytest.raises((Problem, asyncpg.PostgresError)):
        await books.writer.run(forge)


async def test_a_donor_contests_a_decision_that_concerns_itself(books: Books) -> None:
    await books.chain()
    told = {"id": "c2", "from_party": "donor", "to_fund": "g", "amount": usd("10.00")}
    more = {"contribution": "earmarked", "effective_on": "2026-03-02"}
    made = await accepted(books, "commitment.sign", **told, **more)
    (decision,) = parse(made.content)[1].sets["decision"]
    assert decision["party"] == "donor"
    subject = {"subject": f"decision:{decision['id']}", **WHY}
    donor = Actor("donor", "donor", "d")
    with pytest.raises(Invalid, match="party-not-allowed"):
        await books.do("contest.open", Actor("group", "donor", "e"), **subject)
    contest = contest_of(await accepted(books, "contest.open", donor, **subject))
    assert (contest.party, contest.owner) == ("donor", "approver")
    await accepted(books, "contest.withdraw", donor, contest=contest.id)
    await sound(books)


# What no rule would write ------------------------------------------------------------------------

OPEN = Contest(
    id="application.ap",
    status="open",
    subject="application:ap",
    fund="n",
    party="group",
    owner="approver",
    opened_on=TODAY,
    due_on=TODAY,
    contested_by="key",
    written_in=9,
)
FORGED: list[dict[str, Any]] = [
    {"id": "application.other"},
    {"due_on": TODAY - timedelta(days=1)},
    {"written_in": 10**6},
    {"answered_by": "key", "answered_in": 9, "status": "upheld"},
    {"status": "withdrawn", "party": "another", "answered_by": "key2", "answered_in": 1},
]


def held(state: Contest, verb: str = "contest.open") -> None:
    record = told(verb, state)
    check({"application": {"ap": state}}, record, [(None, each) for _, each in record.sets])


@pytest.mark.parametrize("change", FORGED, ids=str)
async def test_neither_path_lets_a_forged_contest_stand(
    books: Books, change: dict[str, Any]
) -> None:
    held(OPEN)
    forged = structs.replace(OPEN, **change)
    with pytest.raises(Differs):
        held(forged, "contest.answer" if forged.answered_by else "contest.open")
    for verb, key, fields in CHAIN[:5]:
        await accepted(books, verb, operator(key), **fields)

    async def forge(unit: Unit) -> Made:
        entry = Entry("contest.open", operator().told(), (key_hash("o", "k"), bytes(32)), {})
        sets = (structs.replace(forged, written_in=min(forged.written_in, unit.next_seq)),)
        if "written_in" in change:
            sets = (forged,)
        return await unit.write(entry, Draft(effective_on=TODAY, sets=sets), [])

    with pytest.raises((Problem, asyncpg.PostgresError)):
        await books.writer.run(forge)


def test_the_fold_knows_who_may_withdraw() -> None:
    gone = structs.replace(OPEN, status="withdrawn", party="agent")
    held(gone, "contest.withdraw")
    with pytest.raises(Differs):
        held(structs.replace(gone, party="group"), "contest.withdraw")


def test_the_fold_knows_who_owes_an_answer() -> None:
    taken = {"status": "dismissed", "answered_by": "key", "answered_in": 9, "contested_by": "h"}
    fine = structs.replace(OPEN, **taken, owner_key="key")
    held(fine, "contest.answer")
    for change in (
        {"owner_key": "another"},
        {"owner_key": "", "owner": "donor"},
        {"party": "agent"},
    ):
        with pytest.raises(Differs):
            held(structs.replace(fine, **change), "contest.answer")
