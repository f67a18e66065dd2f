"""Calls and applications over HTTP: from a draft's comments to a decision, and who sees what."""

import httpx
import pytest

from tests.calling import APPLICATION, CALL, TODAY
from tests.support import operator, permit
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio
LINE = {"category": "staff", "amount": CALL["ceiling"]}


async def made(site: Site, path: str, body: object = None, who: str = "preparer") -> httpx.Response:
    """Write what must be accepted."""
    answer = await site.post(path, body, who)
    assert answer.status_code == 201, answer.text
    return answer


@pytest.fixture(scope="module")
async def applied(site: Site) -> dict[str, str]:
    """A published call `k`, a submitted application `ap` with a partner, and others' keys."""
    for party in ("radio", "stranger"):
        await made(site, "/v1/parties", {"id": party, "name": party})
    await permit(site.books.writer, operator())
    keys = {party: await site.key("grantee", party) for party in ("radio", "stranger")}
    await made(site, "/v1/calls", CALL)
    problem(await site.post("/v1/calls/k/publish"), "role-not-allowed", 403)
    await made(site, "/v1/calls/k/publish", None, "approver")
    asked = {**APPLICATION, "id": "ap", "partners": ["radio"]}
    answer = await made(site, "/v1/applications", asked, "grantee")
    assert answer.headers["location"] == "/v1/applications/ap"
    problem(await site.post("/v1/applications/ap/submit", who="grantee"), "consent-missing", 409)
    path, consent = "/v1/applications/ap/consent", {"partner": "radio"}
    problem(await site.post(path, consent, "grantee"), "party-not-allowed", 403)
    await made(site, path, consent, keys["radio"])
    await made(site, "/v1/applications/ap/submit", None, "grantee")
    return keys


async def test_a_draft_is_commented_on_and_the_comments_answered(
    site: Site, applied: dict[str, str]
) -> None:
    await made(site, "/v1/calls", {**CALL, "id": "first"})
    await made(site, "/v1/calls/first/consult", {"until": str(TODAY)})
    path, radio = "/v1/calls/first/comments", applied["radio"]
    await made(site, path, {"id": "c", "text": "Too narrow."}, radio)
    foreign = {"party": "group", "text": "x"}
    problem(await site.post(path, foreign, radio), "party-not-allowed", 403)
    await made(site, "/v1/comments/c/answer", {"changed": False, "reason": "The plan says so."})
    comment = (await site.get("/v1/comments/c", applied["stranger"])).json()
    assert comment["texts"] == {"text": "Too narrow.", "reason": "The plan says so."}
    assert (comment["party"], comment["outcome"]) == ("radio", "kept")
    early = await site.post("/v1/calls/first/publish", who="approver")
    problem(early, "call-consulting", 409)


async def test_an_application_is_seen_by_its_own_and_its_fund(
    site: Site, applied: dict[str, str]
) -> None:
    stranger = applied["stranger"]
    call = (await site.get("/v1/calls/k", stranger)).json()
    assert call["ceiling"] == {"amount": "5000.00", "currency": "USD"}
    assert call["texts"] == {"text": CALL["text"]}
    for who in ("grantee", applied["radio"], "approver", "auditor"):
        seen = (await site.get("/v1/applications/ap", who)).json()
        assert seen["texts"]["summary"] == APPLICATION["summary"]
        listed = (await site.get("/v1/applications?call=k", who)).json()["items"]
        assert [each["id"] for each in listed] == ["ap"]
    problem(await site.get("/v1/applications/ap", stranger), "not-found", 404)
    assert (await site.get("/v1/applications", stranger)).json()["items"] == []
    problem(await site.get("/v1/applications/ap", "donor"), "role-not-allowed", 403)


async def test_an_application_is_reviewed_and_decided_on(
    site: Site, applied: dict[str, str]
) -> None:
    assert applied
    await made(site, "/v1/applications/ap/classify", {"scheme": "un-gem", "score": "2"})
    await made(
        site, "/v1/applications/ap/decide", {"outcome": "approved", "reason": "Sound."}, "board"
    )
    again = await site.post("/v1/applications/ap/withdraw", who="grantee")
    problem(again, "application-state", 409)
    seen = (await site.get("/v1/applications/ap", "grantee")).json()
    assert (seen["status"], seen["texts"]["reason"]) == ("approved", "Sound.")
    assert [(each["scheme"], each["score"]) for each in seen["markers"]] == [
        ("oecd-dac", "2"),
        ("un-gem", "2"),
    ]
    assert seen["budget"][0] == {
        "party": "group",
        "category": "staff",
        "amount": {"amount": "600.00", "currency": "USD"},
        "gewe_percent": 100,
    }


async def test_what_does_not_fit_is_told_before_anything_is_written(
    site: Site, applied: dict[str, str]
) -> None:
    assert applied
    head = await site.head()
    for change, code in (
        ({"partners": ["group"]}, "partner-repeated"),
        (
            {"budget": [{"category": "staff", "amount": CALL["ceiling"], "party": "donor"}]},
            "budget-party",
        ),
        ({"budget": [{"category": "gold", "amount": CALL["ceiling"]}]}, "field-invalid"),
        ({"places": ["x" * 40]}, "field-invalid"),
        ({"places": ["KE"] * 13}, "field-invalid"),
        ({"marker": {"scheme": "oecd-dac", "score": "9"}}, "score-unknown"),
        ({"total": {"amount": "999.99", "currency": "USD"}}, "total-below-ask"),
        ({"summary": "x" * 2_001}, "field-invalid"),
        ({"call": "none"}, "not-found"),
    ):
        answer = await site.post("/v1/applications", {**APPLICATION, **change}, "grantee")
        problem(answer, code)
    assert await site.head() == head
