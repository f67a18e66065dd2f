"""Gates: what policies are asked, what they hear, and that nobody slips past them."""

import asyncio
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from msgspec import convert, json, structs

from mfm.app import policy_files, previews
from mfm.app.context import Context
from mfm.app.perform import Ask, refusal_of, submit
from mfm.app.policies import adopt_shipped
from mfm.app.previews import CheckApplication, PreviewDecision
from mfm.app.registry import VERBS
from mfm.app.simulations import simulate
from mfm.app.verify import verify_database
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.calls import Call
from mfm.core.errors import Invalid, Problem
from mfm.core.judgements import Decision, Waiver
from mfm.core.permissions import Actor
from mfm.core.policy_format import load
from mfm.core.record import Draft, canonical, parse
from mfm.core.simulations import Cell, Shift, Simulated
from mfm.core.terms import Command
from mfm.core.verify_form import Differs
from mfm.core.verify_judgements import check
from mfm.store import database, facts
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.policies import file_of
from mfm.store.unit import Unit
from tests import ruling
from tests.app.playing import sound
from tests.calling import APPLICATION, CALL, FAR, TODAY, accepted, called, grantee
from tests.core.test_verify_calls import told
from tests.support import CHAIN, Books, operator, permit, usd

pytestmark = pytest.mark.anyio

RULES = ruling.standing(
    "rules",
    "eligibility",
    "application",
    """[[rule]]
id = "leads"
severity = "refuse"
require = [{fact = "organisation.lead_applications", at_most = {fact = "window.lead_applications_maximum"}}]
message = {en = "Too many.", fr = "Trop.", es = "Demasiadas.", ar = "كثير."}
fix = {en = "Withdraw one.", fr = "Retirez.", es = "Retire una.", ar = "اسحبوا."}
[[rule]]
id = "small"
severity = "require-approval"
approver = "board"
require = [{fact = "application.requested", at_most = 100000}]
message = {en = "It is much.", fr = "Beaucoup.", es = "Es mucho.", ar = "كثير."}
fix = {en = "Ask the board.", fr = "Demandez.", es = "Pida.", ar = "اطلبوا."}
""",  # noqa: E501  # a file of policies
)
CLIENTS = 16
MUCH = {
    "amount": usd("2000.00"),
    "budget": [{"category": "staff", "amount": usd("2000.00")}],
}


async def ruled(books: Books) -> None:
    """Have a call of fund n, for which at most two applications of one lead may stand."""
    await books.chain()
    await permit(books.writer, operator(), RULES.encode())
    await called(books)


async def drafted(books: Books, name: str, **more: object) -> None:
    await accepted(books, "application.draft", grantee(), id=name, **{**APPLICATION, **more})


def code_of(outcome: Made | Problem) -> str:
    if isinstance(outcome, Problem):
        return outcome.code
    return "" if outcome.accepted else refusal_of(outcome)[0]


async def head(unit: Unit) -> int:
    return unit.next_seq


async def test_many_at_once_do_not_pass_a_limit_together(books: Books) -> None:
    """Each alone would keep it; what is decided at once, or on its way, is seen by the next."""
    await ruled(books)
    for number in range(CLIENTS):
        await drafted(books, f"a{number}")
    verb = VERBS["application.submit"]

    async def client(number: int) -> str:
        await asyncio.sleep(number % 4 / 100)  # so that several batches are on their way
        command = convert({"application": f"a{number}"}, verb.command)
        return code_of(await submit(books.writer, Ask(grantee(), verb, command, f"c-{number}")))

    codes = await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    assert sorted(codes) == ["", "", *["policy-refuses"] * (CLIENTS - 2)]
    await sound(books)


async def test_a_decision_is_kept_with_what_it_let_through(books: Books) -> None:
    await ruled(books)
    await drafted(books, "x")
    made = await accepted(books, "application.submit", grantee(), application="x")
    (decision,) = parse(made.content)[1].sets["decision"]
    wanted = {"gate": "application", "subject": "application:x", "outcome": "allow"}
    assert wanted.items() <= decision.items()

    async def read(unit: Unit) -> dict[str, Any]:
        return json.decode(await file_of(unit, decision["content"]))

    content = await books.writer.run(read)
    assert content["facts"]["application.requested"] == "100000"
    assert content["sources"]["application.requested"] == {"source": "application x"}
    found = {each["rule"]: each["result"] for each in content["rules"]}
    assert found == {"currency": "satisfied", "leads": "satisfied", "small": "satisfied"}


