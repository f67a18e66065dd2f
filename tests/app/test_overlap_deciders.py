"""Two people decide, and where several funds are concerned not both of one of them."""

import asyncpg
import pytest
from msgspec import structs

from mfm.app.perform import refusal_of
from mfm.core.errors import Invalid
from mfm.core.keys import ApiKey
from mfm.core.overlap_cases import OverlapCase
from mfm.core.record import Draft, Noun, parse
from mfm.core.verify_form import Differs
from mfm.core.verify_overlaps import check
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.calling import APPLICATION, TODAY, accepted, applied, called, grantee
from tests.core.test_verify_calls import told
from tests.overlapping import staff
from tests.support import Books, operator

pytestmark = pytest.mark.anyio
TEXTS = {
    "detector": "same-text",
    "score": 940,
    "band": "strong",
    "reasons": "for: group and rival hand in one text (94 %)",
}


async def begun(books: Books) -> dict[str, str]:
    """Open a case over two funds, and one within fund n; people of n, of g, and of all funds."""
    await books.chain()
    await called(books)
    await called(books, id="kg", fund="g")
    await applied(books)
    await accepted(books, "party.register", id="rival", name="Radio")
    for name, call in (("far", "kg"), ("near", "k")):
        asked = {**APPLICATION, "call": call, "lead": "rival", "title": f"Radio {name}"}
        await accepted(books, "application.draft", grantee("rival"), id=name, **asked)
        await accepted(books, "application.submit", grantee("rival"), application=name)
    for key, fund in (("n1", "n"), ("n2", "n"), ("g1", "g"), ("all", None), ("all2", None)):
        role = {"party": "agent", "role": "approver", "fund": fund}
        await accepted(books, "key.create", id=key, **role)
    cases = {}
    for second in ("far", "near"):
        made = await accepted(books, "overlap.open", operator(), first="ap", second=second, **TEXTS)
        cases[second] = str(parse(made.content)[1].sets["overlap_case"][0]["id"])
    return cases


async def says(books: Books, case: str, key: str, outcome: str = "sequel") -> str:
    """Have somebody say what became of a case; return why not, or ""."""
    fund = key.rstrip("12") if key[0] in "ng" else ""
    asked = {"overlap": case, "outcome": outcome, "reason": "So it is."}
    try:
        made = await books.do("overlap.decide", staff(key, fund, party="office"), **asked)
    except Invalid as problem:
        return problem.code
    return "" if made.accepted else refusal_of(made)[0]


async def test_one_fund_alone_does_not_decide_what_concerns_two(books: Books) -> None:
    cases = await begun(books)
    for outcome, second in (("sequel", "g1"), ("not-a-duplicate", "all"), ("coordinated", "all2")):
        assert await says(books, cases["far"], "n1", outcome) == ""
        assert await says(books, cases["far"], "n2", outcome) == "overlap-one-fund"
        assert await says(books, cases["far"], second, outcome) == ""
        back = {"overlap": cases["far"], "reason": "Once more."}
        await accepted(books, "overlap.reopen", operator("third"), **back)
    # Two of all funds do, and two of one fund where no other is concerned.
    assert await says(books, cases["far"], "all") == await says(books, cases["far"], "all2") == ""
    assert await says(books, cases["near"], "n1") == await says(books, cases["near"], "n2") == ""
    await sound(books)


async def test_neither_the_database_nor_the_fold_lets_one_fund_decide(books: Books) -> None:
    case = (await begun(books))["far"]
    assert await says(books, case, "n1") == ""
    forged: list[OverlapCase] = []

    async def forge(unit: Unit) -> Made:
        before = await unit.find(OverlapCase, case)
        assert before is not None
        seq = unit.next_seq
        done = {"status": "sequel", "decided_by": "n2", "decided_on": TODAY, "decided_in": seq}
        forged.append(structs.replace(before, **done))
        who = staff("n2", "n").told()
        entry = Entry("overlap.decide", who, (key_hash("agent", "f"), bytes(32)), {})
        return await unit.write(entry, Draft(effective_on=TODAY, sets=(forged[-1],)), [])

    with pytest.raises((Invalid, asyncpg.PostgresError), match="overlap-one-fund"):
        await books.writer.run(forge)

    async def keys(unit: Unit) -> dict[str, Noun]:
        found = [await unit.find(ApiKey, name) for name in ("n1", "n2")]
        return {each.id: each for each in found if each is not None}

    state, one = forged[-1], await books.writer.run(keys)  # the writer tried again
    sides: dict[str, Noun] = dict.fromkeys((state.first, state.second), state)
    rows = {"api_key": one, "application": sides, "party": {}, "overlap_answer": {}}
    actor = staff("n2", "n", party="office").told()
    record = structs.replace(told("overlap.decide", state), seq=state.decided_in, actor=actor)
    with pytest.raises(Differs, match="by one fund alone"):
        check(rows, record, [(None, state)])
    check(rows | {"api_key": {"n1": one["n1"]}}, record, [(None, state)])
