"""Progress over HTTP: whose turn it is and how long it took, for those who may see it."""

from typing import Any

import pytest

from tests.support import ADVANCE, operator
from tests.web.site import Site, problem, usd

pytestmark = pytest.mark.anyio


async def post(site: Site, path: str, who: str, on: str, **body: object) -> dict[str, Any]:
    answer = await site.post(path, {"effective_on": on, **body}, who)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def read(site: Site, name: str, who: str = "auditor") -> dict[str, Any]:
    answer = await site.get(f"/v1/disbursements/{name}", who)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
async def signed(site: Site) -> str:
    """A grant of 9.00 to the women's group in three tranches, fresh for each test; its id."""
    name = f"grant-{await site.head()}"
    on = "2026-04-01"
    await post(site, "/v1/allocations", "board", on, id=f"for-{name}", fund="n", amount=usd("9.00"))
    tranches = [{"amount": usd("3.00"), "due_on": f"2026-0{month}-01"} for month in (5, 6, 7)]
    await post(
        site,
        "/v1/commitments",
        "approver",
        on,
        id=name,
        from_fund="n",
        to_party="group",
        amount=usd("9.00"),
        allocation=f"for-{name}",
        tranches=tranches,
    )
    return name


def story(commitment: str, name: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    """A tranche's way to the end, as (path, who, day, body)."""
    path = f"/v1/disbursements/{name}"
    received = {"received": usd("2.75"), "credited": {"amount": "1650", "currency": "XOF"}}
    report = {"id": f"{name}-r", "disbursement": name, "direct": usd("2.75")}
    asked = {"id": name, "commitment": commitment, "tranche": 1}
    return [
        ("/v1/disbursements", "grantee", "2026-04-02", asked),
        (f"{path}/return", "approver", "2026-04-04", {"needs": "documents"}),
        (f"{path}/resubmit", "grantee", "2026-04-07", {}),
        (f"{path}/approve", "approver", "2026-04-08", {}),
        (f"{path}/release", "payer", "2026-04-10", {"report_by": "2026-09-30"}),
        (f"{path}/confirm", "grantee", "2026-04-13", received),
        (f"{path}/resolve", "approver", "2026-04-14", {"outcome": "charges"}),
        (f"/v1/commitments/{commitment}/reports", "grantee", "2026-05-20", report),
        (f"/v1/reports/{name}-r/decide", "approver", "2026-05-25", {}),
    ]


async def test_a_tranche_tells_whose_turn_it_is_until_nobodys(site: Site, signed: str) -> None:
    name = f"{signed}-1"
    turns = []
    for path, who, day, body in story(signed, name):
        await post(site, path, who, day, **body)
        following = (await read(site, name, "grantee"))["next_step"]
        turns.append(following and tuple(following.values()))
    told = await read(site, name)
    assert turns == [
        ("approver", "agent", "disbursement.approve", "2026-05-01", "awaits-approval"),
        ("grantee", "group", "disbursement.resubmit", None, "needs-documents"),
        ("approver", "agent", "disbursement.approve", "2026-05-01", "awaits-approval"),
        ("payer", "agent", "disbursement.release", "2026-05-01", "awaits-payment"),
        ("grantee", "group", "disbursement.confirm", None, "awaits-confirmation"),
        ("approver", "agent", "disbursement.resolve", None, "arrived-short"),
        ("grantee", "group", "report.submit", "2026-09-30", "awaits-report"),
        ("approver", "agent", "report.decide", None, "awaits-decision"),
        None,
    ]
    assert (told["status"], told["charged"]) == ("reported", usd("0.25"))
    assert told["original"] == {"amount": "1650", "currency": "XOF"}
    assert told["days"] == {
        "requested": 3,
        "returned": 3,
        "approved": 2,
        "released": 3,
        "confirmed": 42,
        "to_release": 8,
        "to_cash": 11,
    }
    assert [(step["status"], step["on"], step["role"]) for step in told["steps"]] == [
        ("requested", "2026-04-02", "grantee"),
        ("returned", "2026-04-04", "approver"),
        ("requested", "2026-04-07", "grantee"),
        ("approved", "2026-04-08", "approver"),
        ("released", "2026-04-10", "payer"),
        ("confirmed", "2026-04-13", "grantee"),
        ("confirmed", "2026-04-14", "approver"),
        ("reported", "2026-05-25", "approver"),
    ]


async def test_a_commitment_tells_where_each_tranche_stands(site: Site, signed: str) -> None:
    name = f"{signed}-2"
    asked = {"id": name, "commitment": signed, "tranche": 2}
    await post(site, "/v1/disbursements", "grantee", "2026-04-02", **asked)
    answer = await site.get(f"/v1/commitments/{signed}", "grantee")
    told = answer.json()["progress"]
    assert [(step["tranche"], step["status"], step["disbursement"]) for step in told] == [
        (1, "scheduled", ""),
        (2, "requested", name),
        (3, "scheduled", ""),
    ]
    assert [step["next_step"]["action"] for step in told] == [
        "disbursement.request",
        "disbursement.approve",
        "disbursement.request",
    ]
    assert (told[0]["amount"], told[0]["due_on"]) == (usd("3.00"), "2026-05-01")
    assert (await site.get("/v1/commitments/c")).json()["progress"] == []


async def test_a_reserved_tranche_cannot_be_paid_twice(site: Site, signed: str) -> None:
    on = {"effective_on": "2026-04-02"}
    asked = {"id": f"{signed}-1", "commitment": signed, "tranche": 1, **on}
    path = f"/v1/disbursements/{signed}-1"
    assert (await site.post("/v1/disbursements", asked)).status_code == 201
    again = {**asked, "id": f"{signed}-1b"}
    problem(await site.post("/v1/disbursements", again), "tranche-taken", 409)
    problem(await site.post(f"{path}/release", on, "payer"), "disbursement-state", 409)
    assert (await site.post(f"{path}/approve", on, "approver")).status_code == 201
    problem(await site.post(f"{path}/approve", on, "approver"), "disbursement-state", 409)
    assert (await site.post(f"{path}/release", on, "payer")).status_code == 201
    problem(await site.post(f"{path}/release", on, "payer"), "disbursement-state", 409)
    more = {**on, "received": usd("3.01")}
    problem(await site.post(f"{path}/confirm", more, "grantee"), "confirm-exceeds", 409)
    other = {**on, "received": {"amount": "3.00", "currency": "EUR"}}
    problem(await site.post(f"{path}/confirm", other, "grantee"), "currency-not-fund", 422)
    same = {**on, "credited": usd("3.00")}
    problem(await site.post(f"{path}/confirm", same, "grantee"), "credited-needless", 422)
    nothing = {**on, "received": usd("0.00")}
    problem(await site.post(f"{path}/confirm", nothing, "grantee"), "amount-zero", 422)
    problem(await site.post(f"{path}/return", on, "approver"), "field-missing", 422)
    odd = {**on, "needs": "a bribe"}
    problem(await site.post(f"{path}/return", odd, "approver"), "field-invalid", 422)
    problem(await site.post("/v1/funds/n/disbursing", {}, "administrator"), "field-missing", 422)


async def test_only_those_concerned_see_it(site: Site, signed: str) -> None:
    asked = {"id": f"{signed}-1", "commitment": signed, "tranche": 1}
    await post(site, "/v1/disbursements", "grantee", "2026-04-02", **asked)
    other = await site.key("grantee", "agent")
    for path in (f"/v1/disbursements/{signed}-1", f"/v1/commitments/{signed}"):
        assert (await site.get(path, "grantee")).status_code == 200
        problem(await site.get(path, other), "not-found", 404)
    problem(await site.post(f"/v1/disbursements/{signed}-1/cancel", {}, other), "party-not-allowed")


async def test_the_tag_still_serves_if_match_though_days_pass(site: Site, signed: str) -> None:
    asked = {"id": f"{signed}-1", "commitment": signed, "tranche": 1}
    await post(site, "/v1/disbursements", "grantee", "2026-04-02", **asked)
    path = f"/v1/disbursements/{signed}-1"
    first = await site.get(path)
    again = await site.get(path, If_None_Match=first.headers["etag"])
    assert (again.status_code, again.json()) == (200, first.json())
    body = {"effective_on": "2026-04-03"}
    tag = first.headers["etag"]
    assert (await site.post(f"{path}/cancel", body, "grantee", If_Match=tag)).status_code == 201
    problem(await site.post(f"{path}/cancel", body, "grantee", If_Match=tag), "stale", 412)


async def test_write_offs_are_listed_for_the_secretariat(site: Site) -> None:
    for verb, key, fields in ADVANCE:
        made = await site.books.do(verb, operator(key), effective_on="2026-04-01", **fields)
        assert made.accepted, verb
    listed = (await site.get("/v1/write-offs?fund=n")).json()["items"]
    assert [(item["id"], item["amount"], item["status"]) for item in listed] == [
        ("wo", usd("1.00"), "proposed")
    ]
    assert (await site.get("/v1/write-offs/wo")).json() == listed[0]
    problem(await site.get("/v1/write-offs", "grantee"), "role-not-allowed", 403)
