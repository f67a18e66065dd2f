"""Chains, the donor's view and the log of reads over HTTP."""

from collections.abc import AsyncIterator

import pytest

from mfm.app.read_log import ReadLog
from tests.web.site import Site, problem, usd

pytestmark = pytest.mark.anyio

ON = {"effective_on": "2026-04-02"}


async def test_the_chain_is_what_is_written_down(site: Site) -> None:
    told = await site.get("/v1/chain?id=donor&direction=down", "donor")
    assert told.status_code == 200, told.text
    chain = told.json()
    assert set(chain) == {"root", "edges", "boundary"}
    assert chain["root"] == "donor"
    first = chain["edges"][0]
    assert first == {
        "from": "donor",
        "to": "g",
        "commitment": "c",
        "stage": "received",
        "amount": usd("990000.00"),
        "fee": usd("9900.00"),
        "days": 0,
    }
    assert chain["boundary"] == {
        "incoming": usd("990000.00"),
        "internal": usd("535000.00"),
        "outgoing": usd("39590.00"),
    }
    assert (await site.get("/v1/chain?id=donor", "donor")).json() == chain  # down unless told
    up = (await site.get("/v1/chain?id=w&direction=up", "grantee")).json()
    assert [edge["commitment"] for edge in up["edges"]] == ["w", "t", "c"]


async def test_a_chain_is_read_page_by_page(site: Site) -> None:
    whole = (await site.get("/v1/chain?id=g")).json()
    path, edges, pages = "/v1/chain?id=g&limit=1", [], 0
    while path:
        response = await site.get(path)
        told = response.json()
        assert told["boundary"] == whole["boundary"]
        assert len(told["edges"]) == 1
        edges += told["edges"]
        path = response.links.get("next", {}).get("url", "")
        assert bool(path) == ("next" in told)
        pages += 1
    assert edges == whole["edges"]
    assert pages == len(edges) > 1


async def test_what_is_wrong_with_asking(site: Site) -> None:
    for query, code, status in (
        ("", "query-invalid", 400),
        ("?id=", "query-invalid", 400),
        ("?id=g&direction=sideways", "query-invalid", 400),
        ("?id=g&limit=0", "query-invalid", 400),
        ("?id=g&limit=501", "query-invalid", 400),
        ("?id=g&depth=1", "query-invalid", 400),
        ("?id=g&cursor=xyz", "cursor-invalid", 400),
        ("?id=nowhere", "not-found", 404),
        ("?id=fund:c", "not-found", 404),
        ("?id=fund:fund:g", "not-found", 404),
        (f"?id={'x' * 81}", "query-invalid", 400),
        ("?id=%00", "query-invalid", 400),
        ("?id=g&currency=EUR", "chain-currencies", 422),
    ):
        problem(await site.get(f"/v1/chain{query}"), code, status)
    problem(await site.get("/v1/chain?id=g", "grantee"), "not-found", 404)
    other = (await site.get("/v1/chain?id=g&limit=1")).json()["next"]
    problem(await site.get(f"/v1/chain?id=n&limit=1&cursor={other}"), "cursor-invalid", 400)


async def test_the_donor_sees_what_became_of_its_money(site: Site) -> None:
    told = await site.get("/v1/donors/donor/money", "donor")
    assert told.status_code == 200, told.text
    view = told.json()
    (total,) = view["totals"]
    became = sum(round(100 * float(each["amount"])) for each in total["became"].values())
    assert became == round(100 * float(total["received"]["amount"]))
    assert [each["fund"] for each in view["funds"]] == ["g", "n"]
    problem(await site.get("/v1/donors/group/money", "donor"), "not-found", 404)
    problem(await site.get("/v1/donors/donor/money", "grantee"), "role-not-allowed", 403)
    problem(await site.get("/v1/donors/nobody/money"), "not-found", 404)


