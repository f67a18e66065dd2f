"""Terms over HTTP: signed with everything, read back, conditions listed and within reach."""

import pytest

from tests.web.site import Site, problem, usd

pytestmark = pytest.mark.anyio
TERMS = {
    "id": "far",
    "from_fund": "n",
    "to_party": "group",
    "allocation": "kenya",
    "amount": usd("30.00"),
    "earmark": {"line": ["3.1"]},
    "starts_on": "2026-04-01",
    "ends_on": "2036-03-31",
    "tranches": [
        {"amount": usd("20.00"), "due_on": "2026-06-01", "report_due_on": "2026-12-01"},
        {"amount": usd("10.00"), "due_on": "2036-01-01"},
    ],
    "conditions": [{"id": "study", "title": "Study", "type": "performance", "tranche": 2}],
    "effective_on": "2026-04-01",
}


async def signed(site: Site) -> None:
    """An allocation for Kenya, and a grant with all its terms; once for all tests here."""
    envelope = {"id": "kenya", "fund": "n", "amount": usd("50.00"), "earmark": {"place": ["KE"]}}
    body = {**envelope, "effective_on": "2026-04-01"}
    made = await site.post("/v1/allocations", body, "board", Idempotency_Key="kenya")
    assert made.status_code == 201, made.text
    made = await site.post("/v1/commitments", TERMS, "approver", Idempotency_Key="far")
    assert made.status_code == 201, made.text


async def test_a_commitment_shows_its_terms(site: Site) -> None:
    await signed(site)
    told = (await site.get("/v1/commitments/far")).json()
    assert told["earmark"] == {"place": ["KE"], "line": ["3.1"]}
    assert (told["starts_on"], told["ends_on"]) == ("2026-04-01", "2036-03-31")
    assert (told["markers"], told["halted"]) == ([], "")
    assert told["tranches"] == [
        {
            "number": 1,
            "amount": usd("20.00"),
            "due_on": "2026-06-01",
            "disbursement": "",
            "report_due_on": "2026-12-01",
            "conditions": [],
        },
        {
            "number": 2,
            "amount": usd("10.00"),
            "due_on": "2036-01-01",
            "disbursement": "",
            "report_due_on": None,
            "conditions": ["study"],
        },
    ]


async def test_conditions_are_listed_for_whom_they_concern(site: Site) -> None:
    await signed(site)
    more = {"commitment": "far", "title": "Audit", "type": "fiduciary", "text": "as the annex says"}
    assert (await site.post("/v1/conditions", more)).status_code == 201
    for who in ("auditor", "grantee", "approver"):
        found = await site.get("/v1/conditions?commitment=far&status=open", who)
        assert [each["id"] for each in found.json()["items"]] == ["study"], who
        assert "annex" not in found.text
    assert (await site.get("/v1/conditions", "donor")).json()["items"] == []
    one = await site.get("/v1/conditions/study", "grantee")
    assert (one.json()["title"], one.json()["tranche"]) == ("Study", 2)
    accept = await site.post("/v1/conditions/study/contest", {"reason": "why"}, "grantee")
    assert accept.status_code == 201, accept.text


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"earmark": {"phase": ["third"]}}, "field-invalid", "/earmark/phase/0"),
        ({"earmark": {"donor": ["x"]}}, "field-unknown", "/earmark/donor"),
        ({"earmark": {"place": ["UG"]}}, "earmark-not-met", "/earmark"),
        ({"ends_on": "2026-03-31"}, "dates-backwards", "/ends_on"),
        ({"tranches": TERMS["tranches"][:1]}, "tranches-differ", "/tranches"),
        ({"source_kind": "bilateral"}, "contribution-only", "/source_kind"),
        ({"conditions": [{"id": "x", "title": "T"}]}, "field-missing", "/conditions/0/type"),
    ],
)
async def test_bad_terms_are_problems_with_their_place(
    site: Site, body: dict[str, object], code: str, pointer: str
) -> None:
    await signed(site)
    answer = await site.post("/v1/commitments", {**TERMS, "id": "other", **body}, "approver")
    told = problem(answer, code)
    assert told["errors"][0]["pointer"] == pointer, told
