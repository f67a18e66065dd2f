"""Verification finds a case of overlap that no rule would have let be so."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from mfm.core.overlap_cases import OverlapAnswer, OverlapCase, Side, evidence_of
from mfm.core.parties import Party
from mfm.core.record import Noun
from mfm.core.reports import Report
from mfm.core.sharing import SharingAgreement
from mfm.core.verify_form import Differs, Told
from mfm.core.verify_overlaps import Overlaps, check
from tests.calling import TODAY
from tests.core.test_verify_calls import told

PAIR = "same-organisation", "group", "twin"
FACTS = ("0" * 16,)
MORE = (*FACTS, "1" * 16)
OPEN = OverlapCase(
    id="o",
    seq=9,
    status="open",
    detector="same-organisation",
    version="1",
    first="group",
    second="twin",
    sides=(Side("party", "group", "group", ("n",)), Side("party", "twin", "twin")),
    score=900,
    band="strong",
    facts=FACTS,
    evidence=evidence_of(PAIR, FACTS),
    told_in=9,
    opened_on=TODAY,
    opened_in=9,
    answer_by=TODAY + timedelta(days=14),
)
EARLIER = structs.replace(OPEN, told_in=3, opened_in=3)
PROPOSED = structs.replace(EARLIER, proposed="confirmed", proposed_by="key", proposed_in=9)
DECIDED = structs.replace(
    PROPOSED,
    status="confirmed",
    proposed_by="other",
    proposed_in=5,
    decided_by="key",
    decided_on=TODAY,
    decided_in=9,
)
MERGED = structs.replace(DECIDED, status="merged", proposed="merged", survivor="twin")
BEFORE = structs.replace(MERGED, proposed_by="one", decided_by="two")
DISMISSED = structs.replace(BEFORE, status="sequel", proposed="sequel", survivor="")
ALIAS = Party(id="group", status="registered", name="group", merged_into="twin")
APART = structs.replace(ALIAS, merged_into="")
ANSWER = OverlapAnswer(
    id="o.group", status="given", overlap="o", party="group", given_by="key", written_in=9
)


SHARING = SharingAgreement(
    id="s",
    status="proposed",
    from_fund="n",
    to_fund="g",
    valid_from=TODAY,
    proposed_by="key",
)
AGREED = structs.replace(SHARING, status="in-force", proposed_by="one", agreed_by="key")


NEWS: dict[str, Any] = {"facts": MORE, "evidence": evidence_of(PAIR, MORE)}


def held(
    record: Told, *before: Noun | None, answered: bool = True, more: dict[str, Any] | None = None
) -> None:
    parties = {name: Party(id=name, status="registered", name=name) for name in ("group", "twin")}
    answers = {
        f"o.{name}": structs.replace(ANSWER, id=f"o.{name}", party=name, written_in=4)
        for name in parties
        if answered
    }
    rows: dict[str, Any] = {
        "party": parties,
        "overlap_answer": answers,
        "overlap_case": {"o": EARLIER},
    }
    for kind, nouns in (more or {}).items():
        rows.setdefault(kind, {}).update(nouns)
    for kind, state in record.sets:
        rows[kind][state.id] = state
    befores = [*before, *(None for _ in record.sets)][: len(record.sets)]
    check(rows, record, list(zip(befores, (state for _, state in record.sets), strict=True)))


def test_what_the_rules_record_is_held() -> None:
    held(told("overlap.open", OPEN))
    held(told("overlap.open", structs.replace(OPEN, **NEWS)), DISMISSED)
    held(told("overlap.decide", PROPOSED), EARLIER)
    held(told("overlap.decide", DECIDED), EARLIER)
    held(told("overlap.decide", MERGED, ALIAS), EARLIER, APART)
    held(told("overlap.reopen", EARLIER, APART), BEFORE, ALIAS)
    held(told("overlap.explain", ANSWER, party="group"))
    late = structs.replace(DECIDED, answer_by=TODAY - timedelta(days=1))
    held(told("overlap.decide", late), EARLIER, answered=False)


FORM, EYES = "overlap-form", "four-eyes"
TOMORROW = {"opened_on": TODAY + timedelta(days=1)}
Broken = tuple[str, str, list[tuple[Noun, dict[str, Any]]], tuple[Noun, ...]]
BROKEN: dict[str, Broken] = {
    "no news": (FORM, "open", [(OPEN, {})], (DISMISSED,)),
    "fewer facts": (FORM, "open", [(OPEN, {})], (structs.replace(DISMISSED, **NEWS),)),
    "no facts": (FORM, "open", [(OPEN, {"facts": ()})], ()),
    "facts of another": (FORM, "open", [(OPEN, {"facts": MORE})], (DISMISSED,)),
    "another pair": (FORM, "open", [(OPEN, {**NEWS, "detector": "x"})], (DISMISSED,)),
    "born decided": (FORM, "open", [(OPEN, {"proposed": "x"})], ()),
    "opened before": (FORM, "open", [(OPEN, {"opened_in": 3})], ()),
    "opened tomorrow": (FORM, "open", [(OPEN, TOMORROW)], ()),
    "sides turned": (FORM, "open", [(OPEN, {"first": "x"})], ()),
    "no such party": (
        FORM,
        "open",
        [(OPEN, {"second": "x", "sides": (OPEN.sides[0], Side("party", "x", "x"))})],
        (),
    ),
    "looked at another": (
        FORM,
        "open",
        [(OPEN, {"sides": (structs.replace(OPEN.sides[0], seq=8), OPEN.sides[1])})],
        (),
    ),
    "too sure": (FORM, "open", [(OPEN, {"score": 1001})], ()),
    "proposed by another": (FORM, "decide", [(PROPOSED, {"proposed_by": "x"})], (EARLIER,)),
    "by one person": (EYES, "decide", [(DECIDED, {"proposed_by": "key"})], (EARLIER,)),
    "otherwise": (EYES, "decide", [(DECIDED, {"status": "sequel"})], (EARLIER,)),
    "merges nobody": (FORM, "decide", [(MERGED, {})], (EARLIER,)),
    "merges into another": (
        FORM,
        "decide",
        [(MERGED, {}), (ALIAS, {"merged_into": "donor"})],
        (EARLIER, APART),
    ),
    "parted by who decided": (
        EYES,
        "reopen",
        [(EARLIER, {}), (APART, {})],
        (structs.replace(BEFORE, decided_by="key"), ALIAS),
    ),
    "parts nobody": (FORM, "reopen", [(EARLIER, {})], (BEFORE,)),
    "still decided": (FORM, "reopen", [(EARLIER, {"decided_by": "key"})], (DISMISSED,)),
    "answers as another": (FORM, "explain", [(ANSWER, {"given_by": "x"})], ()),
    "for nobody concerned": ("state-reference", "explain", [(ANSWER, {"party": "donor"})], ()),
}


# One cost, charged twice --------------------------------------------------------------------------

COST = structs.replace(
    DECIDED, detector="same-cost", first="rx", second="ry", sides=(), decided_in=9, seq=9
)
BORNE = Report(
    id="rx",
    seq=5,
    status="accepted",
    commitment="x",
    fund="n",
    party="group",
    currency="USD",
    direct_minor=40_000,
    support_minor=0,
)
ANSWERED = structs.replace(
    BORNE, id="ry", seq=12, status="submitted", direct_minor=0, questioned_by="key"
)
ACCEPTED = structs.replace(ANSWERED, seq=13, status="accepted", support_minor=1)
Row = tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]
TWICE: dict[str, Row] = {
    # what is changed of: the case, the other report, this one before, and this one after
    "unquestioned": ({}, {}, {"questioned_by": ""}, {}),
    "not answered yet": ({}, {}, {"status": "questioned"}, {}),
    "answered before anybody had confirmed it": ({}, {}, {"seq": 8}, {}),
}
ONCE: dict[str, Row] = {
    "answered": ({}, {}, {}, {}),
    "nothing of it is accepted": ({}, {}, {"questioned_by": ""}, {"support_minor": 0}),
    "the other bears nothing": ({}, {"direct_minor": 0}, {"questioned_by": ""}, {}),
    "the other is not accepted": ({}, {"status": "submitted"}, {"questioned_by": ""}, {}),
    "the case is open": ({"status": "open"}, {}, {"questioned_by": ""}, {}),
    "it was dismissed": ({"status": "sequel"}, {}, {"questioned_by": ""}, {}),
    "it is about other things": ({"detector": "same-charge"}, {}, {"questioned_by": ""}, {}),
}


def charged(row: Row) -> None:
    """Hold a report's decision against a case of its cost, as the row changes them."""
    pairs = zip((COST, BORNE, ANSWERED, ACCEPTED), row, strict=True)
    case, other, before, after = (structs.replace(each, **new) for each, new in pairs)
    overlaps, rows = Overlaps(), {"overlap_case": {"o": case}, "report": {"rx": other}}
    overlaps.check(rows, told("import.end"), [(None, case)])
    overlaps.check(rows, told("report.decide", after), [(before, after)])


