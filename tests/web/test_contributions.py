"""Money in over HTTP: who may, what it answers, and what bad input is told."""

import pytest

from tests.web.site import Site, problem, usd

pytestmark = pytest.mark.anyio
RECEIPT = {"id": "u", "fund": "g", "amount": usd("25.00")}


async def test_a_receipt_becomes_a_deposit_under_its_own_address(site: Site) -> None:
    made = await site.post("/v1/unidentified-receipts", RECEIPT)
    assert made.headers["location"] == "/v1/unidentified-receipts/u"
    signed = {"id": "c9", "from_party": "donor", "to_fund": "g", "amount": usd("100.00")}
    assert (await site.post("/v1/commitments", signed, "approver")).status_code == 201
    placed = {"commitment": "c9", "deposit": "d9"}
    path = "/v1/unidentified-receipts/u/identify"
    etag = made.headers["etag"]
    answer = await site.post(path, placed, If_Match=etag)
    assert answer.headers["location"] == "/v1/deposits/d9"
    problem(await site.post(path, placed, If_Match=etag), "stale", 412)
    told = (await site.get("/v1/unidentified-receipts?status=identified")).json()["items"]
    assert [(item["id"], item["deposit"], item["amount"]) for item in told] == [
        ("u", "d9", usd("25.00"))
    ]
    contribution = (await site.get("/v1/commitments/c9", "donor")).json()
    assert (contribution["status"], contribution["paid"]) == ("partly_received", usd("25.00"))


async def test_a_donor_sees_its_own_refunds_and_gifts_and_no_suspense(site: Site) -> None:
    decided = await site.post(
        "/v1/donor-refunds", {"id": "x", "commitment": "c", "amount": usd("5.00")}, "approver"
    )
    assert decided.status_code == 201
    paid = await site.post("/v1/donor-refunds/x/pay", {}, "payer")
    assert paid.json()["changed"]["donor_refund"][0]["status"] == "paid"
    given = {"id": "e", "fund": "g", "donor": "donor", "hours": "2", "hour": usd("9.00")}
    assert (await site.post("/v1/in-kind", given, "approver")).status_code == 201
    for path, found in (("/v1/donor-refunds", "x"), ("/v1/in-kind", "e")):
        told = (await site.get(path, "donor")).json()["items"]
        assert [item["id"] for item in told] == [found]
        other = await site.key("donor", "group")
        assert (await site.get(path, other)).json()["items"] == []
    problem(await site.get("/v1/unidentified-receipts", "donor"), "role-not-allowed", 403)


BAD = {
    "hours of a float": ("/v1/in-kind", {"hours": 1.5}, "float-refused", "/hours"),
    "hours below zero": ("/v1/in-kind", {"hours": "-1"}, "field-invalid", "/hours"),
    "hours with an exponent": ("/v1/in-kind", {"hours": "1e9"}, "field-invalid", "/hours"),
    "no such channel": ("/v1/in-kind", {"channel": "1"}, "field-invalid", "/channel"),
    "no such kind of cost": ("/v1/costs", {"kind": "gift"}, "field-invalid", "/kind"),
    "a cost in another currency": (
        "/v1/costs",
        {"amount": {"amount": "1.00", "currency": "EUR"}},
        "currency-not-fund",
        "/amount/currency",
    ),
    "a share that is nobody's": (
        "/v1/costs",
        {"shares": [{"contribution": "nobody", "amount": usd("1.00")}]},
        "",
        "",
    ),
    "a receipt without its rate": (
        "/v1/unidentified-receipts",
        {"amount": {"amount": "1.00", "currency": "EUR"}},
        "rate-missing",
        "/rate",
    ),
    "a receipt at no rate": (
        "/v1/unidentified-receipts",
        {"amount": {"amount": "1.00", "currency": "EUR"}, "rate": "0"},
        "rate-malformed",
        "/rate",
    ),
    "interest of nothing": ("/v1/interest", {"amount": usd("0")}, "amount-zero", "/amount/amount"),
    "interest of no fund": ("/v1/interest", {"fund": "zz"}, "not-found", "/fund"),
    "a refund of a grant": (
        "/v1/donor-refunds",
        {"commitment": "w"},
        "commitment-kind",
        "/commitment",
    ),
    "a reduction below zero": (
        "/v1/commitments/c/reduce",
        {"amount": usd("-1.00")},
        "amount-negative",
        "/amount/amount",
    ),
    "a reduction borne by nobody": (
        "/v1/commitments/c/reduce",
        {"against": "luck"},
        "field-invalid",
        "/against",
    ),
    "an id that interest has": (
        "/v1/commitments",
        {"id": "interest", "from_party": "donor", "to_fund": "g"},
        "id-taken",
        "/id",
    ),
}
SOUND = {
    "/v1/in-kind": ("approver", {"fund": "g", "donor": "donor", "hours": "1", "hour": usd("1.00")}),
    "/v1/costs": ("payer", {"fund": "g", "kind": "direct", "amount": usd("1.00")}),
    "/v1/unidentified-receipts": ("preparer", {"fund": "g", "amount": usd("1.00")}),
    "/v1/interest": ("preparer", {"fund": "g", "amount": usd("1.00")}),
    "/v1/donor-refunds": ("approver", {}),
    "/v1/commitments/c/reduce": ("approver", {}),
    "/v1/commitments": ("approver", {"amount": usd("1.00")}),
}


@pytest.mark.parametrize("what", BAD)
async def test_bad_input_is_told_where_and_what(site: Site, what: str) -> None:
    path, wrong, code, pointer = BAD[what]
    who, sound = SOUND[path]
    answer = await site.post(path, sound | wrong, who)
    if not code:  # refused by a floor, or as no source: never taken, never a fault of ours
        assert 400 <= answer.status_code < 500
        return
    told = problem(answer, code)
    assert told["errors"][0]["pointer"] == pointer
