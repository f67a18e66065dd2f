"""An open case changes nothing: random applications through the gates, with every flag on and off.

The same steps are played in two mechanisms. In one, cases of all that is there are opened, answered
and proposed upon between the steps, and none is confirmed. What each step says, what becomes of
each application, in which order, and what is paid must be equal.

Its counterpart: with one case confirmed, just the signatures that it concerns wait for the board;
once it lifted them, all else is equal.
"""

import asyncio
from itertools import combinations
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from mfm.app.perform import refusal_of
from mfm.app.reads import Page, page_of
from mfm.core.applications import Application
from mfm.core.commitments import Commitment
from mfm.core.disbursements import Disbursement
from mfm.core.errors import Invalid, Problem
from mfm.core.judgements import Decision
from mfm.core.overlap_cases import UNTOLD
from mfm.core.overlap_effects import OF_APPLICATIONS, OF_CALLS
from mfm.core.overlaps import KINDS
from mfm.core.permissions import Actor
from mfm.core.record import Noun, parse
from mfm.store import database
from mfm.store.writer import Writer
from tests.app.playing import sound
from tests.app.test_gates import RULES
from tests.calling import APPLICATION, CALL, grantee
from tests.conftest import Database
from tests.overlapping import OVERLAP, decided, lifted, opened, staff
from tests.support import Books, operator, permit, usd

PARTIES = ("group", "twin", "radio")
TITLES = ("Peace committees", "Peace committees, again", "A radio for the lake")
AMOUNTS = ("500.00", "1000.00", "2000.00")  # the last is held for approval by a rule
Ask = tuple[int, int, int]
"""Which party asks, under which title, for how much."""
PLAIN: Ask = (0, 0, 0)
"""What the rules let through to its payment."""
PLACES = {"seq": 0, "prev": 0, "written_in": 0, "decided_in": 0}
"""Numbers of records, which differ where there are more records."""


async def played(books: Books) -> None:
    """Play a chain, two calls and three groups, under rules that count and hold."""
    await books.chain()
    for name in PARTIES[1:]:
        await must(books, "party.register", operator(), id=name, name=f"Women's {name}")
    await permit(books.writer, operator(), RULES.encode(), OVERLAP)
    for name in ("k", "k2"):
        await must(books, "call.draft", operator("writer"), **{**CALL, "id": name})
        await must(books, "call.publish", operator("publisher"), call=name)
    told = {"id": "e", "fund": "n", "amount": usd("50000.00")}
    await must(books, "allocation.approve", operator(), **told)


async def must(books: Books, verb: str, who: Actor, **fields: object) -> None:
    made = await books.do(verb, who, **fields)
    assert made.accepted, made.content


async def tried(books: Books, verb: str, who: Actor, **fields: object) -> tuple[str, ...]:
    """Try a step; return what is said to it, less the numbers of records."""
    try:
        made = await books.do(verb, who, **fields)
    except Problem as problem:
        return verb, problem.code, problem.detail
    return (verb, "done") if made.accepted else (verb, *refusal_of(made))


class Case:
    """A case that is confirmed as soon as what it is about is there.

    Attributes:
        told: detector, and the two.
        held: the grants that waited for it.
    """

    def __init__(self, told: tuple[str, str, str]) -> None:
        """Begin before it is opened."""
        self.told = told
        self.held: set[str] = set()
        self._id = ""

    async def settle(self, books: Books, parties: set[str]) -> None:
        """Open and confirm it, unless that was done; `parties` are those of the applications."""
        detector, first, second = self.told
        if self._id or not parties:
            return
        self._id = await opened(books, detector=detector, first=first, second=second)
        if detector in UNTOLD:  # nobody answers these, so two weeks are waited; they hold nothing
            return
        for party in sorted(parties):
            answer = {"overlap": self._id, "text": "We are two."}
            await must(books, "overlap.explain", grantee(party), **answer)
        await decided(books, self._id)

    async def sign(self, books: Books, grant: dict[str, Any]) -> tuple[str, ...]:
        """Sign a grant; where it waits for this case, have the board lift that."""
        said = await tried(books, "commitment.sign", operator(), **grant)
        if said[1] == "policy-approval":
            assert self._id in said[2]
            self.held.add(grant["id"])
            await lifted(books, f"commitment:{grant['id']}")
            said = await tried(books, "commitment.sign", operator(), **grant)
        return said

    def concerns(self, number: int, asks: list[Ask], granted: set[int]) -> bool:
        """Tell whether a grant is to wait for it, `granted` being those that all rules let pass."""
        detector, first, second = self.told
        party, call, name = PARTIES[asks[number][0]], ("k", "k2")[number % 2], f"a{number}"
        if detector in OF_CALLS:
            return (party, call) == (first, second)
        if detector in OF_APPLICATIONS:  # the later of two
            other = {first, second} - {name}
            return len(other) == 1 and int(other.pop()[1:]) in granted & {*range(number)}
        return party in (first, second)


