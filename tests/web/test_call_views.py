"""Calls seen together over HTTP: overlap while drafting, the calendar, competition, co-funding."""

from datetime import timedelta
from typing import Any

import pytest

from tests.calling import APPLICATION, CALL, TODAY
from tests.support import operator, permit, usd
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio
LATER = {"opens_on": str(TODAY), "closes_on": str(TODAY + timedelta(days=30))}


@pytest.fixture(scope="module")
async def called(site: Site) -> None:
    """A published call with two asks of one project, and a draft of another fund's."""
    await permit(site.books.writer, operator())
    await done(site, "/v1/calls", CALL)
    await done(site, "/v1/calls/k/publish", None, "approver")
    await done(site, "/v1/calls", {**CALL, **LATER, "id": "draft", "fund": "g"})
    await done(site, "/v1/calls", {**CALL, **LATER, "id": "far", "fund": "g", "places": ["CO"]})
    level = {"party": "group", "kind": "level", "value": "grassroots", "source": "a visit"}
    await done(site, "/v1/parties/group/attestations", level)
    for name, more in (
        ("first", {"total": usd("1500.00")}),
        ("second", {"total": usd("1500.00"), "co_financing": ["first", "elsewhere"]}),
    ):
        asked = {**APPLICATION, "id": name, **more}
        await done(site, "/v1/applications", asked, "grantee")
        await done(site, f"/v1/applications/{name}/submit", None, "grantee")
    reason = {"outcome": "approved", "reason": "Sound."}
    await done(site, "/v1/applications/first/decide", reason, "approver")


async def done(site: Site, path: str, body: object = None, who: str = "preparer") -> None:
    answer = await site.post(path, body, who)
    assert answer.status_code == 201, answer.text


async def test_a_draft_tells_what_it_overlaps_and_what_would_help(site: Site, called: None) -> None:
    head = await site.head()
    body = {**CALL, **LATER, "id": "new", "fund": "g"}
    told = (await site.post("/v1/calls:check", body)).json()["overlaps"]
    assert {each["call"] for each in told} == {"k", "draft"}
    rival = next(each for each in told if each["call"] == "k")
    assert (rival["fund"], rival["tier"], rival["status"]) == ("n", "national", "published")
    assert rival["reasons"][0].startswith("for: 31 days in common")
    assert rival["suggestions"] == ["shift", "merge", "reserve-local-window"]
    assert rival["shift_to"] == str(TODAY + timedelta(days=401))
    other = {**body, "levels": ["international"]}
    assert (await site.post("/v1/calls:check", other)).json() == {"overlaps": []}
    backwards = {**body, "closes_on": str(TODAY - timedelta(days=1))}
    problem(await site.post("/v1/calls:check", backwards), "call-dates", 422)
    problem(await site.post("/v1/calls:check", {**body, "fund": "none"}), "not-found")
    problem(await site.post("/v1/calls:check", body, "grantee"), "role-not-allowed", 403)
    assert await site.head() == head  # nothing was written

    # What is written tells the same, and so does its publication: nothing is held up by it.
    made = await site.post("/v1/calls", {**body, "id": "other"})
    assert (made.status_code, made.json()["overlaps"]) == (201, told)
    revised = await site.post("/v1/calls/other/revise", {**_terms(body), "places": ["CO"]})
    assert [each["call"] for each in revised.json()["overlaps"]] == ["far"]
    published = await site.post("/v1/calls/other/publish", None, "approver")
    assert (published.status_code, published.json()["overlaps"]) == (
        201,
        revised.json()["overlaps"],
    )
    cancelled = await site.post("/v1/calls/other/cancel", {"reason": "Moved."}, "approver")
    assert "overlaps" not in cancelled.json()

    written = (await site.get("/v1/calls/draft")).json()["overlaps"]
    assert [each["call"] for each in written] == ["k"]
    assert written == (await site.get("/v1/calls/draft/overlaps")).json()["overlaps"]
    assert (await site.get("/v1/calls/k")).json()["overlaps"] == []  # it stands already
    assert (await site.get("/v1/calls/far/overlaps")).json() == {"overlaps": []}
    problem(await site.get("/v1/calls/none/overlaps"), "not-found", 404)


def _terms(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("id", "fund")}


async def test_the_calendar_has_all_tiers(site: Site, called: None) -> None:
    whole = (await site.get("/v1/call-calendar", "donor")).json()
    told = {each["call"]: (each["tier"], each["overlaps"]) for each in whole["calls"]}
    assert told == {
        "k": ("national", ["draft"]),
        "draft": ("global", ["k"]),
        "far": ("global", []),
    }
    for query, calls in (
        ("tier=global", ["draft", "far"]),
        ("place=CO", ["far"]),
        ("place=KE-30", ["k", "draft"]),
        ("theme=15180", []),
        ("since=2020-01-01&until=2020-12-31", []),
    ):
        some = (await site.get(f"/v1/call-calendar?{query}")).json()["calls"]
        assert [each["call"] for each in some] == calls
    for query in ("since=x", "since=2026-02-01&until=2026-01-01", "other=1"):
        problem(await site.get(f"/v1/call-calendar?{query}"), "query-invalid", 400)


async def test_competition_is_whole_inside_and_not_told_outside_while_it_is_open(
    site: Site, called: None
) -> None:
    inside = (await site.get("/v1/calls/k/competition", "preparer")).json()
    (cell,) = inside["levels"]
    assert (cell["level"], cell["asks"], cell["awards"]) == ("community", 2, 0)
    assert cell["asked"] == usd("2000.00")
    assert (cell["success_per_mille"], cell["median_days"]) == (1000, 0)
    assert cell["overhead_per_mille"] == 50
    assert inside == (await site.get("/v1/calls/k/competition", "auditor")).json()
    elsewhere = await site.key("preparer", fund="g")
    for who in ("donor", "grantee", elsewhere):
        outside = (await site.get("/v1/calls/k/competition", who)).json()
        assert (outside["levels"], outside["all"]["suppressed"]) == ([], True)
        assert outside["all"]["asks"] is outside["all"]["asked"] is None
    problem(await site.get("/v1/calls/none/competition"), "not-found", 404)


async def test_declared_shares_are_told_and_what_is_more_than_the_whole(
    site: Site, called: None
) -> None:
    whole = (await site.get("/v1/co-funding", "preparer")).json()
    (told,) = whole["items"]
    assert told["declared_by"] == "second"
    assert told["elsewhere"] == ["elsewhere"]
    assert [(each["application"], each["per_mille"]) for each in told["shares"]] == [
        ("second", 666),
        ("first", 666),
    ]
    assert (told["covered_per_mille"], told["over"]) == (1333, True)
    assert whole == (await site.get("/v1/co-funding?fund=n&lead=group", "grantee")).json()
    elsewhere = await site.key("approver", fund="g")
    for query, who in (("?fund=g", "auditor"), ("", elsewhere), ("?lead=donor", "grantee")):
        assert (await site.get(f"/v1/co-funding{query}", who)).json() == {"items": []}
    problem(await site.get("/v1/co-funding", "donor"), "role-not-allowed", 403)
    problem(await site.get("/v1/co-funding?x=1"), "query-invalid", 400)
