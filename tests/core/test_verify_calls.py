"""Verification finds a call, comment or application that no rule would have let through."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from mfm.core.applications import Application, Partner
from mfm.core.calls import Call
from mfm.core.comments import Comment
from mfm.core.nouns import KINDS
from mfm.core.parties import Party
from mfm.core.record import Noun
from mfm.core.verify_calls import check
from mfm.core.verify_form import Differs, Told
from tests.calling import FAR, FORGED, TODAY, Change
from tests.core.drafts import ENVELOPE, GRANT
from tests.core.test_calls import DRAFTED, SUBMITTED

EARLY = TODAY - timedelta(days=2)
CALL = structs.replace(
    DRAFTED,
    fund="n",
    ceiling_minor=100,
    opens_on=EARLY,
    closes_on=FAR,
    written_in=3,
    drafted_by="writer",
)
PUBLISHED = structs.replace(CALL, status="published", published_by="key")
OPEN = structs.replace(CALL, status="consultation", comments_from=EARLY, comments_until=TODAY)
ASK = structs.replace(
    SUBMITTED,
    fund="n",
    starts_on=TODAY,
    ends_on=FAR,
    written_in=3,
    submitted_by="key",
    submitted_on=TODAY,
    partners=(Partner("radio", "given", "radio"),),
)
DRAFT = structs.replace(ASK, status="draft", submitted_by="", submitted_on=None)
COMMENT = Comment(id="c", status="made", call="k", fund="n", party="group", written_in=9)
APPROVED = structs.replace(
    ASK, status="approved", decided_by="other", decided_on=TODAY, decided_in=9
)
WON = structs.replace(APPROVED, status="awarded", commitment="w")
GIVEN = structs.replace(GRANT, from_fund="n", application="a")
FOR_IT = structs.replace(ENVELOPE, fund="n", call="k")


def told(verb: str, *sets: Noun, party: str = "agent", **command: str) -> Told:
    return Told(
        seq=9,
        leaf=b"",
        at=datetime(2026, 3, 2, tzinfo=UTC),
        accepted=True,
        chain=(),
        verb=verb,
        actor={"key": "key", "party": party, "role": "board"},
        effective_on=TODAY,
        caused_by=b"",
        reverses=0,
        postings=(),
        sets=tuple((KINDS[type(state)], state) for state in sets),
        command=dict(command),
        commit={},
        facts={},
    )


def held(record: Told, *before: Noun, call: Call = PUBLISHED) -> None:
    """Hold a record, with the states before it in the order of those that it sets."""
    names = ("group", "radio", "agent", "donor")
    parties = {name: Party(id=name, status="registered", name=name) for name in names}
    rows: dict[str, Any] = {"call": {"k": call}, "party": parties, "commitment": {}}
    for kind, state in record.sets:
        rows.setdefault(kind, {})[state.id] = state
    befores = [*before, *(None for _ in record.sets)][: len(record.sets)]
    check(rows, record, list(zip(befores, (each for _, each in record.sets), strict=True)))


def test_what_the_rules_let_through_stands() -> None:
    held(told("call.publish", PUBLISHED), CALL)
    held(told("comment.make", COMMENT), call=OPEN)
    held(told("application.submit", ASK), DRAFT)
    held(told("application.consent", DRAFT, party="radio", partner="radio"), DRAFT)
    held(told("commitment.sign", GIVEN, WON), GRANT, APPROVED)
    held(told("allocation.approve", FOR_IT))


@pytest.mark.parametrize(("what", "kind", "change"), FORGED, ids=[each[0] for each in FORGED])
def test_the_fold_refuses_what_no_rule_would_write(
    what: str, kind: type[Noun], change: Change
) -> None:
    verb, state, before = "call.publish", PUBLISHED, CALL
    if kind is Application:
        verb, state, before = "application.submit", ASK, DRAFT
        if "status" in change:
            verb = "application.decide" if "decided_on" in change else "commitment.sign"
            before = ASK
    told_change = change | (
        {"decided_by": "key", "decided_in": 9} if "decided_on" in change else {}
    )
    with pytest.raises(Differs):
        held(told(verb, structs.replace(state, **told_change)), before)
    assert what


@pytest.mark.parametrize(
    ("record", "before", "call"),
    [
        (told("comment.make", COMMENT), (), PUBLISHED),
        (told("comment.make", structs.replace(COMMENT, fund="g")), (), OPEN),
        (told("comment.make", structs.replace(COMMENT, written_in=8)), (), OPEN),
        (
            told("comment.answer", structs.replace(COMMENT, status="answered", answered_in=8)),
            (COMMENT,),
            OPEN,
        ),
        (told("call.publish", PUBLISHED), (OPEN,), structs.replace(PUBLISHED)),
        (told("application.submit", ASK), (DRAFT,), structs.replace(PUBLISHED, status="closed")),
        (told("application.submit", ASK), (DRAFT,), structs.replace(PUBLISHED, fund="g")),
        (told("application.submit", structs.replace(ASK, submitted_by="x")), (DRAFT,), PUBLISHED),
        (
            told(
                "application.consent",
                structs.replace(DRAFT, partners=(Partner("radio", "declined", "key"),)),
                partner="radio",
            ),
            (DRAFT,),
            PUBLISHED,
        ),
        (told("application.draft", structs.replace(DRAFT, lead="none")), (), PUBLISHED),
        (told("commitment.sign", WON), (APPROVED,), PUBLISHED),
        (told("commitment.sign", GIVEN), (), PUBLISHED),
        (
            told("commitment.sign", structs.replace(GIVEN, amount_minor=1001), WON),
            (GRANT, APPROVED),
            PUBLISHED,
        ),
        (told("allocation.approve", structs.replace(FOR_IT, fund="g")), (), PUBLISHED),
    ],
)
def test_steps_by_others_or_out_of_time_are_found(
    record: Told, before: tuple[Noun, ...], call: Call
) -> None:
    if record.verb == "call.publish":  # while comments are open
        opened = structs.replace(PUBLISHED, comments_from=EARLY, comments_until=TODAY)
        record = told("call.publish", opened)
    with pytest.raises(Differs):
        held(record, *before, call=call)