async def asked(
    books: Books, number: int, asks: list[Ask], case: Case | None
) -> list[tuple[str, ...]]:
    """Apply, and go on with it as far as the rules let it."""
    ask = asks[number]
    party, title, amount = PARTIES[ask[0]], TITLES[ask[1]], AMOUNTS[ask[2]]
    name, call = f"a{number}", ("k", "k2")[number % 2]
    budget = [{"category": "staff", "amount": usd(amount), "gewe_percent": 50}]
    told = {"call": call, "lead": party, "title": title, "amount": usd(amount), "budget": budget}
    by = grantee(party)
    said = [await tried(books, "application.draft", by, id=name, **{**APPLICATION, **told})]
    said.append(await tried(books, "application.submit", by, application=name))
    yes = {"application": name, "outcome": "approved", "reason": "Good."}
    said.append(await tried(books, "application.decide", staff("b", role="board"), **yes))
    grant = {"id": f"g{number}", "application": name, "from_fund": "n", "to_party": party}
    grant |= {"allocation": "e", "amount": usd(amount)}
    if case is None:
        said.append(await tried(books, "commitment.sign", operator(), **grant))
    else:
        await case.settle(books, concerned(case.told, asks[: number + 1]))
        said.append(await case.sign(books, grant))
    paid = {"disbursement": f"p{number}"}
    tranche = {"id": f"p{number}", "commitment": f"g{number}", "tranche": 1}
    said.append(await tried(books, "disbursement.request", by, **tranche))
    said.append(await tried(books, "disbursement.approve", operator("two"), **paid))
    said.append(await tried(books, "disbursement.release", operator("three"), **paid))
    return said


def concerned(told: tuple[str, str, str], asks: list[Ask]) -> set[str]:
    """Return whom a case concerns, none while what it is about is not there."""
    detector, *pair = told
    if detector not in OF_APPLICATIONS:
        return {*pair} & {*PARTIES}
    numbers = [int(name[1:]) for name in pair]
    return {PARTIES[asks[each][0]] for each in numbers} if max(numbers) < len(asks) else set()


async def flagged(books: Books, number: int) -> None:
    """Open a case of all that is there by every detector that fits, and leave each unconfirmed."""
    there = {
        "party": (*PARTIES, "agent", "donor"),
        "application": tuple(f"a{each}" for each in range(number + 1)),
        "call": ("k", "k2"),
        "commitment": ("c", "t", "w", *(f"g{each}" for each in range(number + 1))),
    }
    for detector, (one, other) in KINDS.items():
        if one != other or one not in there:
            continue
        for first, second in combinations(sorted(there[one]), 2):
            told = {"detector": detector, "first": first, "second": second}
            weight = {"score": 999, "band": "strong", "reasons": f"for: both say {number}"}
            await opened_or_not(books, {**told, **weight}, number)


async def opened_or_not(books: Books, told: dict[str, Any], number: int) -> None:
    """Open a case; by turns answer it, propose against it, or have it dismissed."""
    try:
        made = await books.do("overlap.open", operator(), **told)
    except Invalid:  # what was refused is not there
        return
    (case,) = parse(made.content)[1].sets["overlap_case"]
    turn = (number + len(told["first"] + told["second"])) % 4
    for party in {side["party"] for side in case["sides"] if turn} - {""}:
        answer = {"overlap": case["id"], "text": "We are two."}
        await tried(books, "overlap.explain", grantee(party), **answer)
    outcome = ("", "confirmed", "confirmed", "affiliate")[turn]
    for key in ("x", "y")[: {2: 1, 3: 2}.get(turn, 0)]:
        told = {"overlap": case["id"], "outcome": outcome, "reason": "R"}
        await tried(books, "overlap.decide", operator(key), **told)


def plain(noun: Noun) -> dict[str, Any]:
    """A noun without the numbers of its records; a decision without its own id, too."""
    told: dict[str, Any] = to_builtins(noun)
    other: dict[str, object] = {**PLACES, **({"id": ""} if isinstance(noun, Decision) else {})}
    return told | {name: value for name, value in other.items() if name in told}


