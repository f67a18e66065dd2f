"""Lists: every item once, in order, as far as the reader's role reaches."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest

from mfm.web import cursors
from tests.web.site import CURSOR_KEY, Site, problem, usd, voucher

pytestmark = pytest.mark.anyio

LISTS = (
    "parties",
    "funds",
    "pledges",
    "commitments",
    "deposits",
    "allocations",
    "disbursements",
    "reports",
    "refunds",
    "keys",
    "records",
)


async def walk(site: Site, path: str, who: str = "auditor") -> list[list[dict[str, object]]]:
    """Return every page of a list, following its links."""
    pages = []
    while path:
        response = await site.get(path, who)
        assert response.status_code == 200, response.text
        pages.append(response.json()["items"])
        link = response.links.get("next", {}).get("url", "")
        assert bool(link) == ("next" in response.json())
        path = link
        assert len(pages) < 1_000
    return pages


@pytest.mark.parametrize("name", LISTS)
async def test_the_pages_of_a_list_are_the_list(site: Site, name: str) -> None:
    whole = (await site.get(f"/v1/{name}?limit=500")).json()["items"]
    assert whole
    for limit in (1, 3):
        pages = await walk(site, f"/v1/{name}?limit={limit}")
        assert all(len(page) <= limit for page in pages)
        assert [item for page in pages for item in page] == whole
    assert [item["seq"] for item in whole] == sorted(item["seq"] for item in whole)
    seq = whole[len(whole) // 2]["seq"]
    later = (await site.get(f"/v1/{name}?updated_since_seq={seq}")).json()["items"]
    assert later == [item for item in whole if item["seq"] > seq]


async def test_a_list_is_whole_while_others_write(site: Site) -> None:
    for at in range(30):
        await site.post("/v1/parties", {"id": f"early-{at:02}", "name": f"Early {at}"})
    done = asyncio.Event()

    async def write() -> int:
        at = 0
        while not done.is_set():
            at += 1
            await site.post("/v1/parties", {"id": f"late-{at:04}", "name": "Late"})
        return at

    writing = asyncio.create_task(write())
    seen = [item["id"] for page in await walk(site, "/v1/parties?limit=4") for item in page]
    done.set()
    assert await writing
    assert len(seen) == len(set(seen))
    assert {f"early-{at:02}" for at in range(30)} <= set(seen)


async def test_what_changes_while_a_list_is_read_comes_again_at_its_end(site: Site) -> None:
    on = {"effective_on": "2026-04-01"}
    for at in range(4):
        pledge = {"id": f"moved-{at}", "fund": "n", "donor": "donor", "amount": usd("9.00"), **on}
        assert (await site.post("/v1/pledges", pledge)).status_code == 201
    first = await site.get("/v1/pledges?fund=n&limit=2")
    assert [item["id"] for item in first.json()["items"]] == ["moved-0", "moved-1"]
    await site.post("/v1/pledges/moved-0/lapse", {"amount": usd("1.00"), **on})
    rest = await walk(site, first.links["next"]["url"])
    assert [item["id"] for page in rest for item in page] == ["moved-2", "moved-3", "moved-0"]


async def test_filters_narrow_and_stay_in_the_link(site: Site) -> None:
    odd = "XM-DAC-A&B=1+é"
    for at in range(3):
        body = {"id": f"odd-{at}", "name": "Odd", "identifier": f"{odd}", "country": "KE"}
        first = await site.post("/v1/parties", body)
        if at:
            problem(first, "party-exists", 409)
    for at in range(3):
        await site.post("/v1/parties", {"id": f"ke-{at}", "name": "K", "country": "KE"})
    pages = await walk(site, "/v1/parties?country=KE&limit=2")
    assert [item["id"] for page in pages for item in page] == ["odd-0", "ke-0", "ke-1", "ke-2"]
    response = await site.client.get(
        "/v1/parties", params={"identifier": odd, "limit": 1}, headers=site.headers("auditor")
    )
    assert [item["id"] for item in response.json()["items"]] == ["odd-0"]
    assert parse_qs(urlsplit(response.links["next"]["url"]).query)["identifier"] == [odd]
    assert await walk(site, response.links["next"]["url"]) == [[]]
    assert (await site.get("/v1/parties?country=XX")).json() == {"items": []}
    verbs = (await site.get("/v1/records?verb=fund.open")).json()["items"]
    assert {record["body"]["verb"] for record in verbs} == {"fund.open"}
    moved = (await site.get("/v1/records?fund=n&verb=disbursement.release")).json()["items"]
    assert len(moved) == 2


async def test_cursors_are_ours_and_of_one_list(site: Site) -> None:
    cursor = (await site.get("/v1/parties?limit=1")).json()["next"]
    assert (await site.get(f"/v1/parties?limit=2&cursor={cursor}")).status_code == 200
    flipped = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    other = cursors.sign(bytes(32), "/v1/parties?[]0", (1, "donor"))
    odd = cursors.sign(CURSOR_KEY, "/v1/parties?[]0", (1, "donor"))
    assert (await site.get(f"/v1/parties?cursor={odd}")).status_code == 200
    wrong = [
        f"/v1/parties?cursor={bad}"
        for bad in (flipped, cursor[:-2], cursor + "AA", "x", "%00", "%C3%A9", "A" * 9_999, other)
    ]
    wrong += [f"/v1/{name}?cursor={cursor}" for name in ("funds", "records", "pledges")]
    wrong += [f"/v1/parties?country=KE&cursor={cursor}"]
    wrong += [f"/v1/parties?updated_since_seq=1&cursor={cursor}"]
    wrong += [f"/v1/funds/g/accounts/1100/history?cursor={cursor}"]
    for path in wrong:
        code = "query-invalid" if "%00" in path else "cursor-invalid"
        problem(await site.get(path), code, 400)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=1.0",
        "limit=",
        "limit=x",
        "limit=%D9%A3",
        "limit=99999999999999999999999",
        "limit=1&limit=2",
        "updated_since_seq=-1",
        "updated_since_seq=9007199254740993",
        "nonsense=1",
        "offset=3",
        "Limit=3",
        "%FF=1",
        "country=%00",
    ],
)
async def test_wrong_queries(site: Site, query: str) -> None:
    problem(await site.get(f"/v1/parties?{query}"), "query-invalid", 400)


async def test_the_largest_numbers_are_only_far_away(site: Site) -> None:
    for name in LISTS:
        told = await site.get(f"/v1/{name}?limit=500&updated_since_seq=9007199254740992")
        assert told.json() == {"items": []}, name
    problem(await site.get("/v1/records/999999999999999999"), "not-found", 404)


async def test_a_donor_sees_what_is_its_own(site: Site) -> None:
    await site.post("/v1/parties", {"id": "donor-2", "name": "Another donor"})
    other = await site.key("donor", "donor-2")
    for name in ("pledges", "commitments", "deposits"):
        mine = (await site.get(f"/v1/{name}", "donor")).json()["items"]
        assert mine, name
        if name != "deposits":
            assert {item.get("donor") or item["from_party"] for item in mine} == {"donor"}
        assert (await site.get(f"/v1/{name}", other)).json()["items"] == []
        problem(await site.get(f"/v1/{name}/{mine[0]['id']}", other), "not-found", 404)
        told = (await site.get(f"/v1/{name}/{mine[0]['id']}", "donor")).json()
        assert told.items() >= mine[0].items()  # its own address may tell more
    problem(await site.get("/v1/commitments/w", "donor"), "not-found", 404)


async def test_a_grantee_sees_what_is_its_own(site: Site) -> None:
    await site.post("/v1/parties", {"id": "group-2", "name": "Another group"})
    other = await site.key("grantee", "group-2")
    for name, one in (
        ("commitments", "w"),
        ("disbursements", "dw"),
        ("reports", "r"),
        ("refunds", "f"),
    ):
        mine = (await site.get(f"/v1/{name}", "grantee")).json()["items"]
        assert [item["id"] for item in mine] == [one]
        assert (await site.get(f"/v1/{name}", other)).json()["items"] == []
        problem(await site.get(f"/v1/{name}/{one}", other), "not-found", 404)
    problem(await site.get("/v1/commitments/c", "grantee"), "not-found", 404)


async def test_a_key_for_one_fund_sees_that_fund(site: Site) -> None:
    secret = await site.key("preparer", fund="n")
    for name in (
        "pledges",
        "commitments",
        "deposits",
        "allocations",
        "disbursements",
        "reports",
        "refunds",
    ):
        everything = (await site.get(f"/v1/{name}?limit=500")).json()["items"]
        seen = (await site.get(f"/v1/{name}?limit=500", secret)).json()["items"]
        fields = ("fund", "from_fund", "to_fund")
        mine = [each for each in everything if "n" in {each.get(field) for field in fields}]
        assert seen == mine, name
        for each in everything:
            answer = await site.get(f"/v1/{name}/{each['id']}", secret)
            assert answer.status_code == (200 if each in mine else 404)
    for record in (await site.get("/v1/records", secret)).json()["items"]:
        assert "n" in {link["fund"] for link in record["chain"]}
    elsewhere = (await site.get("/v1/records?verb=deposit.receive")).json()["items"][0]["seq"]
    problem(await site.get(f"/v1/records/{elsewhere}", secret), "not-found", 404)
    assert (await site.get("/v1/records?fund=g&verb=deposit.receive", secret)).json()["items"] == []
    assert (await site.get("/v1/funds/n/statement", secret)).status_code == 200
    for path in ("statement", "accounts/1100", "accounts/1100/history"):
        problem(await site.get(f"/v1/funds/g/{path}", secret), "fund-not-allowed", 403)


async def test_an_unchanged_noun_is_not_sent_again(site: Site) -> None:
    first = await site.get("/v1/funds/g")
    tag = first.headers["etag"]
    for seen in (tag, f"W/{tag}", f'"0", {tag}'):
        same = await site.get("/v1/funds/g", If_None_Match=seen)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert (await site.get("/v1/funds/g", If_None_Match='"0"')).json() == first.json()
    problem(await site.get("/v1/funds/nowhere", If_None_Match=tag), "not-found", 404)


async def test_a_history_is_read_page_by_page_as_known_at_its_first(site: Site) -> None:
    for _ in range(5):
        await site.post("/v1/entries", voucher("0.01"))
    for query in ("", "&subject=main", "&as_of=2026-04-01", "&currency=USD"):
        path = f"/v1/funds/g/accounts/1100/history?limit=2{query}"
        whole = (await site.get(path.replace("limit=2", "limit=500"))).json()
        rows, closing = [], whole["opening"]
        while path:
            response = await site.get(path)
            assert response.status_code == 200, response.text
            told = response.json()
            assert told["opening"] == closing
            assert told["known_at"] == whole["known_at"]
            rows += told["rows"]
            closing = told["closing"]
            path = response.links.get("next", {}).get("url", "")
            if path:  # what comes meanwhile is not of this history
                await site.post("/v1/entries", voucher("0.01"))
        assert rows == whole["rows"]
        assert closing == whole["closing"]
    problem(await site.get("/v1/funds/g/accounts/1100/history?after=5"), "query-invalid", 400)
    problem(await site.get("/v1/funds/g/accounts/1234/history"), "account-unknown")


async def test_statements_and_totals_come_as_csv_too(site: Site) -> None:
    for path in ("/v1/funds/g/statement", "/v1/funds/g/accounts/1100/history", "/v1/totals"):
        told = await site.get(path, Accept="text/csv")
        assert told.headers["content-type"] == "text/csv; charset=utf-8"
        heading, *rows = told.text.splitlines()
        assert rows
        assert all(line.count(",") >= heading.count(",") for line in rows)
    for path, code in (
        ("/v1/funds/g/statement?known_at=999999999", "field-invalid"),
        ("/v1/funds/g/statement?known_at=-1", "query-invalid"),
        ("/v1/funds/g/statement?as_of=yesterday", "query-invalid"),
        ("/v1/funds/g/statement?as_at=2026-01-01", "query-invalid"),
        ("/v1/funds/g/statement?currency=EUR", "currency-not-fund"),
        ("/v1/funds/nowhere/statement", "not-found"),
        ("/v1/totals?by=fund", "query-invalid"),
        ("/v1/totals?of=fund", "query-invalid"),
    ):
        problem(await site.get(path), code)