async def test_what_a_server_made_up_comes_out_another_when_it_is_evaluated_again(
    books: Books,
) -> None:
    """A compromised server writes what fits the record, and not its facts."""
    await ruled(books)
    await drafted(books, "x")
    await drafted(books, "y")
    verb = VERBS["application.submit"]

    async def submit_anyway(context: Context, command: Command) -> Draft:
        draft = await verb.run(context, command)
        *others, content = draft.blobs
        told = json.decode(content)
        told["facts"]["application.requested"] = "1000000"
        told["facts_sha256"] = sha256(canonical(told["facts"])).hexdigest()
        forged = canonical(told)
        decision = draft.sets[-1]
        assert isinstance(decision, Decision)
        named = structs.replace(decision, content=sha256(forged).hexdigest())
        return structs.replace(draft, sets=(*draft.sets[:-1], named), blobs=(*others, forged))

    await accepted(books, "application.submit", grantee(), application="x")
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert (found.difference, found.decisions_not_rerun) == (None, 0)
    command = convert({"application": "y"}, verb.command)
    made = await submit(
        books.writer, Ask(grantee(), structs.replace(verb, run=submit_anyway), command, "forged")
    )
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.difference is not None
    assert (found.difference.check, found.difference.seq) == ("decision-replay", made.seq)
    assert "come to needs-approval, not allow" in found.difference.detail
    assert found.decisions_not_rerun == 1


async def test_a_candidate_is_held_against_what_was_decided_and_nothing_is_written(
    books: Books,
) -> None:
    await ruled(books)
    for name in ("x", "y"):
        await drafted(books, name)
        await accepted(books, "application.submit", grantee(), application=name)
    text = RULES.replace("version = 1", "version = 2").replace(
        "at_most = 100000", "at_most = 99999"
    )
    candidate = load(text.encode(), policy_files.catalogue(), "candidate")
    ticks: list[tuple[int, int]] = []
    before = await books.writer.run(head)
    engine = database.reader_engine(books.url, books.mechanism.id)

    async def simulated(who: Actor, *days: date) -> Simulated:
        span = (days[0], days[1])
        return await simulate(engine, who, candidate, span, lambda *told: ticks.append(told))

    try:
        found = await simulated(operator(), TODAY, TODAY)
        assert (found.policy, found.decisions, found.not_simulated) == ("tests.rules@2", 2, 0)
        assert found.outcomes == [Shift("allow", "needs-approval", 2)]
        assert (found.rules, found.excluded, ticks) == ({"small": 2}, 0, [(2, 2)])
        assert found.groups["level"] == {"unknown": Cell(None, None)}
        earlier = TODAY - timedelta(days=1)
        assert (await simulated(operator(), earlier, earlier)).decisions == 0
        elsewhere = Actor("agent", "approver", "c", fund="g")
        assert (await simulated(elsewhere, TODAY, TODAY)).decisions == 0
        with pytest.raises(Invalid, match="request-refused"):
            await simulated(operator(), TODAY, earlier)
        with pytest.raises(Invalid, match="role-not-allowed"):
            await simulated(grantee(), TODAY, TODAY)
    finally:
        await engine.dispose()
    assert await books.writer.run(head) == before


async def test_a_hold_is_lifted_by_the_role_that_its_rule_names(books: Books) -> None:
    await ruled(books)
    await drafted(books, "x", **MUCH)
    await drafted(books, "y", **MUCH)
    held = await books.do("application.submit", grantee(), application="x")
    assert code_of(held) == "policy-approval"
    assert "Ask the board." in refusal_of(held)[1]
    leave = {
        "fund": "n",
        "gate": "application",
        "subject": "application:x",
        "rules": ["tests.rules@1/small"],
        "valid_until": str(FAR),
        "reason": "It is worth it.",
    }
    with pytest.raises(Invalid, match="waiver-past"):
        await books.do("waiver.sign", **{**leave, "valid_until": str(TODAY - timedelta(days=1))})
    for role, key in (("approver", "c"), ("board", "key of group")):
        await accepted(books, "waiver.sign", Actor("agent", role, key), id=f"by-{key[:1]}", **leave)
        again = await books.do("application.submit", grantee(), application="x")
        assert code_of(again) == "policy-approval"  # not its role; not by who takes the step
    await accepted(books, "waiver.sign", Actor("agent", "board", "b"), id="by-board", **leave)
    taken = await accepted(books, "application.submit", grantee(), application="x")
    assert parse(taken.content)[1].sets["decision"][0]["waivers"] == ["by-board"]
    other = await books.do("application.submit", grantee(), application="y")
    assert code_of(other) == "policy-approval"
    await accepted(books, "waiver.revoke", waiver="by-board", reason="Done.")
    twice = await books.do("waiver.revoke", waiver="by-board", reason="Done.")
    assert code_of(twice) == "waiver-state"
    await sound(books)


