"""The rules of calls, comments and applications: what they record, and why they refuse."""

from datetime import date, timedelta

import pytest
from msgspec import convert, structs

from mfm.core import applications, calls, comments, submissions
from mfm.core.applications import Application, ConsentApplication, DraftApplication
from mfm.core.calls import Call, ConsultCall, DraftCall, ReviseCall
from mfm.core.comments import AnswerComment, Comment, MakeComment
from mfm.core.errors import Refused
from mfm.core.permissions import Actor
from mfm.core.submissions import DecideApplication
from mfm.core.terms import Act
from tests.core.drafts import DAY, GRANT, G, act, invalid, one, refused, usd

SOON = DAY + timedelta(days=30)
TERMS = DraftCall(fund="g", title="T", opens_on=DAY, closes_on=SOON)
DRAFTED = one(calls.draft(act("writer"), TERMS, "k", G, 7), Call)
PUBLISHED = structs.replace(DRAFTED, status="published", published_by="other")
ASK = DraftApplication(
    call="k",
    lead="group",
    title="T",
    amount=usd("10.00"),
    partners=("radio",),
    budget=convert(
        [
            {"category": "staff", "amount": {"amount": "7.00", "currency": "USD"}},
            {
                "category": "indirect",
                "amount": {"amount": "3.00", "currency": "USD"},
                "party": "radio",
            },
        ],
        tuple[applications.BudgetTerm, ...],
    ),
    starts_on=DAY,
    ends_on=SOON,
    summary="s",
)


def on(day: date, key: str = "k") -> Act:
    return structs.replace(act(key), on=day)


def drafted(ask: DraftApplication = ASK, call: Call = PUBLISHED) -> Application:
    return one(applications.draft(act("lead"), ask, ("a", 9), call, G), Application)


def consented(application: Application) -> Application:
    command = ConsentApplication(application="a", partner="radio")
    return one(applications.consent(act("radio"), command, application), Application)


SUBMITTED = one(submissions.submit(act("lead"), consented(drafted()), PUBLISHED), Application)


def test_a_call_is_drafted_with_its_terms_beside_its_record() -> None:
    assert (DRAFTED.status, DRAFTED.fund, DRAFTED.currency) == ("draft", "g", "USD")
    assert (DRAFTED.written_in, DRAFTED.drafted_by) == (7, "writer")
    more = structs.replace(TERMS, minimum=usd("1.00"), ceiling=usd("2.00"), budget=usd("9.00"))
    made = one(calls.draft(act(), more, "k", G, 7), Call)
    assert (made.minimum_minor, made.ceiling_minor, made.budget_minor) == (100, 200, 900)


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("call-dates", {"closes_on": DAY - timedelta(days=1)}),
        ("call-amounts", {"minimum": usd("3.00"), "ceiling": usd("2.00")}),
        ("call-amounts", {"ceiling": usd("3.00"), "budget": usd("2.00")}),
        ("call-amounts", {"minimum": usd("3.00"), "budget": usd("2.00")}),
    ],
)
def test_a_calls_terms_do_not_contradict_each_other(code: str, wrong: dict[str, object]) -> None:
    invalid(code, lambda: calls.draft(act(), structs.replace(TERMS, **wrong), "k", G, 7))


