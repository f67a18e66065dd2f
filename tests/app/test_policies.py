"""Policies in the ledger: three people bring one into force, and the next version ends it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from mfm.app import policy_files
from mfm.app.context import Context
from mfm.app.perform import refusal_of
from mfm.app.policies import Gate, adopt_shipped, decide
from mfm.core.decisions import Found
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.policies import Policy
from mfm.core.verify_form import Differs, Told
from mfm.core.verify_policies import check
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.conftest import Database
from tests.ruling import FIRST, NEXT, SPAN, TODAY, cases, file, live, policy_of
from tests.support import Books, operator

pytestmark = pytest.mark.anyio


async def asked(books: Books, gate: Gate, **facts: Any) -> Found:  # noqa: ANN401  # any facts
    """Ask a gate, as a verb would."""
    found: list[Found] = []

    async def ask(unit: Unit) -> None:
        """Decide inside the writer."""
        named = {name.replace("__", "."): value for name, value in facts.items()}
        found.append(await decide(Context(unit, operator(), "policy.read"), gate, named))

    await books.writer.run(ask)
    return found[0]


def gate(on: date, submitted_on: date | None = None, **told: str) -> Gate:
    return Gate(told.get("name", "application"), told.get("fund", "f"), on, "", submitted_on)


async def test_a_version_lives_until_the_next_one(books: Books) -> None:
    active = policy_of(await live(books))
    assert (active.status, active.effective_until) == ("active", None)
    signed = (active.edited_by, active.approved_by, active.activated_by)
    assert signed == ("editor", "board", "other")
    second = await live(books, 2, first=NEXT)
    ended = policy_of(second, 0)
    assert (ended.id, ended.status) == ("p.v1", "superseded")
    assert ended.effective_until == NEXT - timedelta(days=1)
    outcomes = {
        day: (await asked(books, gate(day), application__gender_marker=1)).outcome
        for day in (TODAY, FIRST, NEXT - timedelta(days=1), NEXT)
    }
    assert list(outcomes.values()) == ["refuse", "allow", "allow", "refuse"]
    assert (await asked(books, gate(NEXT), application__gender_marker=2)).outcome == "allow"
    await sound(books)


async def test_what_is_submitted_is_judged_by_the_version_of_that_day(books: Books) -> None:
    on_submission = 'judged_on = "submission"\n'
    await live(books, fund=on_submission)
    await live(books, 2, first=NEXT, fund=on_submission)
    found = await asked(books, gate(NEXT, FIRST), application__gender_marker=1)
    assert (found.outcome, found.policies[0].version) == ("allow", 1)
    assert (await asked(books, gate(NEXT), application__gender_marker=1)).outcome == "refuse"


async def test_a_gate_asks_what_is_for_its_fund_and_itself_alone(books: Books) -> None:
    told = {"id": "f", "name": "F", "tier": "local", "currency": "USD", "steward": "s"}
    await books.do("party.register", id="s", name="S")
    assert (await books.do("fund.open", **told)).accepted
    await live(books, fund='fund = "f"\n')
    marker = {"application__gender_marker": 1}
    assert (await asked(books, gate(FIRST), **marker)).outcome == "allow"
    assert (await asked(books, gate(FIRST, fund="g"), **marker)).outcome == "refuse"
    assert (await asked(books, gate(FIRST, name="payment"), **marker)).outcome == "refuse"
    other = Actor("s", "preparer", "k", "g")
    with pytest.raises(Invalid, match="fund-not-allowed"):
        await books.do("policy.draft", other, content=file(2, fund='fund = "f"\n'))
    with pytest.raises(Invalid, match="fund-not-allowed"):  # for every fund: not by one fund's key
        await books.do("policy.draft", other, content=file(3))


async def test_what_the_release_ships_is_adopted_with_one_record(books: Books) -> None:
    made = await adopt_shipped(books.writer, operator("steward"))
    assert made.seq == 1
    again = await adopt_shipped(books.writer, operator("steward"))
    assert again.replayed
    adopted = policy_files.policies([policy_files.shipped("policies") / "shared"])
    states = [policy_of(made, number) for number in range(len(adopted))]
    assert {state.content for state in states} == {each.sha256 for each in adopted}
    assert {state.status for state in states} == {"active"}
    counts = ("unaccepted", "unassessed", "forbidden")
    facts: dict[str, Any] = {f"agreement__conditions_{name}": 0 for name in counts}
    facts |= {"agreement__condition_categories": [], "agreement__source_kind": "pooled-fund"}
    assert (await asked(books, gate(TODAY, name="amendment"), **facts)).outcome == "allow"
    assert (await asked(books, gate(TODAY, name="amendment"))).outcome == "incomplete"
    refused = await books.do("policy.adopt", operator("steward"))
    assert refusal_of(refused)[0] == "policies-adopted"
    await sound(books)


async def refused(books: Books, verb: str, key: str = "other", **fields: Any) -> str:  # noqa: ANN401  # a verb's
    made = await books.do(verb, operator(key), **fields)
    assert not made.accepted
    return refusal_of(made)[0]


async def test_steps_are_in_order_and_by_different_people(books: Books) -> None:
    named = {"policy": "p.v1"}
    with pytest.raises(Invalid, match="policy-faulty"):
        await books.do("policy.draft", content=file().replace("at_least", "at_lest"))
    await books.do("policy.draft", operator("editor"), content=file())
    assert await refused(books, "policy.approve", **named) == "policy-state"
    assert await refused(books, "policy.activate", **named) == "policy-state"
    wrong = cases().replace('"allow"', '"refuse"')
    assert await refused(books, "policy.test", **named, cases=wrong) == "policy-cases-fail"
    with pytest.raises(Invalid, match="policy-faulty"):
        await books.do("policy.test", **named, cases=cases(2))
    await books.do("policy.test", operator("editor"), **named, cases=cases())
    await books.do("policy.simulate", operator("editor"), **named, **SPAN)
    assert await refused(books, "policy.approve", "editor", **named) == "four-eyes"
    # Written anew, it begins anew.
    await books.do("policy.draft", operator("editor"), content=file(least=2))
    assert await refused(books, "policy.approve", **named) == "policy-state"
    await books.do("policy.test", operator("editor"), **named, cases=cases(least=2))
    assert await refused(books, "policy.approve", **named) == "policy-state"
    with pytest.raises(Invalid, match="request-refused"):
        await books.do("policy.simulate", **named, since=str(NEXT), until=str(TODAY))
    await books.do("policy.simulate", operator("editor"), **named, **SPAN)
    await books.do("policy.approve", operator("board"), **named)
    assert await refused(books, "policy.draft", content=file()) == "policy-state"
    assert await refused(books, "policy.activate", "editor", **named) == "four-eyes"
    assert (await books.do("policy.activate", operator("other"), **named)).accepted
    with pytest.raises(Invalid, match="not-found"):
        await books.do("policy.approve", policy="nothing.v1")
    await sound(books)


async def brought(books: Books, version: int, **told: Any) -> str:  # noqa: ANN401  # the file's blanks
    """Bring a version up to its activation; return how that is refused."""
    name = f"p.v{version}"
    await books.do("policy.draft", operator("editor"), content=file(version, **told))
    await books.do("policy.test", operator("editor"), policy=name, cases=cases(version, **told))
    await books.do("policy.simulate", operator("editor"), policy=name, **SPAN)
    await books.do("policy.approve", operator("board"), policy=name)
    return await refused(books, "policy.activate", policy=name)


async def test_no_version_counts_backwards_or_beside_another(books: Books) -> None:
    yesterday = TODAY - timedelta(days=1)
    assert await brought(books, 1, first=yesterday) == "policy-retroactive"
    await live(books, 2, first=NEXT)
    assert await brought(books, 3, first=FIRST) == "policy-overlap"
    reason = 'retroactive = {approved_by = "Board", reason = "As agreed."}\n'
    made = await live(books, 1, name="q", first=yesterday, fund=reason)
    assert policy_of(made).status == "active"
    await sound(books)


async def test_a_file_is_kept_with_its_record_alone(books: Books) -> None:
    """A request that leaves no record leaves no file, whatever is written beside it."""
    first = await books.do("policy.draft", content=file(), key="k")
    outcomes = await asyncio.gather(
        books.do("policy.draft", content=file(least=2), key="k"),
        books.do("policy.draft", content=file(), key="k"),
        books.do("party.register", id="s", name="S"),
        return_exceptions=True,
    )
    assert getattr(outcomes[0], "code", "") == "key-reused"
    assert getattr(outcomes[1], "seq", 0) == first.seq
    await sound(books)


async def test_a_policys_steps_are_not_taken_back(books: Books) -> None:
    made = await live(books)
    for seq in range(1, made.seq + 1):
        assert await refused(books, "record.reverse", record=seq, reason="why") == "record-final"


# On two paths -------------------------------------------------------------------------------------

FALSE: list[dict[str, Any]] = [
    {"activated_by": "editor"},
    {"approved_by": "editor"},
    {"approved_by": ""},
    {"activated_by": ""},
    {"activated_on": None},
    {"cases": ""},
    {"version": 3},
    {"effective_until": FIRST - timedelta(days=1)},
    {"id": "p.v2", "version": 2},
    {"id": "p.v2", "version": 2, "effective_from": NEXT},
]


@pytest.fixture
async def look(db: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(db.admin_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("lie", FALSE, ids=",".join)
async def test_a_false_state_is_refused_by_the_database_and_by_the_fold(
    books: Books, look: asyncpg.Connection, lie: dict[str, Any]
) -> None:
    active = policy_of(await live(books))
    before = structs.replace(active, status="approved", activated_by="", activated_on=None)
    check({"policy": {active.id: active}}, activation("other"), [(before, active)])
    forged = structs.replace(active, **lie)
    rows = {"policy": {active.id: active, forged.id: forged}}
    with pytest.raises(Differs):
        check(rows, activation(forged.activated_by), [(before, forged)])
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await written(look, books, forged)


async def written(look: asyncpg.Connection, books: Books, forged: Policy) -> None:
    """Write a state past the rules."""
    told = {name: getattr(forged, name) for name in forged.__struct_fields__}
    told |= {"gates": "[]", "windows": "[]"}
    made = ", ".join(f"{name} = excluded.{name}" for name in told)
    values = ", ".join(f"${number}" for number in range(2, len(told) + 2))
    async with look.transaction():
        await look.execute("SELECT set_config('mfm.appending', 'on', true)")
        await look.execute(
            f"INSERT INTO mfm.policy (mechanism_id, {', '.join(told)}) VALUES ($1, {values})"
            f" ON CONFLICT (mechanism_id, id) DO UPDATE SET {made}",
            books.mechanism.id,
            *told.values(),
        )


def activation(key: str) -> Told:
    """A record that activates, made by a key."""
    return Told(
        seq=9,
        leaf=b"",
        at=datetime(2026, 3, 2, tzinfo=UTC),
        accepted=True,
        chain=(),
        verb="policy.activate",
        actor={"key": key, "party": "operator", "role": "operator"},
        effective_on=TODAY,
        caused_by=b"",
        reverses=0,
        postings=(),
        sets=(),
        command={},
        commit={},
        facts={},
    )