async def test_a_refusal_is_lifted_by_no_waiver(books: Books) -> None:
    await ruled(books)
    for name in ("x", "y", "z"):
        await drafted(books, name)
    leave = {
        "fund": "n",
        "gate": "application",
        "subject": "application:z",
        "rules": ["tests.rules@1/leads"],
        "valid_until": str(FAR),
        "reason": "Please.",
    }
    await accepted(books, "waiver.sign", Actor("agent", "board", "b"), **leave)
    for name in ("x", "y"):
        await accepted(books, "application.submit", grantee(), application=name)
    made = await books.do("application.submit", grantee(), application="z")
    assert code_of(made) == "policy-refuses"


async def test_without_policies_nothing_passes_a_gate(books: Books) -> None:
    for verb, key, fields in CHAIN:
        if verb in ("party.register", "fund.open"):
            await accepted(books, verb, operator(key), **fields)
    await accepted(books, "call.draft", operator("writer"), **CALL)
    await accepted(books, "call.publish", operator("publisher"), call="k")
    await drafted(books, "x")
    made = await books.do("application.submit", grantee(), application="x")
    assert code_of(made) == "policy-refuses"
    assert "No policy is in force" in refusal_of(made)[1]


async def test_an_applicant_hears_what_is_lacking_and_nothing_is_written(books: Books) -> None:
    await books.chain()
    await adopt_shipped(books.writer, operator("other"))
    await called(books)
    bare = {"call": "k", "lead": "group", "title": "T", "amount": usd("9000.00")}
    command = convert({"draft": bare}, CheckApplication)
    before = await books.writer.run(head)
    found = await previews.check_application(books.writer, grantee(), command, "fr")
    assert found.outcome == "refuse"
    assert {each.code for each in found.lacking} == {"budget-differs", "dates-missing"}
    rules = {each.rule: each for each in found.reasons}
    assert {"ask-in-window", "kind-of-organisation", "registered-or-hosted"} <= rules.keys()
    assert "guichet" in rules["ask-in-window"].message
    with pytest.raises(Invalid, match="party-not-allowed"):
        await previews.check_application(books.writer, grantee("donor"), command, "en")
    with pytest.raises(Invalid, match="field-missing"):
        await previews.check_application(books.writer, grantee(), CheckApplication(), "en")
    other = PreviewDecision(verb="party.register", command={})
    with pytest.raises(Invalid, match="gate-unknown"):
        await previews.preview(books.writer, operator(), other, "en")
    assert await books.writer.run(head) == before


async def test_an_attested_applicant_passes_what_is_shipped(books: Books) -> None:
    await books.chain()
    await adopt_shipped(books.writer, operator())
    await called(books)
    await drafted(books, "ap")
    asked = convert({"application": "ap"}, CheckApplication)
    found = await previews.check_application(books.writer, grantee(), asked, "en")
    assert found.outcome == "incomplete"
    for kind, more in (
        ("registration", {}),
        ("level", {"value": "local"}),
        ("type", {"value": "women-led"}),
        ("ingo-affiliate", {"value": "no"}),
        ("mission", {}),
        ("annual-budget", {"amount": usd("20000.00")}),
    ):
        await accepted(books, "party.attest", party="group", kind=kind, source="a visit", **more)
    found = await previews.check_application(books.writer, grantee(), asked, "en")
    assert (found.outcome, found.reasons, found.lacking) == ("allow", (), ())
    submitting = PreviewDecision(verb="application.submit", command={"application": "ap"})
    assert (await previews.preview(books.writer, grantee(), submitting, "es")).outcome == "allow"
    await accepted(books, "application.submit", grantee(), application="ap")
    over = await previews.preview(books.writer, grantee(), submitting, "es")
    assert [each.code for each in over.lacking] == ["application-state"]
    await sound(books)


