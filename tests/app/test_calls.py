"""Calls and applications through the writer: who may, what is kept where, what is refused."""

from typing import Any

import asyncpg
import pytest
from msgspec import structs

from mfm.app.perform import refusal_of
from mfm.core.applications import Application
from mfm.core.calls import Call
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.record import Draft, Noun, parse
from mfm.store.database import connect
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.calling import (
    APPLICATION,
    CALL,
    FORGED,
    TODAY,
    Change,
    accepted,
    applied,
    called,
    grantee,
)
from tests.support import Books, operator, permit, usd

pytestmark = pytest.mark.anyio


async def found(books: Books, name: str = "ap") -> Application:
    async def read(unit: Unit) -> Application:
        made = await unit.find(Application, name)
        assert made is not None
        return made

    return await books.writer.run(read)


async def refused(
    books: Books,
    code: str,
    verb: str,
    who: Actor | None = None,
    **fields: Any,  # noqa: ANN401  # any verb's fields
) -> None:
    made = await books.do(verb, who or operator(), **fields)
    assert not made.accepted, made.content
    assert refusal_of(made)[0] == code


async def test_from_a_calls_draft_to_a_grant(books: Books) -> None:
    await books.chain()
    await accepted(books, "party.register", id="radio", name="Radio")
    await accepted(books, "call.draft", operator("writer"), **CALL)
    await accepted(books, "call.consult", call="k", until=str(TODAY))
    await accepted(books, "comment.make", grantee("radio"), id="c1", call="k", text="Too narrow.")
    await refused(books, "call-consulting", "call.publish", operator("publisher"), call="k")
    reply = {"comment": "c1", "changed": True, "reason": "Widened."}
    await accepted(books, "comment.answer", **reply)
    await accepted(books, "call.cancel", call="k", reason="Drafted anew.")
    await called(books, id="k2")

    told = {**APPLICATION, "call": "k2", "id": "ap", "partners": ["radio"]}
    told["budget"] = [
        {"category": "staff", "amount": usd("700.00"), "gewe_percent": 100},
        {"category": "indirect", "amount": usd("300.00"), "party": "radio"},
    ]
    await accepted(books, "application.draft", grantee(), **told)
    await refused(books, "consent-missing", "application.submit", grantee(), application="ap")
    with pytest.raises(Invalid, match="party-not-allowed"):
        await books.do("application.consent", grantee(), application="ap", partner="radio")
    await accepted(
        books, "application.consent", grantee("radio"), application="ap", partner="radio"
    )
    await accepted(books, "application.submit", grantee(), application="ap")
    reviewed = {"application": "ap", "scheme": "oecd-dac", "score": "1"}
    await accepted(books, "application.classify", operator("reviewer"), **reviewed)
    yes = {"application": "ap", "outcome": "approved", "reason": "Sound."}
    await accepted(books, "application.decide", operator("board"), **yes)

    await accepted(
        books, "allocation.approve", id="for-k2", fund="n", amount=usd("1000.00"), call="k2"
    )
    grant = {"from_fund": "n", "to_party": "group", "allocation": "for-k2", "application": "ap"}
    await accepted(books, "commitment.sign", id="w2", amount=usd("900.00"), **grant)
    awarded = await found(books)
    assert (awarded.status, awarded.commitment) == ("awarded", "w2")
    await refused(books, "application-state", "commitment.sign", amount=usd("50.00"), **grant)
    assert [(each.scheme, each.score) for each in awarded.markers] == [("oecd-dac", "1")]
    await sound(books)


async def test_words_are_beside_the_records_and_not_in_them(books: Books) -> None:
    await books.chain()
    await called(books)
    made = await accepted(books, "application.draft", grantee(), id="ap", **APPLICATION)
    for text in (APPLICATION["summary"], CALL["text"]):
        assert str(text).encode() not in made.content
    record, body = parse(made.content)
    assert {"summary", "gender_equality_analysis", "marker_justification"} == body.commit.keys()
    (state,) = body.sets["application"]
    assert state["written_in"] == str(record.seq)
    assert state["sections"] == ["summary", "gender_equality_analysis", "marker_justification"]


