"""Gates over HTTP: asked first without writing, and every reason in the caller's language."""

import re

import pytest
from msgspec import convert

from mfm.app.links import issue
from mfm.app.perform import Ask, perform
from mfm.app.policies import adopt_shipped
from mfm.app.registry import VERBS
from tests import ruling
from tests.calling import APPLICATION, CALL
from tests.support import Books, operator, permit, usd
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio
SMALL = ruling.standing(
    "small",
    "spending",
    "approval",
    """[[rule]]
id = "small"
severity = "require-approval"
approver = "board"
require = [{fact = "tranche.amount", at_most = 100}]
message = {en = "{tranche.amount} <is> much.", fr = "{tranche.amount}, beaucoup.", es = "{tranche.amount} es mucho.", ar = "{tranche.amount} كثير."}
fix = {en = "Ask the board.", fr = "Demandez au comité.", es = "Pida a la junta.", ar = "اسألوا المجلس."}
""",  # noqa: E501  # a file of policies
)
HELD = {
    "en": ("5.00\u00a0USD &lt;is&gt; much.", "Ask the board.", "held since"),
    "fr": ("5,00\u00a0USD, beaucoup.", "Demandez au comité.", "retenu depuis"),
    "es": ("5,00\u00a0USD es mucho.", "Pida a la junta.", "retenido desde"),
    "ar": ("\u20685.00\u00a0USD\u2069 كثير.", "اسألوا المجلس.", "موقوف منذ"),
}


async def held(books: Books) -> str:
    """Have a payment of a grant held by a rule; return the token of the grantee's page."""
    for verb, key, fields in (
        ("allocation.approve", "a", {"id": "al5", "fund": "n", "amount": usd("5.00")}),
        (
            "commitment.sign",
            "a",
            {
                "id": "five",
                "from_fund": "n",
                "to_party": "group",
                "allocation": "al5",
                "amount": usd("5.00"),
            },
        ),
        ("disbursement.request", "a", {"id": "d5", "commitment": "five", "tranche": 1}),
    ):
        assert (await books.do(verb, operator(key), **fields)).accepted
    await permit(books.writer, operator(), SMALL.encode())
    assert not (await books.do("disbursement.approve", operator("b"), disbursement="d5")).accepted
    command = convert({"id": "l5", "commitment": "five"}, VERBS["link.create"].command)
    asked, token = issue(Ask(operator(), VERBS["link.create"], command, "l5"))
    assert (await books.writer.run(lambda unit: perform(unit, asked))).accepted
    return token


async def contested(site: Site, token: str, decision: str) -> None:
    """Contest a decision as the grantee, and dismiss that as the fund."""
    assert decision in (await site.client.get(f"/s/{token}")).text
    asked = {"subject": f"decision:{decision}", "reason": "It is little."}
    made = await site.post("/v1/contests", asked, "grantee")
    assert made.status_code == 201, made.text
    (contest,) = made.json()["changed"]["contest"]
    for code, word in (("en", "the answer is due by"), ("ar", "والجواب مستحق")):
        assert word in (await site.client.get(f"/s/{token}?lang={code}")).text
    told = (await site.get(f"/v1/contests/{contest['id']}", "approver")).json()
    assert (told["owner"], told["texts"]) == ("approver", {"reason": "It is little."})
    withdrawn = await site.post(f"/v1/contests/{contest['id']}/withdraw", None, "grantee")
    assert withdrawn.status_code == 201, withdrawn.text
    assert "You withdrew your contest" in (await site.client.get(f"/s/{token}?lang=en")).text
    assert (await site.post("/v1/contests", asked, "grantee")).status_code == 201
    for day, count in ((contest["due_on"], 0), ("2999-01-01", 1)):
        due = await site.get(f"/v1/contests?status=open&due_before={day}", "approver")
        assert len(due.json()["items"]) == count, day
    problem(await site.get("/v1/contests?due_before=soon"), "query-invalid", 400)
    assert told["overdue"] is False
    answer = {"outcome": "dismissed", "reason": "It is not."}
    done = await site.post(f"/v1/contests/{contest['id']}/answer", answer, "approver")
    assert done.status_code == 201, done.text
    assert "was dismissed" in (await site.client.get(f"/s/{token}?lang=en")).text
    mine = (await site.get("/v1/contests?status=dismissed", "grantee")).json()["items"]
    assert [each["id"] for each in mine] == [contest["id"]]


async def lifted(site: Site, token: str) -> None:
    """Take the step with a waiver: nothing is held any more."""
    leave = {
        "fund": "n",
        "gate": "approval",
        "subject": "disbursement:d5",
        "rules": ["tests.small@1/small"],
        "valid_until": str(APPLICATION["ends_on"]),
        "reason": "It is a small fund.",
    }
    assert (await site.post("/v1/waivers", leave, "board")).status_code == 201
    taken = await site.post("/v1/disbursements/d5/approve", {}, "approver")
    assert taken.status_code == 201, taken.text
    assert HELD["en"][0] not in (await site.client.get(f"/s/{token}?lang=en")).text
    (passed,) = taken.json()["changed"]["decision"]
    reasons = (await site.get(f"/v1/decisions/{passed['id']}")).json()["reasons"]
    assert [each["rule"] for each in reasons] == ["small"]