def test_a_draft_is_commented_on_then_published_by_another() -> None:
    opened = one(calls.consult(act(), ConsultCall(call="k", until=SOON), DRAFTED), Call)
    assert (opened.status, opened.comments_from, opened.comments_until) == (
        "consultation",
        DAY,
        SOON,
    )
    late = structs.replace(opened, closes_on=SOON + timedelta(days=9))
    refused("call-consulting", lambda: calls.publish(on(SOON), late))
    after = SOON + timedelta(days=1)
    assert one(calls.publish(on(after), late), Call).status == "published"
    refused("call-past", lambda: calls.publish(on(after), opened))
    refused("four-eyes", lambda: calls.publish(act("writer"), DRAFTED))
    invalid(
        "call-dates",
        lambda: calls.consult(on(after), ConsultCall(call="k", until=SOON), DRAFTED),
    )
    speak = MakeComment(call="k", party="group", text="t")
    said = one(comments.make(on(SOON), speak, "c", opened, 8), Comment)
    assert (said.status, said.party, said.written_in) == ("made", "group", 8)
    refused("comments-closed", lambda: comments.make(on(after), speak, "c", opened, 8))
    refused("comments-closed", lambda: comments.make(act(), speak, "c", DRAFTED, 8))
    reply = AnswerComment(comment="c", changed=True, reason="r")
    answered = one(comments.answer(act(), reply, said, 9), Comment)
    assert (answered.status, answered.outcome, answered.answered_in) == ("answered", "changed", 9)
    refused("comment-answered", lambda: comments.answer(act(), reply, answered, 10))


def test_a_calls_life_goes_one_way() -> None:
    again = ReviseCall(call="k", title="U", opens_on=DAY, closes_on=SOON)
    revised = one(calls.revise(act("second"), again, DRAFTED, G, 8), Call)
    assert (revised.title, revised.written_in, revised.drafted_by) == ("U", 8, "second")
    refused("call-state", lambda: calls.revise(act(), again, PUBLISHED, G, 8))
    for status in ("published", "closed", "cancelled"):
        call = structs.replace(DRAFTED, status=status)
        refused("call-state", lambda call=call: calls.publish(act(), call))
        refused(
            "call-state",
            lambda call=call: calls.consult(act(), ConsultCall(call="k", until=SOON), call),
        )
    for status in ("draft", "consultation", "closed", "cancelled"):
        call = structs.replace(DRAFTED, status=status)
        refused("call-state", lambda call=call: calls.close(act(), call))
    for status in ("closed", "cancelled"):
        call = structs.replace(DRAFTED, status=status)
        refused("call-state", lambda call=call: calls.cancel(act(), call))
    assert one(calls.close(act(), PUBLISHED), Call).status == "closed"
    assert one(calls.cancel(act(), PUBLISHED), Call).status == "cancelled"


# Applications ------------------------------------------------------------------------------------


def test_an_application_says_who_holds_which_part_of_its_budget() -> None:
    made = drafted()
    assert [(line.party, line.amount_minor) for line in made.budget] == [
        ("group", 700),
        ("radio", 300),
    ]
    assert (made.status, made.fund, made.currency, made.amount_minor) == ("draft", "g", "USD", 1000)
    assert (made.sections, made.written_in, made.parties) == (("summary",), 9, ("group", "radio"))


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("partner-repeated", {"partners": ("radio", "radio")}),
        ("partner-repeated", {"partners": ("group",), "budget": ()}),
        ("budget-party", {"partners": ()}),
        ("country-unknown", {"places": ("KE", "XX")}),
        ("dates-backwards", {"ends_on": DAY - timedelta(days=1)}),
        ("score-unknown", {"marker": applications.MarkerTerm(scheme="oecd-dac", score="3")}),
        ("amount-precision", {"total": usd("1.001")}),
        ("total-below-ask", {"total": usd("9.99")}),
    ],
)
def test_an_application_holds_together(code: str, wrong: dict[str, object]) -> None:
    invalid(code, lambda: drafted(structs.replace(ASK, **wrong)))


def test_a_call_takes_applications_on_its_days_both_included() -> None:
    before, after = DAY - timedelta(days=1), SOON + timedelta(days=1)
    ready = consented(drafted())
    for day in (DAY, SOON):
        assert one(submissions.submit(on(day), ready, PUBLISHED), Application).submitted_on == day
    for day in (before, after):
        refused("call-closed", lambda day=day: submissions.submit(on(day), ready, PUBLISHED))
    early = applications.draft(on(before), ASK, ("a", 9), PUBLISHED, G)
    assert one(early, Application).status == "draft"  # a draft may be written before
    refused("call-closed", lambda: applications.draft(on(after), ASK, ("a", 9), PUBLISHED, G))
    for status in ("draft", "consultation", "closed", "cancelled"):
        call = structs.replace(PUBLISHED, status=status)
        refused("call-state", lambda call=call: submissions.submit(act(), ready, call))
        refused("call-state", lambda call=call: drafted(call=call))


