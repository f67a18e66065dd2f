"""Gates over HTTP: asked first without writing, and every reason in the caller's language."""

import pytest

from mfm.app.policies import adopt_shipped
from tests.calling import APPLICATION, CALL
from tests.support import operator
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio


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
    assert await site.head() == head + 1  # the refusal is a record


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