async def test_a_query_sees_what_is_on_its_way(books: Books) -> None:
    """The same answer, whether rows are stored, in the batch before, or in this one."""
    await ruled(books)
    for party in ("group", "agent"):
        told = {"party": party, "kind": "registration", "source": "s"}
        await accepted(books, "party.attest", operator("v"), **told)
    host = {"party": "group", "kind": "host", "value": "agent", "valid_until": str(FAR)}
    await accepted(books, "party.attest", source="s", **host)
    await drafted(books, "x")
    await accepted(books, "application.submit", grantee(), application="x")

    async def look(unit: Unit) -> None:
        call = await unit.find(Call, "k")
        assert call is not None
        asked = (unit, ("group",), "n", TODAY, call.id)
        stored = await facts.around(*asked)
        assert (stored.leads, stored.overdue_on) == (1, None)
        assert {each.id for each in stored.attested} == {
            "group.registration",
            "agent.registration",
            "group.host",
        }
        submitted: Any = await unit.find(Application, "x")
        hosting: Any = await unit.find(Attestation, "group.host")
        unit.batch.set(submitted)
        unit.memory.closed, unit.memory.around = {"attestation": {hosting.id: hosting}}, {}
        flying = await facts.around(*asked)
        unit.batch.nouns.clear()
        assert (flying.leads, {*flying.attested}) == (1, {*stored.attested})
        gone = structs.replace(hosting, status="withdrawn")
        unit.memory.closed, unit.memory.around = {"attestation": {gone.id: gone}}, {}
        after = await facts.around(*asked)
        unit.memory.closed, unit.memory.around = {}, {}
        assert {each.id for each in after.attested} == {"group.registration"}

    await books.writer.run(look)


# What no rule would write ----------------------------------------------------------------------

MADE = Decision(
    id="d",
    status="made",
    gate="application",
    fund="n",
    subject="application:ap",
    judged_on=TODAY,
    outcome="allow",
    content="0f" * 32,
)
LEAVE = Waiver(
    id="w",
    status="signed",
    gate="application",
    fund="n",
    subject="application:ap",
    rules=("p@1/r",),
    role="board",
    valid_until=FAR,
    signed_by="another",
    party="agent",
)
LIFTED = structs.replace(MADE, outcome="needs-approval", waivers=("w",))
FORGED: list[dict[str, Any]] = [
    {"outcome": "refuse"},
    {"outcome": "incomplete"},
    {"outcome": "needs-approval"},
    {"waivers": ("w",)},
    {"subject": "application:other"},
    {"gate": "payment"},
]
LEAVES: list[dict[str, Any]] = [
    {"status": "revoked"},
    {"subject": "application:other"},
    {"gate": "payment"},
    {"valid_until": TODAY - timedelta(days=1)},
    {"signed_by": "key"},
]


def held(*decisions: Decision, leave: Waiver = LEAVE) -> None:
    ap = Application(
        id="ap",
        status="submitted",
        call="k",
        fund="n",
        lead="group",
        title="T",
        currency="USD",
        amount_minor=1,
    )
    record = told("application.submit", ap, *decisions)
    rows = {"policy": {"p": MADE}, "waiver": {"w": leave}}
    check(rows, record, [(None, state) for _, state in record.sets])


def test_the_fold_lets_stand_what_was_let_through() -> None:
    held(MADE)
    held(LIFTED)
    for wrong in ((), (MADE, MADE)):
        with pytest.raises(Differs):
            held(*wrong)
    for change in LEAVES:
        with pytest.raises(Differs):
            held(LIFTED, leave=structs.replace(LEAVE, **change))


@pytest.mark.parametrize("change", FORGED, ids=str)
async def test_neither_path_lets_a_forged_decision_stand(
    books: Books, change: dict[str, Any]
) -> None:
    forged = structs.replace(MADE, **change)
    with pytest.raises(Differs):
        held(forged)
    await ruled(books)
    await drafted(books, "ap")

    async def forge(unit: Unit) -> Made:
        before = await unit.find(Application, "ap")
        assert before is not None
        own = {"status": "submitted", "submitted_by": "key", "submitted_on": TODAY}
        entry = Entry("application.submit", operator().told(), (key_hash("o", "k"), bytes(32)), {})
        sets = (structs.replace(before, **own), forged)
        return await unit.write(entry, Draft(effective_on=TODAY, sets=sets, funds=("n",)), [])

    with pytest.raises((Invalid, asyncpg.PostgresError)):
        await books.writer.run(forge)