def test_what_is_missing_is_told_at_once() -> None:
    bare = drafted(structs.replace(ASK, budget=(), starts_on=None))
    codes = [code for code, _ in submissions.lacking(bare)]
    assert codes == ["budget-differs", "dates-missing", "consent-missing"]
    with pytest.raises(Refused) as raised:
        submissions.submit(act(), bare, PUBLISHED)
    assert raised.value.code == "budget-differs"
    assert "radio" in raised.value.detail
    assert submissions.lacking(consented(drafted())) == []


def test_a_partner_consents_to_the_budget_that_it_saw() -> None:
    ready = consented(drafted())
    assert ready.partners == (applications.Partner("radio", "given", "radio"),)
    told = {name: getattr(ASK, name) for name in applications.ApplicationTerms.__struct_fields__}
    words = applications.ReviseApplication(application="a", **{**told, "title": "U"})
    kept = one(applications.revise(act(), words, ready, G, 10), Application)
    assert (kept.title, kept.partners) == ("U", ready.partners)
    money = applications.ReviseApplication(application="a", **{**told, "budget": ASK.budget[:1]})
    asked = one(applications.revise(act(), money, ready, G, 10), Application)
    assert asked.partners == (applications.Partner("radio"),)
    other = ConsentApplication(application="a", partner="choir")
    invalid("partner-unknown", lambda: applications.consent(act(), other, ready))
    declined = ConsentApplication(application="a", partner="radio", consent="declined")
    said = one(applications.consent(act("radio"), declined, ready), Application)
    assert [code for code, _ in submissions.lacking(said)] == ["consent-missing"]


def test_an_application_is_decided_by_none_of_its_own() -> None:
    yes = DecideApplication(application="a", outcome="approved", reason="r")
    refused("four-eyes", lambda: submissions.decide(act("lead"), yes, SUBMITTED, 11))
    for party in SUBMITTED.parties:
        own = Act(Actor(party, "board", "another"), DAY)
        refused("conflict-of-interest", lambda own=own: submissions.decide(own, yes, SUBMITTED, 11))
    approved = one(submissions.decide(act("other"), yes, SUBMITTED, 11), Application)
    assert (approved.status, approved.decided_by, approved.decided_on) == ("approved", "other", DAY)
    no = structs.replace(yes, outcome="declined")
    declined = one(submissions.decide(act("other"), no, SUBMITTED, 11), Application)
    for done in (approved, declined, drafted()):
        refused("application-state", lambda done=done: submissions.decide(act("o"), yes, done, 11))
    for done in (approved, declined):
        refused("application-state", lambda done=done: submissions.withdraw(act(), done))
    assert one(submissions.withdraw(act(), SUBMITTED), Application).status == "withdrawn"


def test_an_approved_application_becomes_one_grant_of_at_most_its_ask() -> None:
    approved = structs.replace(SUBMITTED, status="approved")
    made = submissions.award(approved, GRANT)
    assert (made.status, made.commitment) == ("awarded", "w")
    refused("application-state", lambda: submissions.award(made, GRANT))
    for other in ({"to_party": "choir"}, {"from_fund": "n"}, {"kind": "transfer"}):
        grant = structs.replace(GRANT, **other)
        invalid("application-other", lambda grant=grant: submissions.award(approved, grant))
    more = structs.replace(GRANT, amount_minor=1001)
    refused("application-exceeded", lambda: submissions.award(approved, more))