async def test_allocations_by_donor_reach_down_the_chain(site: Site) -> None:
    await site.post("/v1/parties", {"id": "giver", "name": "Giver"})
    for body in (
        {"id": "c9", "from_party": "giver", "to_fund": "n", "amount": usd("50.00")},
        {"id": "c8", "from_party": "giver", "to_fund": "g", "amount": usd("50.00")},
    ):
        assert (await site.post("/v1/commitments", body | ON, "approver")).status_code == 201
        paid = {"commitment": body["id"], "amount": usd("50.00")}
        assert (await site.post("/v1/deposits", paid | ON)).status_code == 201
    named = {"id": "a9", "fund": "n", "amount": usd("20.00")}
    shares = {"shares": [{"contribution": "c9", "amount": usd("20.00")}]}
    assert (await site.post("/v1/allocations", named | shares | ON, "board")).status_code == 201

    async def ids(who: str, query: str = "") -> list[str]:
        response = await site.get(f"/v1/allocations{query}", who)
        assert response.status_code == 200, response.text
        return [item["id"] for item in response.json()["items"]]

    giver = await site.key("donor", "giver")
    assert await ids("auditor") == ["ag", "an", "a9"]
    assert await ids("donor") == await ids("auditor", "?donor=donor") == ["ag", "an"]
    assert await ids(giver) == await ids("auditor", "?donor=giver") == ["a9"]
    assert await ids("auditor", "?donor=donor&fund=n") == ["an"]
    assert await ids("donor", "?donor=giver") == []
    assert await ids("auditor", "?donor=nobody") == []
    assert (await site.get("/v1/allocations/an", "donor")).status_code == 200
    problem(await site.get("/v1/allocations/a9", "donor"), "not-found", 404)
    problem(await site.get("/v1/allocations", "grantee"), "role-not-allowed", 403)


# The log of reads ---------------------------------------------------------------------------------


@pytest.fixture
async def log(site: Site) -> AsyncIterator[ReadLog]:
    made = ReadLog(site.books.url, site.books.mechanism)
    site.services.read_log = made
    try:
        yield made
    finally:
        site.services.read_log = None
        await made.close()


async def test_reads_are_logged_and_writes_are_not(site: Site, log: ReadLog) -> None:
    await site.get("/v1/funds/g/statement?as_of=2026-04-01", "donor")
    await site.get("/v1/commitments?limit=2", "auditor")
    await site.get("/v1/chain?id=c", "donor")
    await site.get("/v1/funds/g/statement", "grantee")  # it was not told anything
    await site.get("/v1/funds/nowhere", "donor")
    await site.get("/health/live", "")
    await site.get("/openapi.json", "donor")
    await site.post("/v1/parties", {"name": "New"})
    log.start()
    await log.close()
    told = (await site.get("/v1/reads")).json()
    assert [(e["party"], e["role"], e["action"], e["subject"]) for e in told["items"]] == [
        ("donor", "donor", "statement.read", "/v1/funds/g/statement?as_of=2026-04-01"),
        ("agent", "auditor", "commitment.read", "/v1/commitments?limit=2"),
        ("donor", "donor", "chain.read", "/v1/chain?id=c"),
    ]
    assert [each["items"] for each in told["items"]] == [1, 2, 3]
    assert all(each["key"] not in ("", site.keys["donor"]) for each in told["items"])
    assert log.waiting == 0  # reading the log leaves no note: its pages come to an end
    mine = (await site.get("/v1/reads?party=donor&action=chain.read")).json()["items"]
    assert [each["subject"] for each in mine] == ["/v1/chain?id=c"]
    path, found = "/v1/reads?limit=1", []
    while path:
        response = await site.get(path)
        found += response.json()["items"]
        path = response.links.get("next", {}).get("url", "")
    assert found == told["items"]
    for who in ("donor", "administrator", "preparer"):
        problem(await site.get("/v1/reads", who), "role-not-allowed", 403)
    problem(await site.get("/v1/reads?until=now"), "query-invalid", 400)


async def test_what_the_log_loses_is_shown(site: Site, log: ReadLog) -> None:
    log.lost = 5
    await site.get("/v1/funds", "donor")
    text = (await site.get("/metrics", "")).text
    assert "mfm_read_log_lost 5.0" in text
    assert "mfm_read_log_waiting 1.0" in text