@pytest.mark.parametrize("row", ONCE.values(), ids=ONCE)
def test_a_cost_that_was_asked_about_is_borne(row: Row) -> None:
    charged(row)


@pytest.mark.parametrize("row", TWICE.values(), ids=TWICE)
def test_a_cost_is_not_borne_twice_unasked(row: Row) -> None:
    with pytest.raises(Differs, match="report-overlap"):
        charged(row)


@pytest.mark.parametrize("what", BROKEN)
def test_what_no_rule_records_is_found(what: str) -> None:
    code, step, states, before = BROKEN[what]
    record = told(f"overlap.{step}", *(structs.replace(each, **new) for each, new in states))
    with pytest.raises(Differs) as found:
        held(record, *before)
    assert found.value.difference.check == code


def test_nobody_is_decided_against_unheard() -> None:
    with pytest.raises(Differs, match="overlap-unheard"):
        held(told("overlap.decide", DECIDED), EARLIER, answered=False)


NOTED = structs.replace(ANSWER, id="noted.o.group", noted=True)


def test_what_staff_wrote_down_is_no_answer_and_of_neither_side() -> None:
    held(told("overlap.explain", NOTED))
    for state, party in ((NOTED, "group"), (ANSWER, "agent"), (ANSWER, "twin")):
        with pytest.raises(Differs, match=FORM):
            held(told("overlap.explain", state, party=party))
    with pytest.raises(Differs, match=FORM):
        held(told("overlap.explain", structs.replace(NOTED, id=ANSWER.id)))
    with pytest.raises(Differs, match=EYES):
        held(told("overlap.explain", NOTED, party="twin"))
    of_fund: dict[str, Any] = {
        "api_key": {"key": SimpleNamespace(fund="n")},
        "fund": {"n": SimpleNamespace(steward="twin")},
    }
    for record in (told("overlap.explain", NOTED), told("overlap.decide", PROPOSED)):
        with pytest.raises(Differs, match=EYES):
            held(record, EARLIER, more=of_fund)
    wrote = {"overlap_answer": {NOTED.id: structs.replace(NOTED, written_in=8)}}
    with pytest.raises(Differs, match=EYES):
        held(told("overlap.decide", PROPOSED), EARLIER, more=wrote)