async def test_a_grantee_acts_for_itself_and_a_funds_staff_for_their_fund(books: Books) -> None:
    await books.chain()
    await called(books)
    other, staff = grantee("donor"), Actor("agent", "preparer", "s", "g")
    for verb in ("draft", "submit", "withdraw"):
        told = APPLICATION if verb == "draft" else {"application": "ap"}
        with pytest.raises(Invalid, match="party-not-allowed"):
            await books.do(f"application.{verb}", other, **told)
        with pytest.raises(Invalid, match="fund-not-allowed"):
            await books.do(f"application.{verb}", staff, **told)
        own = {"id": "ap"} if verb == "draft" else {}
        await accepted(books, f"application.{verb}", grantee(), **told, **own)
    with pytest.raises(Invalid, match="party-not-allowed"):
        await books.do("comment.make", grantee(), call="k", party="donor", text="t")
    with pytest.raises(Invalid, match="role-not-allowed"):
        await books.do("call.draft", grantee(), **{**CALL, "id": "k2"})
    with pytest.raises(Invalid, match="call-other"):
        await books.do("allocation.approve", fund="g", amount=usd("1.00"), call="k")
    with pytest.raises(Invalid, match="not-found"):
        await books.do("application.draft", grantee(), **{**APPLICATION, "partners": ["none"]})


async def test_what_stands_on_a_call_or_application_is_not_pulled_away(books: Books) -> None:
    await books.chain()
    await permit(books.writer, operator())
    made = await accepted(books, "call.draft", operator("writer"), **CALL)
    published = await accepted(books, "call.publish", operator("p"), call="k")
    await applied(books)
    submitted = await found(books)
    for record, code in ((made.seq, "record-needed"), (published.seq, "record-final")):
        await refused(books, code, "record.reverse", record=record)
    staff = Actor("agent", "approver", "s")
    await refused(books, "record-final", "record.reverse", staff, record=submitted.seq)
    yes = {"application": "ap", "outcome": "declined", "reason": "No."}
    decided = await accepted(books, "application.decide", operator("board"), **yes)
    await accepted(books, "record.reverse", record=decided.seq)
    assert (await found(books)).status == "submitted"
    await sound(books)


# What no rule would write, and the database and the fold refuse each by themselves ---------------


@pytest.mark.parametrize(("what", "kind", "change"), FORGED, ids=[each[0] for each in FORGED])
async def test_the_database_refuses_what_no_rule_would_write(
    books: Books, what: str, kind: type[Noun], change: Change
) -> None:
    await books.chain()
    await called(books)
    verb = "call.publish" if kind is Call else "application.submit"
    if kind is Application:
        await accepted(books, "application.draft", grantee(), id="ap", **APPLICATION)

    async def forge(unit: Unit) -> Made:
        before = await unit.find(kind, "k" if kind is Call else "ap")
        assert before is not None
        told = change
        if isinstance(before, Application):
            own = {"status": "submitted", "submitted_by": "key", "submitted_on": TODAY}
            told = (
                own
                | ({"decided_by": "key", "decided_in": 1} if "decided_on" in change else {})
                | change
            )
        entry = Entry(verb, operator().told(), (key_hash("operator", what), bytes(32)), {})
        draft = Draft(effective_on=TODAY, sets=(structs.replace(before, **told),), funds=("n",))
        return await unit.write(entry, draft, [])

    with pytest.raises((Invalid, asyncpg.PostgresError)):
        await books.writer.run(forge)
    connection = await connect(books.url, "mfm_writer")
    try:
        count = "SELECT count(*) FROM mfm.record WHERE mechanism_id = $1 AND verb = $2"
        forged = await connection.fetchval(count, books.mechanism.id, verb)
    finally:
        await connection.close()
    assert forged == (1 if kind is Call else 0)  # what was written before, and nothing more
