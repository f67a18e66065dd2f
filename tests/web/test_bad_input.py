"""Bad input: each kind has a code of its own, and leaves nothing but what the rules decided."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import json

from tests.web.site import Site, problem, usd, voucher

pytestmark = pytest.mark.anyio

TWENTY_MB = 20 * 2**20


def lines(debit: object, credit: object, account: str = "5700") -> dict[str, Any]:
    """Return a voucher of one debit and one credit."""
    one, other = {"account": account, "debit": debit}, {"account": "4900", "credit": credit}
    return {"fund": "g", "lines": [one, other]}


def priced(amount: object) -> dict[str, Any]:
    """Return a voucher with this amount, whatever it is."""
    money = {"amount": amount, "currency": "USD"}
    return lines(money, money)


YEN, DINAR, EURO = ({"amount": "1.00", "currency": each} for each in ("JPY", "KWD", "EUR"))

# What is posted, the code, the status, and the field it points at.
FORM: list[tuple[str, Any, str, int, str]] = [
    ("utf8", b'{"fund":"\xff"}', "utf8-invalid", 400, ""),
    ("utf8 cut short", b'{"fund":"\xe2\x82', "utf8-invalid", 400, ""),
    ("utf16", '{"fund":"g"}'.encode("utf-16"), "utf8-invalid", 400, ""),
    ("byte order mark", b'\xef\xbb\xbf{"fund":"g"}', "json-malformed", 400, ""),
    ("nothing", b"", "json-malformed", 400, ""),
    ("half", b'{"fund":', "json-malformed", 400, ""),
    ("two", 2 * json.encode(voucher()), "json-malformed", 400, ""),
    (
        "key twice",
        json.encode(voucher())[:-1] + b',"fund":"n"}',
        "json-duplicate-key",
        400,
        "/fund",
    ),
    (
        "key twice, escaped",
        json.encode(voucher())[:-1] + rb',"f\u0075nd":"n"}',
        "json-duplicate-key",
        400,
        "/fund",
    ),
    (
        "key twice inside",
        json.encode(voucher()).replace(b'"amount":', b'"amount" : "1.00","amount":', 1),
        "json-duplicate-key",
        400,
        "/lines/0/debit/amount",
    ),
    ("comment", json.encode(voucher()) + b" // yes", "json-malformed", 400, ""),
    ("NaN", b'{"fund":"g","lines":[{"account":"1100","debit":NaN}]}', "json-malformed", 400, ""),
    ("Infinity", b'{"fund":Infinity}', "json-malformed", 400, ""),
    ("half a pair", b'{"fund":"\\ud800"}', "json-malformed", 400, ""),
    ("null character", b'{"fund":"g\\u0000"}', "field-invalid", 422, ""),
    ("array", b"[]", "field-invalid", 422, ""),
    ("deep array", b"[" * 200_000, "field-invalid", 422, ""),
    ("deep object", b'{"lines":' * 200_000, "field-invalid", 422, "/lines"),
    ("deep unknown", b'{"a":' * 200_000, "field-unknown", 422, "/a"),
    ("text", b'"voucher"', "field-invalid", 422, ""),
    ("no lines", {"fund": "g"}, "field-missing", 422, "/lines"),
    ("one line", {"fund": "g", "lines": [{"account": "1100"}]}, "field-invalid", 422, "/lines"),
    ("unknown field", voucher(memo="x"), "field-unknown", 422, "/memo"),
    ("odd field", voucher() | {"a/b": 1}, "field-unknown", 422, ""),
    ("long field", {"x" * 100_000: 1}, "field-unknown", 422, "*"),
    ("number for text", {"fund": 7, "lines": []}, "field-invalid", 422, "/fund"),
    ("null for text", {"fund": None, "lines": []}, "field-invalid", 422, "/fund"),
    ("bad id", voucher(fund="G!"), "field-invalid", 422, "/fund"),
    ("line break in id", voucher(fund="g\n"), "field-invalid", 422, "/fund"),
    ("bad day", voucher(effective_on="2026-02-30"), "field-invalid", 422, "/effective_on"),
    ("day and time", voucher(effective_on="2026-02-03T00:00Z"), "field-invalid", 422, "*"),
    ("day ahead", voucher(effective_on="9999-12-31"), "date-ahead", 422, "/effective_on"),
    ("long text", voucher(description="x" * 2_001), "field-invalid", 422, "/description"),
]

MONEY: list[tuple[str, Any, str, int, str]] = [
    ("number", priced(10), "field-invalid", 422, "/lines/0/debit/amount"),
    ("float", priced(10.5), "float-refused", 422, "/lines/0/debit/amount"),
    ("float money", lines(10.5, usd("1.00")), "float-refused", 422, "/lines/0/debit"),
    ("whole float", b'{"fund":1.0,"lines":[]}', "float-refused", 422, "/fund"),
    ("NaN", priced("NaN"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("Infinity", priced("Infinity"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("exponent", priced("1e3"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("plus", priced("+1.00"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("space", priced(" 1.00"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("line break", priced("1.00\n"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("comma", priced("1,000.00"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("leading zero", priced("01.00"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("no digits", priced(""), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("Arabic digits", priced("١٢٣"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("five decimals", priced("1.00000"), "amount-malformed", 422, "/lines/0/debit/amount"),
    ("negative", priced("-1.00"), "amount-negative", 422, "/lines/0/debit/amount"),
    ("minus zero", priced("-0"), "amount-negative", 422, "/lines/0/debit/amount"),
    ("zero", priced("0.00"), "amount-zero", 422, "/lines/0/debit/amount"),
    ("three decimals", priced("1.005"), "amount-precision", 422, "/lines/0/debit/amount"),
    ("yen", lines(YEN, YEN), "amount-precision", 422, "/lines/0/debit/amount"),
    ("large", priced("9" * 20), "amount-too-large", 422, "/lines/0/debit/amount"),
    ("long", priced("9" * 25), "field-invalid", 422, "/lines/0/debit/amount"),
    ("dinars", lines(DINAR, DINAR), "currency-not-fund", 422, "/lines/0/debit/currency"),
    ("no currency", lines({"amount": "1"}, {}), "field-missing", 422, "/lines/0/debit/currency"),
    ("lower case", lines({"amount": "1", "currency": "usd"}, {}), "field-invalid", 422, "*"),
    (
        "unknown currency",
        lines(*2 * [{"amount": "1", "currency": "XYZ"}]),
        "currency-unknown",
        422,
        "/lines/0/debit/currency",
    ),
]

ONE = usd("1.00")
SIDELESS = {"fund": "g", "lines": 2 * [{"account": "1100"}]}
ACCOUNT = "/lines/0/account"
RULES: list[tuple[str, Any, str, int, str]] = [
    ("unbalanced", lines(ONE, usd("1.01")), "entry-unbalanced", 422, "/lines"),
    ("cross-currency", lines(ONE, EURO), "entry-cross-currency", 422, "/lines"),
    ("no sides", SIDELESS, "line-sides", 422, "/lines/0"),
    ("no such account", lines(ONE, ONE, "1234"), "account-unknown", 422, ACCOUNT),
    ("kept by verbs", lines(ONE, ONE, "1300"), "account-controlled", 422, ACCOUNT),
    ("facing itself", lines(ONE, ONE, "4900"), "entry-circular", 422, "/lines"),
    ("no such fund", voucher(fund="nowhere"), "not-found", 404, "/fund"),
]
ALL = [*FORM, *MONEY, *RULES]


@pytest.fixture
async def quiet(site: Site) -> AsyncIterator[Site]:
    """The site; afterwards nothing may have been written."""
    head = await site.head()
    yield site
    assert await site.head() == head


@pytest.mark.parametrize(
    ("body", "code", "status", "at"), [row[1:] for row in ALL], ids=[row[0] for row in ALL]
)
async def test_a_bad_voucher(quiet: Site, body: object, code: str, status: int, at: str) -> None:
    key = f"bad-{code}"
    response = await quiet.post("/v1/entries", body, Idempotency_Key=key)
    told = problem(response, code, status)
    assert len(response.content) < 2_000
    assert "record" not in told
    if at != "*":
        assert [error["pointer"] for error in told.get("errors", [])] == ([at] if at else [])
        assert all(error["code"] == code for error in told.get("errors", []))


async def test_what_was_invalid_does_not_bind_its_key(site: Site) -> None:
    for bad in (b"{", voucher("0.00"), voucher("1.005")):
        assert (await site.post("/v1/entries", bad, Idempotency_Key="later")).status_code >= 400
    good = await site.post("/v1/entries", voucher(), Idempotency_Key="later")
    assert good.status_code == 201


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        ({"Idempotency_Key": "-"}, "key-missing", 400),
        ({"Idempotency_Key": ""}, "key-malformed", 400),
        ({"Idempotency_Key": "a b"}, "key-malformed", 400),
        ({"Idempotency_Key": "x" * 201}, "key-malformed", 400),
        ({"Content_Type": "text/plain"}, "media-type-unsupported", 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, "media-type-unsupported", 415),
        ({"If_Match": "5"}, "if-match-malformed", 400),
        ({"If_Match": 'W/"5"'}, "if-match-malformed", 400),
        ({"If_Match": '"5", "6"'}, "if-match-malformed", 400),
        ({"If_Match": '"5"'}, "if-match-needless", 400),
    ],
)
async def test_a_bad_header(quiet: Site, headers: dict[str, str], code: str, status: int) -> None:
    problem(await quiet.post("/v1/entries", voucher(), **headers), code, status)


async def test_what_is_told_of_a_fault_says_how_to_mend_it(quiet: Site) -> None:
    half = problem(await quiet.post("/v1/entries", b'{"fund":"\\ud800"}'), "json-malformed")
    assert "half of a pair" in half["detail"]
    role = {"party": "agent", "role": "king"}
    told = problem(await quiet.post("/v1/keys", role, "administrator"), "field-invalid")
    assert "auditor, administrator" in told["detail"]
    late = await quiet.get("/v1/funds/g/statement?as_of=yesterday")
    assert "as_of: " in problem(late, "query-invalid")["detail"]


async def test_a_body_may_say_json_in_more_than_one_way(site: Site) -> None:
    for kind in ("application/json; charset=utf-8", "application/vnd.mfm+json", "-"):
        answer = await site.post("/v1/entries", voucher("0.01"), Content_Type=kind)
        assert answer.status_code == 201, kind


async def test_a_stale_etag_changes_nothing(quiet: Site) -> None:
    told = problem(await quiet.post("/v1/pledges/p/lapse", {}, If_Match='"1"'), "stale", 412)
    now = (await quiet.get("/v1/pledges/p")).headers["etag"]
    assert now.strip('"') in told["detail"]


async def test_a_body_of_twenty_megabytes(quiet: Site) -> None:
    body = b'{"fund":"' + b"g" * TWENTY_MB + b'"}'
    problem(await quiet.post("/v1/entries", body), "body-too-large", 413)
    problem(await quiet.post("/v1/entries:batch", body), "body-too-large", 413)

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 2**16):
            yield body[at : at + 2**16]

    headers = quiet.headers("preparer", Idempotency_Key="chunked", Content_Type="application/json")
    response = await quiet.client.post("/v1/entries", content=chunks(), headers=headers)
    problem(response, "body-too-large", 413)


async def test_a_batch_of_too_many(quiet: Site) -> None:
    items = [voucher("0.01", key=f"many-{at}") for at in range(8_193)]
    told = problem(
        await quiet.post("/v1/entries:batch", {"entries": items}), "batch-too-large", 413
    )
    assert told["errors"][0]["pointer"] == "/entries"
    problem(await quiet.post("/v1/entries:batch", {"entries": []}), "field-invalid", 422)
    problem(await quiet.post("/v1/entries:batch", {}), "field-missing", 422)


async def test_the_path_and_the_body_agree(quiet: Site) -> None:
    other = await quiet.post("/v1/pledges/p/lapse", {"pledge": "q"})
    assert problem(other, "path-differs", 422)["errors"][0]["pointer"] == "/pledge"
    problem(await quiet.post("/v1/pledges/p/lapse", b"{"), "json-malformed", 400)
    problem(await quiet.post("/v1/pledges/p/lapse", b"[]"), "field-invalid", 422)
    problem(await quiet.post("/v1/pledges/q/lapse", b""), "not-found", 404)
    for seq in ("0", "x", "-1", "1.0", "9" * 30, "9" * 5_000, "%D9%A3"):
        problem(await quiet.post(f"/v1/records/{seq}/reverse", {}, "approver"), "field-invalid")


@pytest.mark.parametrize(
    ("path", "who", "body", "code"),
    [
        ("/v1/funds", "administrator", {"time_zone": "../../etc/passwd"}, "time-zone-unknown"),
        ("/v1/funds", "administrator", {"time_zone": "America"}, "time-zone-unknown"),
        ("/v1/funds", "administrator", {"id": "g"}, "id-taken"),
        ("/v1/funds", "administrator", {"tier": "cosmic"}, "field-invalid"),
        ("/v1/keys", "administrator", {"days": 0}, "field-invalid"),
        ("/v1/keys", "administrator", {"days": 10**12}, "field-invalid"),
        ("/v1/keys", "administrator", {"role": "operator"}, "field-invalid"),
        ("/v1/keys", "administrator", {"party": "nobody"}, "not-found"),
        ("/v1/disbursements", "preparer", {"tranche": 10**30}, "tranche-unknown"),
        ("/v1/disbursements", "preparer", {"tranche": -1}, "tranche-unknown"),
        ("/v1/deposits", "preparer", {"rate": "NaN"}, "rate-malformed"),
        ("/v1/deposits", "preparer", {"rate": "0.0"}, "rate-malformed"),
        ("/v1/deposits", "preparer", {"rate": 1.1}, "float-refused"),
    ],
)
async def test_other_bad_commands(
    quiet: Site, path: str, who: str, body: dict[str, Any], code: str
) -> None:
    whole: dict[str, Any] = {
        "/v1/funds": {"name": "F", "tier": "local", "currency": "USD", "steward": "agent"},
        "/v1/keys": {"party": "agent", "role": "payer"},
        "/v1/disbursements": {"commitment": "w", "tranche": 2},
        "/v1/deposits": {"commitment": "c", "amount": EURO, "rate": "1.1", "settles": usd("1")},
    }
    problem(await quiet.post(path, whole[path] | body, who), code)
