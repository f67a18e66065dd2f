"""A decision evaluated again: who leaves out what was confirmed of overlap is found out."""

from hashlib import sha256
from typing import Any

import pytest
from msgspec import json, structs

from mfm.core import policies
from mfm.core.applications import Application
from mfm.core.commitments import Commitment
from mfm.core.decisions import evaluate
from mfm.core.decisions import told as told_of
from mfm.core.judgements import Decision
from mfm.core.overlap_cases import OverlapCase, Side
from mfm.core.parties import Party
from mfm.core.policy_format import load
from mfm.core.record import Noun, canonical
from mfm.core.replays import Replays
from mfm.core.verify_form import Differs
from tests.core.drafts import DAY, N, act
from tests.core.policies import CATALOGUE
from tests.overlapping import OVERLAP

FILE = load(OVERLAP, CATALOGUE, "overlap.toml")
BLOBS = {FILE.sha256: OVERLAP, CATALOGUE.sha256: CATALOGUE.content}
CLEAR: dict[str, Any] = {"overlap.confirmed": [], "overlap.cases": []}
FOUND: dict[str, Any] = {"overlap.confirmed": ["same-project"], "overlap.cases": ["01a2218b92cd"]}


def content_of(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a signature's decision."""
    kept: dict[str, Any] = json.decode(canonical(told_of(evaluate([FILE], facts, DAY, CATALOGUE))))
    return kept


def again(kept: dict[str, Any], *before: Noun, made: Commitment | None = None) -> bool:
    """Evaluate a signature's decision again, as its content says it was.

    Args:
        kept: its content.
        before: what earlier records had set, one after the other.
        made: the agreement that was signed with it.
    """
    kept |= {"facts_sha256": sha256(canonical(kept["facts"])).hexdigest()}
    content = canonical(kept)
    decision = Decision(
        id="d",
        status="made",
        gate="signature",
        fund="n",
        subject="commitment:w",
        judged_on=DAY,
        outcome=kept["outcome"],
        content=sha256(content).hexdigest(),
    )
    replays = Replays()
    replays.feed(1, policies.adopt(act(), [FILE], CATALOGUE).sets)
    for number, state in enumerate(before, 2):
        replays.feed(number, [state])
    replays.feed(len(before) + 2, [*([made] if made else []), decision])
    (met,) = replays.met
    return replays.again(met, content, BLOBS.__getitem__)


def test_what_was_heard_comes_out_the_same() -> None:
    for facts, outcome in ((CLEAR, "allow"), (FOUND, "needs-approval")):
        kept = content_of(facts)
        assert kept["outcome"] == outcome
        assert again(kept)


def test_a_confirmed_case_that_is_left_out_is_missed() -> None:
    passed = content_of(CLEAR)
    for left in (CLEAR, ["overlap.confirmed"]):
        facts = {name: value for name, value in passed["facts"].items() if name not in left}
        seen = {name: value for name, value in facts.items() if name in CLEAR}
        rules = [
            {**each, "seen": {name: seen[name] for name in each["seen"] if name in seen}}
            for each in passed["rules"]
        ]
        with pytest.raises(Differs, match="come to incomplete"):
            again({**passed, "facts": facts, "rules": rules})
    for change in ({"rules": [], "policies": []}, {"facts": passed["facts"] | FOUND}):
        with pytest.raises(Differs, match="decision-replay"):
            again({**passed, **change})


# What the records say of it -----------------------------------------------------------------------

GRANT = Commitment(
    id="w",
    status="signed",
    kind="grant",
    from_fund="n",
    to_party="group",
    currency="USD",
    amount_minor=1,
    application="a2",
)
TRANSFER = structs.replace(GRANT, kind="transfer", to_fund="n", to_party="", application="")


def case(detector: str, first: Side, second: Side, status: str = "confirmed") -> OverlapCase:
    """Return a case, decided or not."""
    return OverlapCase(
        id="01a2218b92cd",
        status=status,
        detector=detector,
        version="",
        first=first.id,
        second=second.id,
        sides=(first, second),
        score=900,
        band="strong",
        evidence="0" * 64,
        told_in=1,
        opened_on=DAY,
        opened_in=1,
        answer_by=DAY,
    )


def asked(name: str, status: str = "awarded") -> Application:
    """Return an application under call k."""
    told = {"call": "k", "fund": "n", "lead": "group", "title": "T", "currency": "USD"}
    return Application(id=name, status=status, amount_minor=1, **told)


def party(name: str, stays: str = "") -> Party:
    return Party(id=name, status="registered", name=name, merged_into=stays)


TWINS = Side("party", "group"), Side("party", "twin")
ASKS = Side("application", "a1"), Side("application", "a2")
CALL = Side("party", "group"), Side("call", "k")
STEWARD = structs.replace(N, steward="group")
SAME = case("same-project", *ASKS)
Row = tuple[tuple[Noun, ...], Commitment]
HEARD: dict[str, Row] = {
    "of the grantee": ((case("shared-control", *TWINS),), GRANT),
    "of its other side": ((case("shared-control", *TWINS[::-1]),), GRANT),
    "of a fund's steward": ((STEWARD, case("shared-control", *TWINS)), TRANSFER),
    "of whom it was merged into": (
        (party("group", "third"), case("shared-control", Side("party", "third"), TWINS[1])),
        GRANT,
    ),
    "of another alias of that one": (
        (
            party("group", "third"),
            party("twin", "third"),
            case("shared-control", TWINS[1], Side("party", "x")),
        ),
        GRANT,
    ),
    "of the call": ((asked("a2", "approved"), case("split-application", *CALL)), GRANT),
    "of a project that is a grant already": ((asked("a1"), SAME), GRANT),
}
UNHEARD: dict[str, Row] = {
    "open": ((case("shared-control", *TWINS, "open"),), GRANT),
    "opened again": (
        (case("shared-control", *TWINS), case("shared-control", *TWINS, "open")),
        GRANT,
    ),
    "of an intermediary": ((case("intermediary", *TWINS),), GRANT),
    "of others": ((case("shared-control", Side("party", "x"), TWINS[1]),), GRANT),
    "of an application of that name": (
        (case("same-text", Side("application", "group"), ASKS[0]),),
        GRANT,
    ),
    "of two that are two again": (
        (
            party("group", "third"),
            party("group"),
            case("shared-control", Side("party", "third"), TWINS[1]),
        ),
        GRANT,
    ),
    "of another call": (
        (asked("a2", "approved"), case("split-application", CALL[0], Side("call", "x"))),
        GRANT,
    ),
    "of a project that is no grant yet": ((asked("a1", "approved"), SAME), GRANT),
    "of a grant that was taken back": ((asked("a1"), asked("a1", "approved"), SAME), GRANT),
}


@pytest.mark.parametrize("row", HEARD.values(), ids=HEARD)
def test_what_was_confirmed_had_to_be_heard(row: Row) -> None:
    before, made = row
    (told,) = (each for each in before if isinstance(each, OverlapCase))
    found = {"overlap.confirmed": [told.detector], "overlap.cases": [told.id]}
    assert again(content_of(found), *before, made=made)
    with pytest.raises(Differs, match="overlap"):
        again(content_of(CLEAR), *before, made=made)


@pytest.mark.parametrize("row", UNHEARD.values(), ids=UNHEARD)
def test_nothing_else_is_heard(row: Row) -> None:
    before, made = row
    assert again(content_of(CLEAR), *before, made=made)
    with pytest.raises(Differs, match="overlap"):
        again(content_of(FOUND), *before, made=made)