async def test_who_is_held_up_sees_every_reason_in_their_language(site: Site) -> None:
    token = await held(site.books)
    for code, words in HELD.items():
        text = (await site.client.get(f"/s/{token}?lang={code}")).text
        assert all(word in text for word in words), (code, text)
        assert ('dir="rtl"' in text.split("<head>")[0]) == (code == "ar")
    found = (await site.get("/v1/decisions?status=refused", "grantee")).json()["items"]
    (decision,) = [each for each in found if each["subject"] == "disbursement:d5"]
    address = f"/v1/decisions/{decision['id']}"
    for code, (message, fix, _) in HELD.items():
        for told in (
            await site.get(address, "grantee", Accept_Language=code),
            await site.get(f"{address}?lang={code}", "grantee", Accept_Language="de"),
        ):
            assert told.status_code == 200, told.text
            (reason,) = told.json()["reasons"]
            plain = message.replace("&lt;", "<").replace("&gt;", ">")
            assert (reason["message"], reason["fix"]) == (plain, fix)
            assert (reason["approver"], reason["result"]) == ("board", "violated")
    told = (await site.get(address, "auditor")).json()
    assert told["facts"]["tranche.amount"] == "500"
    assert told["sources"]["tranche.amount"] == {"source": "disbursement d5"}
    assert (told["party"], told["outcome"]) == ("group", "needs-approval")
    problem(await site.get(address, "donor"), "not-found")  # another's
    await contested(site, token, decision["id"])
    await lifted(site, token)


async def test_reasons_are_told_in_the_callers_language_and_first(site: Site) -> None:
    await adopt_shipped(site.books.writer, operator())
    assert (await site.post("/v1/calls", CALL)).status_code == 201
    assert (await site.post("/v1/calls/k/publish", who="approver")).status_code == 201
    asked = {**APPLICATION, "id": "ap", "places": ["FR"]}
    assert (await site.post("/v1/applications", asked, "grantee")).status_code == 201
    head = await site.head()
    body = {"application": "ap"}
    for language, word in (
        ("fr", "appel porte sur"),
        ("es;q=0.9, de", "convocatoria"),
        ("ar", "الدعوة"),
    ):
        told = {"Accept_Language": language}
        found = await site.post("/v1/applications:check", body, "grantee", **told)
        assert found.status_code == 200, found.text
        assert found.json()["outcome"] == "refuse"
        reasons = {each["rule"]: each for each in found.json()["reasons"]}
        assert word in reasons["place-and-theme"]["message"], language
        previewed = {"verb": "application.submit", "command": body}
        same = await site.post("/v1/decisions:preview", previewed, "grantee", **told)
        assert {each["rule"] for each in same.json()["reasons"]} == reasons.keys()
    draft = {"draft": {name: APPLICATION[name] for name in ("call", "lead", "title", "amount")}}
    bare = (await site.post("/v1/applications:check", draft, "grantee")).json()
    assert {each["code"] for each in bare["lacking"]} == {"budget-differs", "dates-missing"}
    assert await site.head() == head
    refused = await site.post("/v1/applications/ap/submit", {}, "grantee", Accept_Language="fr")
    told = problem(refused, "policy-refuses", 409)
    assert "appel porte sur" in told["detail"]
    assert "shared.eligibility.applicants@1/place-and-theme" in told["detail"]
    kind = {each["rule"]: each["remedies"] for each in same.json()["reasons"]}[
        "kind-of-organisation"
    ]
    assert kind[0] == "party.attest kind=type"
    assert await site.head() == head + 1  # the refusal is a record
    (address,) = re.findall('<(/v1/decisions/[^>]+)>; rel="related"', refused.headers["link"])
    told = (await site.get(f"{address}?lang=ar", "grantee")).json()
    assert (
        "الدعوة" in {each["rule"]: each["message"] for each in told["reasons"]}["place-and-theme"]
    )


async def test_a_candidate_is_simulated_and_nothing_is_written(site: Site) -> None:
    head = await site.head()
    candidate = SMALL.replace("version = 1", "version = 2").replace(" 100}", " 900}")
    days = {"from": "2026-01-01", "to": "2060-01-01"}
    told = {"content": candidate, **days}
    found = await site.post("/v1/policies:simulate", told, "board")
    assert found.status_code == 200, found.text
    assert found.json()["policy"] == "tests.small@2"
    shifts = {(each["from"], each["to"]) for each in found.json()["outcomes"]}
    assert ("needs-approval", "allow") in shifts
    problem(await site.post("/v1/policies:simulate", told, "grantee"), "role-not-allowed")
    bad = {**told, "content": "format = 1"}
    problem(await site.post("/v1/policies:simulate", bad, "board"), "policy-faulty")
    turned = {"content": candidate, "from": days["to"], "to": days["from"]}
    problem(await site.post("/v1/policies:simulate", turned, "board"), "request-refused")
    assert await site.head() == head


async def test_what_is_asked_is_held_to_its_form(site: Site) -> None:
    for path, body, code in (
        ("/v1/applications:check", {}, "field-missing"),
        ("/v1/applications:check", {"application": "none"}, "not-found"),
        ("/v1/applications:check", {"x": 1}, "field-unknown"),
        ("/v1/decisions:preview", {"verb": "fund.open", "command": {}}, "gate-unknown"),
        (
            "/v1/decisions:preview",
            {"verb": "application.submit", "command": {"application": 1}},
            "field-invalid",
        ),
        (
            "/v1/decisions:preview",
            {"verb": "application.submit", "command": {}},
            "field-missing",
        ),
    ):
        told = problem(await site.post(path, body, "preparer"), code)
    assert told["errors"][0]["pointer"] == "/command/application"
