"""What policies refuse is kept, evaluated again and simulated; and amendments ask them."""

from typing import Any

import asyncpg
import pytest
from msgspec import json, structs

from mfm.app import policy_files
from mfm.app.perform import refusal_of
from mfm.app.simulations import simulate
from mfm.app.verify import verify_database
from mfm.core.commitments import Commitment
from mfm.core.errors import Problem
from mfm.core.judgements import Decision
from mfm.core.policy_format import load
from mfm.core.record import Draft, parse, restore
from mfm.core.simulations import Shift
from mfm.core.verify_form import Differs
from mfm.core.verify_judgements import check_refused
from mfm.store import database
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.migrate import shipped
from mfm.store.policies import file_of
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.app.test_gates import MADE, MUCH, RULES, code_of, drafted, ruled
from tests.calling import TODAY, accepted, grantee
from tests.core.test_verify_calls import told
from tests.support import Books, operator, permit

pytestmark = pytest.mark.anyio
REFUSED = structs.replace(MADE, status="refused", outcome="refuse", party="group")


async def held(books: Books) -> Made:
    """Have an application held for the board; return the record of that."""
    await ruled(books)
    await drafted(books, "x", **MUCH)
    made = await books.do("application.submit", grantee(), application="x")
    assert code_of(made) == "policy-approval"
    return made


async def test_what_policies_do_not_let_through_is_kept_with_every_reason(books: Books) -> None:
    made = await held(books)
    body = parse(made.content)[1]
    assert set(body.sets) == {"decision"}
    decision: Any = restore(body.sets["decision"][0], Decision)
    told = (decision.status, decision.outcome, decision.subject, decision.party)
    assert told == ("refused", "needs-approval", "application:x", "group")

    async def read(unit: Unit) -> dict[str, Any]:
        return json.decode(await file_of(unit, decision.content))

    content = await books.writer.run(read)
    assert content["facts"]["application.requested"] == "200000"
    assert {each["rule"]: each["result"] for each in content["rules"]}["small"] == "violated"
    await sound(books)
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert (found.difference, found.decisions_not_rerun) == (None, 0)


async def test_a_candidate_that_lets_more_through_is_seen_to(books: Books) -> None:
    await held(books)
    text = RULES.replace("version = 1", "version = 2").replace(" 100000}", " 9900000}")
    candidate = load(text.encode(), policy_files.catalogue(), "candidate")
    engine = database.reader_engine(books.url, books.mechanism.id)
    try:
        days = (TODAY, TODAY)
        found = await simulate(engine, operator(), candidate, days, lambda *_: None)
    finally:
        await engine.dispose()
    assert found.outcomes == [Shift("needs-approval", "allow", 1)]


FORGED: list[dict[str, Any]] = [
    {"status": "made"},
    {"status": "made", "outcome": "allow"},
    {"outcome": "allow"},
    {"outcome": "allow-with-flags"},
    {"outcome": "needs-approval", "waivers": ("w",)},
]


@pytest.mark.parametrize("change", FORGED, ids=str)
async def test_neither_path_lets_a_refusal_keep_what_is_none(
    books: Books, change: dict[str, Any]
) -> None:
    check_refused(told("application.submit", REFUSED))
    forged = structs.replace(REFUSED, **change)
    with pytest.raises(Differs):
        check_refused(told("application.submit", forged))
    with pytest.raises(Differs):
        check_refused(told("application.submit", REFUSED, structs.replace(REFUSED, id="e")))

    async def forge(unit: Unit) -> Made:
        entry = Entry("application.submit", operator().told(), (key_hash("o", "k"), bytes(32)), {})
        refusal = {"code": "policy-refuses", "detail": "No."}
        return await unit.refuse(entry, refusal, Draft(effective_on=TODAY, sets=(forged,)))

    with pytest.raises((Problem, asyncpg.PostgresError)):
        await books.writer.run(forge)


# Amendments ---------------------------------------------------------------------------------------


async def agreed(books: Books) -> None:
    """Have a grant with a condition that was added after signature, under what is shipped."""
    await books.chain()
    files = (shipped("policies") / "shared/conditionality").glob("*conditions.toml")
    await permit(books.writer, operator(), *(path.read_bytes() for path in sorted(files)))
    added = {"id": "later", "commitment": "w", "title": "A study", "type": "performance"}
    await accepted(books, "condition.add", operator("p"), **added, category="reporting")


async def decision_of(books: Books, verb: str, who: str = "q", **fields: Any) -> Decision:  # noqa: ANN401  # a verb's
    made = await books.do(verb, operator(who), **fields)
    rows = parse(made.content)[1].sets["decision"]
    found = restore(rows[0], Decision)
    assert isinstance(found, Decision)
    assert (len(rows), found.gate, found.subject) == (1, "amendment", "commitment:w")
    assert (found.status == "made") == made.accepted, refusal_of(made)
    return found


async def test_an_amendment_does_not_go_round_a_condition_that_nobody_accepted(
    books: Books,
) -> None:
    await agreed(books)
    longer = {"commitment": "w", "ends_on": "2039-12-31"}
    assert (await decision_of(books, "commitment.extend", **longer)).outcome == "refuse"
    by = await books.do("commitment.extend", operator("q"), **longer)
    assert "shared.conditionality.later-conditions@1/no-retroactive-condition" in refusal_of(by)[1]
    # Nor is it accepted before others have looked at it; then it is, and the agreement goes on.
    taken = {"who": "h", "condition": "later"}
    assert (await decision_of(books, "condition.accept", **taken)).outcome == "refuse"
    permitted = {"condition": "later", "assessment": "permitted", "reason": "It is about use."}
    await accepted(books, "condition.assess", operator("b"), **permitted)
    assert (await decision_of(books, "commitment.extend", **longer)).outcome == "refuse"
    assert (await decision_of(books, "condition.accept", **taken)).party == "group"
    assert (await decision_of(books, "commitment.extend", **longer)).outcome == "allow"
    await sound(books)


async def test_a_forbidden_condition_is_not_accepted_under_pressure(books: Books) -> None:
    await agreed(books)
    veto = {"id": "veto", "commitment": "w", "title": "Veto", "type": "policy"}
    await accepted(books, "condition.add", operator("p"), **veto, category="veto")
    for name in ("veto", "later"):
        told = {"condition": name, "assessment": "permitted", "reason": "Hm."}
        await accepted(books, "condition.assess", operator("b"), **told)
    found = await decision_of(books, "condition.accept", "h", condition="veto")
    assert found.outcome == "refuse"
    # Another may be accepted: what is only proposed does not hold it.
    assert (await decision_of(books, "condition.accept", "h", condition="later")).status == "made"


async def test_neither_path_lets_an_agreement_be_amended_without_a_decision(books: Books) -> None:
    await agreed(books)

    async def forge(unit: Unit) -> Made:
        before: Any = await unit.find(Commitment, "w")
        longer = structs.replace(before, ends_on=TODAY)
        entry = Entry("commitment.extend", operator().told(), (key_hash("o", "k"), bytes(32)), {})
        return await unit.write(entry, Draft(effective_on=TODAY, sets=(longer,), funds=("n",)), [])

    with pytest.raises((Problem, asyncpg.PostgresError), match="gate"):
        await books.writer.run(forge)