def test_nobody_decides_or_answers_for_another() -> None:
    with pytest.raises(Differs, match=EYES):
        held(told("overlap.decide", DECIDED, party="twin"), EARLIER)
    of_grantee = {"key": "key", "party": "twin", "role": "grantee"}
    with pytest.raises(Differs, match=FORM):
        held(structs.replace(told("overlap.explain", ANSWER), actor=of_grantee))
    in_chain = structs.replace(told("overlap.open", OPEN), chain=(("n", 1, ""),))
    with pytest.raises(Differs, match=FORM):
        held(in_chain)


def test_two_people_of_two_funds_share() -> None:
    chain = (("n", 1, ""), ("g", 1, ""))

    def shared(step: str, state: SharingAgreement, **more: Any) -> None:  # noqa: ANN401  # any field
        record = told(f"sharing.{step}", structs.replace(state, **more))
        check({}, structs.replace(record, chain=chain), [(SHARING, record.sets[0][1])])

    shared("propose", SHARING)
    shared("agree", AGREED)
    shared("end", AGREED, status="ended", agreed_by="two", ended_by="key")
    with pytest.raises(Differs, match=EYES):
        shared("agree", AGREED, proposed_by="key")
    for change in (
        {"agreed_by": "other"},
        {"to_fund": "n"},
        {"valid_until": TODAY - timedelta(days=1)},
        {"to_fund": "x"},
    ):
        with pytest.raises(Differs, match=FORM):
            shared("agree", AGREED, **change)