async def stood(books: Books) -> list[Any]:
    """What became of all: each list in its order, each decision, and the balances."""
    engine = database.reader_engine(books.url, books.mechanism.id)
    kinds = Application, Commitment, Disbursement, Decision
    try:
        lists = [await page_of(engine, operator(), kind, Page(500)) for kind in kinds]
        found: list[Any] = [[plain(each) for each in listed] for listed in lists]
    finally:
        await engine.dispose()
    connection = await database.connect(books.url, "mfm_writer")
    query = (
        "SELECT a.fund, a.code, a.subject, b.debit_minor, b.credit_minor FROM mfm.balance b"
        " JOIN mfm.account a USING (mechanism_id, account_id) WHERE b.mechanism_id = $1"
        " ORDER BY 1, 2, 3"
    )
    found.append([tuple(row) for row in await connection.fetch(query, books.mechanism.id)])
    await connection.close()
    return found


async def run(
    db: Database, asks: list[Ask], *, flags: bool = False, case: Case | None = None
) -> list[Any]:
    """Play in a mechanism of its own; return all that was said, and how it ended."""
    mechanism = await database.create_mechanism(db.app_url, f"o-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    said: list[Any] = []
    try:
        books = Books(db.app_url, mechanism, writer)
        await played(books)
        for number in range(len(asks)):
            if flags:
                await flagged(books, number - 1)
            said.append(await asked(books, number, asks, case))
        if case:
            await sound(books)
        if flags:
            cases = (
                "SELECT count(*) FROM mfm.overlap_case WHERE mechanism_id = $1 AND status = 'open'"
            )
            connection = await database.connect(db.app_url, "mfm_writer")
            assert await connection.fetchval(cases, mechanism.id) > len(asks)
            await connection.close()
            await sound(books)
        return [*said, *await stood(books)]
    finally:
        await writer.close()


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asks=st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=3))
def test_eligibility_rank_and_payment_are_the_same_with_every_open_flag(
    db: Database, asks: list[Ask]
) -> None:
    asks = [PLAIN, *asks]
    with_flags = asyncio.run(run(db, asks, flags=True))
    assert with_flags == asyncio.run(run(db, asks))
    assert {step[1] for step in with_flags[0]} == {"done"}  # from the draft to the money


# A confirmed case ---------------------------------------------------------------------------------

OF_PAIRS = st.sampled_from(["same-organisation", "one-number-two-names", "shared-control"])
ANY_CASE = st.one_of(
    st.tuples(OF_PAIRS, st.just("group"), st.sampled_from(["radio", "twin"])),
    st.tuples(st.sampled_from(sorted(OF_APPLICATIONS)), st.just("a0"), st.sampled_from("12")),
    st.tuples(st.sampled_from(sorted(OF_CALLS)), st.just("group"), st.sampled_from(["k", "k2"])),
    st.tuples(st.just("intermediary"), st.just("group"), st.just("radio")),
)
Told = tuple[str, str, str]


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(told=ANY_CASE, more=st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)))
@example(told=("same-project", "a0", "2"), more=PLAIN)
@example(told=("shared-control", "group", "twin"), more=(1, 0, 0))
@example(told=("intermediary", "group", "radio"), more=PLAIN)
def test_with_one_case_confirmed_just_what_it_concerns_waits(
    db: Database, told: Told, more: Ask
) -> None:
    detector, first, second = told
    case = Case((detector, first, f"a{second}" if detector in OF_APPLICATIONS else second))
    asks = [PLAIN, more, PLAIN]
    held = asyncio.run(run(db, asks, case=case))
    plain = asyncio.run(run(db, asks))
    granted = {number for number in range(len(asks)) if plain[number][3][1] == "done"}
    waits = {number for number in granted if case.concerns(number, asks, granted)}
    assert case.held == (
        set() if detector == "intermediary" else {f"g{number}" for number in waits}
    )
    apart = {("signature", f"commitment:{name}") for name in case.held}
    for one, other in zip(held, plain, strict=True):
        assert without(one, apart) == without(other, apart)


def without(told: list[Any], apart: set[tuple[str, str]]) -> list[Any]:
    """Leave decisions at these gates on these subjects out of a list."""
    return [
        each
        for each in told
        if not isinstance(each, dict) or (each.get("gate"), each.get("subject")) not in apart
    ]
