"""Writing: done once whatever is repeated, refused on the record, many at a time."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import json

from mfm.app.context import utc_now
from mfm.web import services
from tests.web.site import Site, problem, usd, voucher

pytestmark = pytest.mark.anyio

ON = {"effective_on": "2026-04-01"}


def overdraft(**more: object) -> dict[str, Any]:
    """Return a voucher of more than the fund has."""
    return voucher("999999999.00", **more)


async def test_a_repeated_request_gets_the_same_answer(site: Site) -> None:
    body = {"name": "Peace Radio", "kind": "22", "country": "KE"}
    first = await site.post("/v1/parties", body, Idempotency_Key="once")
    head = await site.head()
    second = await site.post("/v1/parties", body, Idempotency_Key="once")
    quoted = await site.post("/v1/parties", body, Idempotency_Key='"once"')
    assert first.status_code == second.status_code == quoted.status_code == 201
    assert first.content == second.content == quoted.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert first.headers["etag"] == second.headers["etag"] == f'"{first.json()["seq"]}"'
    assert first.headers["location"] == second.headers["location"]
    assert await site.head() == head
    made = await site.get(first.headers["location"])
    assert made.json() == first.json()["changed"]["party"][0]
    assert made.headers["etag"] == first.headers["etag"]
    record = (await site.get(first.json()["record"])).json()
    assert record["seq"] == first.json()["seq"]
    assert record["body"]["command"]["name"] == "Peace Radio"


@pytest.mark.parametrize(
    ("path", "body", "other", "at"),
    [
        ("/v1/entries", voucher("1.00"), voucher("2.00"), "/lines"),
        ("/v1/entries", voucher("1.00"), voucher("1.00", effective_on="2026-04-02"), "*"),
        ("/v1/entries", voucher("1.00"), voucher("1.00", description="x"), "/description"),
        ("/v1/entries", voucher("1.00"), voucher("1.00", fund="n"), "/fund"),
        ("/v1/parties", {"name": "A"}, {"name": "B"}, "/name"),
        ("/v1/parties", {"name": "A"}, {"name": "A", "id": "other-a"}, "/id"),
    ],
)
async def test_a_key_means_one_request_for_ever(
    site: Site, path: str, body: object, other: object, at: str
) -> None:
    key = f"one-{path}-{at}"
    first = await site.post(path, body, Idempotency_Key=key)
    assert first.status_code == 201, first.text
    head = await site.head()
    told = problem(await site.post(path, other, Idempotency_Key=key), "key-reused", 409)
    assert str(first.json()["seq"]) in told["detail"]
    if at != "*":
        assert told["errors"][0]["pointer"] == at
    again = await site.post("/v1/pledges/p/lapse", {}, Idempotency_Key=key)
    problem(again, "key-reused", 409)
    assert await site.head() == head
    assert (await site.post(path, body, Idempotency_Key=key)).content == first.content


async def test_keys_belong_to_the_acting_party(site: Site) -> None:
    pledge = {"fund": "g", "donor": "donor", "amount": usd("5.00"), **ON}
    by_agent = await site.post("/v1/pledges", pledge, Idempotency_Key="shared")
    by_donor = await site.post("/v1/pledges", pledge, "donor", Idempotency_Key="shared")
    assert by_agent.status_code == by_donor.status_code == 201
    assert by_agent.json()["seq"] != by_donor.json()["seq"]


LATE = voucher("9.00", effective_on="1960-01-01")
TOO_MUCH = {"fund": "g", "amount": usd("9999999.00"), **ON}


@pytest.mark.parametrize(
    ("path", "who", "body", "code"),
    [
        ("/v1/entries", "preparer", overdraft(), "balance-floor"),
        ("/v1/entries", "preparer", LATE, "period-closed"),
        ("/v1/disbursements/dw/approve", "approver", ON, "disbursement-state"),
        ("/v1/refunds/f/receive", "payer", ON, "refund-state"),
        ("/v1/pledges/p/lapse", "preparer", ON, "pledge-ended"),
        ("/v1/deposits/d/fee", "preparer", ON, "fee-charged"),
        ("/v1/allocations", "board", TOO_MUCH, "authority-exceeded"),
    ],
)
async def test_what_the_rules_decide_is_recorded_and_stays_decided(
    site: Site, path: str, who: str, body: object, code: str
) -> None:
    head = await site.head()
    key = f"decided-{code}"
    first = await site.post(path, body, who, Idempotency_Key=key)
    told = problem(first, code, 409)
    assert told["record"] == head + 1 == await site.head()
    there = f"/v1/records/{told['record']}"
    links = f'<{there}>; rel="describedby", <{there}/receipt>; rel="receipt"'
    assert first.headers["link"] == links
    record = (await site.get(f"/v1/records/{told['record']}")).json()
    assert record["outcome"] == "refused"
    assert record["body"]["refusal"]["code"] == code
    assert "postings" not in record["body"]
    second = await site.post(path, body, who, Idempotency_Key=key)
    assert second.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await site.head() == head + 1


async def test_a_key_for_one_fund_stays_in_it(site: Site) -> None:
    secret = await site.key("preparer", fund="n")
    head = await site.head()
    problem(await site.post("/v1/entries", voucher("1.00"), secret), "fund-not-allowed", 403)
    problem(await site.post("/v1/pledges/p/lapse", {}, secret), "fund-not-allowed", 403)
    assert await site.head() == head
    mine = {"fund": "n", "donor": "donor", "amount": usd("5.00"), **ON}
    assert (await site.post("/v1/pledges", mine, secret)).status_code == 201


async def test_a_party_acts_for_itself_alone(site: Site) -> None:
    other = await site.key("grantee", "agent")
    head = await site.head()
    pledge = {"fund": "g", "donor": "agent", "amount": usd("5.00"), **ON}
    problem(await site.post("/v1/pledges", pledge, "donor"), "party-not-allowed", 403)
    asked = {"commitment": "w", "tranche": 2, **ON}
    problem(await site.post("/v1/disbursements", asked, other), "party-not-allowed", 403)
    assert await site.head() == head


async def test_an_approver_cannot_undo_what_administrators_did(site: Site) -> None:
    secret = await site.key("payer")
    made = (await site.get("/v1/records?verb=key.create&limit=500")).json()["items"][-1]
    key = made["body"]["sets"]["api_key"][0]["id"]
    revoked = await site.post(f"/v1/keys/{key}/revoke", who="administrator")
    assert revoked.status_code == 201
    undo = await site.post(f"/v1/records/{revoked.json()['seq']}/reverse", who="approver")
    problem(undo, "record-final", 409)
    problem(await site.get("/v1/parties", secret), "key-unknown", 401)
    period = {"open_from": "1980-01-01"}
    closed = await site.post("/v1/funds/g/period", period, "administrator")
    undo = await site.post(f"/v1/records/{closed.json()['seq']}/reverse", who="approver")
    problem(undo, "record-final", 409)


async def test_if_match_holds_off_who_read_something_older(site: Site) -> None:
    pledge = {"id": "match", "fund": "g", "donor": "donor", "amount": usd("10.00"), **ON}
    tag = (await site.post("/v1/pledges", pledge)).headers["etag"]
    lapse = {"amount": usd("4.00"), **ON}
    first = await site.post("/v1/pledges/match/lapse", lapse, If_Match=tag, Idempotency_Key="m1")
    assert first.status_code == 201
    problem(await site.post("/v1/pledges/match/lapse", lapse, If_Match=tag), "stale", 412)
    again = await site.post("/v1/pledges/match/lapse", lapse, If_Match=tag, Idempotency_Key="m1")
    assert again.content == first.content  # a repetition is answered, stale or not
    for fresh in (first.headers["etag"], "*"):
        answer = await site.post(
            "/v1/pledges/match/lapse", lapse | {"amount": usd("1.00")}, If_Match=fresh
        )
        assert answer.status_code == 201
    left = (await site.get("/v1/pledges/match")).json()
    assert left["outstanding"] == usd("4.00")


async def batch(site: Site, *entries: dict[str, Any]) -> list[dict[str, Any]]:
    """Post a batch and return its outcomes."""
    response = await site.post("/v1/entries:batch", {"entries": list(entries)})
    assert response.status_code == 200, response.text
    told: list[dict[str, Any]] = response.json()["outcomes"]
    assert [each["key"] for each in told] == [each["key"] for each in entries]
    return told


async def test_each_item_of_a_batch_has_its_own_outcome(site: Site) -> None:
    head = await site.head()
    entries = [
        voucher("1.00", key="b1"),
        voucher("0.00", key="b2"),
        overdraft(key="b3"),
        voucher("1.00", fund="nowhere", key="b4"),
        voucher("2.00", key="b5"),
        voucher("1.00", key="b1"),
        voucher("3.00", key="b1"),
    ]
    told = await batch(site, *entries)
    assert [each["outcome"] for each in told] == [
        "accepted",
        "invalid",
        "refused",
        "invalid",
        "accepted",
        "accepted",
        "invalid",
    ]
    assert [each.get("seq") for each in told] == [
        head + 1,
        None,
        head + 2,
        None,
        head + 3,
        head + 1,
        None,
    ]
    codes = [each["problem"]["code"] for each in told if "problem" in each]
    assert codes == ["amount-zero", "balance-floor", "not-found", "key-reused"]
    assert told[1]["problem"]["errors"][0]["pointer"] == "/lines/0/debit/amount"
    assert told[2]["problem"]["record"] == head + 2
    assert await site.head() == head + 3
    assert await batch(site, *entries) == told
    assert await site.head() == head + 3
    single = await site.post("/v1/entries", voucher("1.00"), Idempotency_Key="b1")
    assert single.json()["seq"] == head + 1


async def test_a_linked_group_is_posted_whole_or_not_at_all(site: Site) -> None:
    head = await site.head()
    told = await batch(
        site,
        voucher("1.00", key="g1", group="a"),
        overdraft(key="g2", group="a"),
        voucher("1.00", key="g3", group="b"),
        voucher("1.00", key="g4", group="b"),
        voucher("1.00", key="g5", group="c"),
        voucher("0", key="g6", group="c"),
    )
    assert [each["outcome"] for each in told] == [
        "refused",
        "refused",
        "accepted",
        "accepted",
        "invalid",
        "invalid",
    ]
    codes = [each["problem"]["code"] for each in told if "problem" in each]
    assert codes == ["linked-failed", "balance-floor", "linked-failed", "amount-zero"]
    assert await site.head() == head + 4
    torn = [voucher("1.00", key=f"t{at}", group=group) for at, group in enumerate("aba")]
    problem(await site.post("/v1/entries:batch", {"entries": torn}), "group-split", 422)
    assert await site.head() == head + 4


async def test_text_is_kept_in_one_normal_form(site: Site) -> None:
    composed, apart = "Réseau de paix", "Re\u0301seau de paix"
    escaped = apart.encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00")
    first = await site.post("/v1/parties", {"name": composed}, Idempotency_Key="nfc")
    second = await site.post("/v1/parties", {"name": apart}, Idempotency_Key="nfc")
    third = await site.post("/v1/parties", b'{"name":"' + escaped + b'"}', Idempotency_Key="nfc")
    assert first.status_code == 201
    assert first.content == second.content == third.content
    assert first.json()["changed"]["party"][0]["name"] == composed
    for odd in (r"A \\u0301 \"quoted\" \u0022 \/ \n", r"\ud83d\ude00 \u0041", r"\\\u00e9"):
        body = f'{{"name":"{odd}"}}'.encode()
        told = (await site.post("/v1/parties", body)).json()["changed"]["party"][0]["name"]
        assert told == json.decode(f'"{odd}"')


async def test_who_keeps_being_refused_is_held_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, other = await site.key("preparer"), await site.key("preparer")
    entries = [overdraft(key=f"often-{at}") for at in range(services._REFUSALS_BURST)]
    answer = await site.post("/v1/entries:batch", {"entries": entries}, secret)
    assert {each["outcome"] for each in answer.json()["outcomes"]} == {"refused"}
    now = utc_now()
    monkeypatch.setattr(services, "utc_now", lambda: now)
    head = await site.head()
    for path in ("/v1/entries", "/v1/entries:batch"):
        held = await site.post(path, voucher("1.00"), secret)
        problem(held, "refused-too-often", 429)
        assert int(held.headers["retry-after"]) > 0
    assert await site.head() == head
    assert (await site.get("/v1/parties", secret)).status_code == 200  # reading is not refused
    assert (await site.post("/v1/entries", voucher("1.00"), other)).status_code == 201
    later = now + timedelta(seconds=1)
    monkeypatch.setattr(services, "utc_now", lambda: later)
    assert (await site.post("/v1/entries", voucher("1.00"), secret)).status_code == 201
