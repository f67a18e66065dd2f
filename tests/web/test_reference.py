"""The reference: a document that holds for every address, and pages that need nobody else."""

import html
import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mfm.core.permissions import TABLE
from mfm.web.asgi import ENDPOINTS
from mfm.web.problems import KINDS
from tests.calling import APPLICATION, CALL, accepted
from tests.overlapping import heard, opened, shared
from tests.support import ADVANCE, EXCHANGE, operator, permit
from tests.web.site import Site, problem, usd, voucher

pytestmark = pytest.mark.anyio

ELSEWHERE = re.compile(r"""(?:src|href|url|action)\s*[=(]\s*["']?(?:https?:)?//|@import|<script""")


async def api(site: Site) -> dict[str, Any]:
    response = await site.get("/openapi.json", who="")
    assert response.headers["content-type"] == "application/json"
    told: dict[str, Any] = response.json()
    return told


def every(value: Any, key: str) -> list[Any]:  # noqa: ANN401  # any JSON
    """Return what stands under a key, wherever it is."""
    if isinstance(value, dict):
        own = [value[key]] if key in value else []
        return own + [found for each in value.values() for found in every(each, key)]
    if isinstance(value, list):
        return [found for each in value for found in every(each, key)]
    return []


async def test_the_document_names_every_address(site: Site) -> None:
    told = await api(site)
    assert told["openapi"].startswith("3.1.")
    assert told["info"]["title"]
    assert told["info"]["version"]
    named = {(method.upper(), path) for path, each in told["paths"].items() for method in each}
    assert named == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    ids = every(told["paths"], "operationId")
    assert len(ids) == len(set(ids)) == len(ENDPOINTS)


async def test_every_reference_leads_somewhere(site: Site) -> None:
    told = await api(site)
    schemas = told["components"]["schemas"]
    for ref in every(told, "$ref"):
        assert ref.removeprefix("#/components/schemas/") in schemas, ref
    used = {ref.rpartition("/")[2] for ref in every(told, "$ref")}
    assert used == set(schemas)
    for name in every(told, "security"):
        assert name in ([{"key": []}], [])
    for pattern in every(schemas, "pattern"):
        re.compile(pattern)


async def test_every_operation_is_described_whole(site: Site) -> None:
    told = await api(site)
    for endpoint in ENDPOINTS:
        operation = told["paths"][endpoint.path][endpoint.method.lower()]
        parts = re.findall(r"\{(\w+)\}", endpoint.path)
        parameters = operation["parameters"]
        names = [(each["in"], each["name"]) for each in parameters]
        assert len(names) == len(set(names))
        assert [each["name"] for each in parameters if each["in"] == "path"] == parts
        assert all(each["required"] for each in parameters if each["in"] == "path")
        assert all("schema" in each for each in parameters)
        assert operation["summary"].endswith(".")
        assert bool(operation["security"]) == bool(endpoint.action)
        assert ("requestBody" in operation) == (endpoint.method == "POST")
        statuses = set(operation["responses"])
        assert statuses & {"200", "201"}
        problems = operation["responses"]["default"]["content"]
        assert list(problems) == ["application/problem+json"]


KINDS_OF_JSON: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


class Shapes:
    """Checks values against the parts of JSON Schema that the document uses."""

    def __init__(self, api: dict[str, Any]) -> None:
        self.schemas = api["components"]["schemas"]

    def fits(self, value: object, schema: dict[str, Any]) -> bool:
        try:
            self.check(value, schema)
        except AssertionError:
            return False
        return True

    def check(self, value: Any, schema: dict[str, Any], at: str = "") -> None:  # noqa: ANN401  # any JSON
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        if "anyOf" in schema:
            assert any(self.fits(value, each) for each in schema["anyOf"]), (at, value)
            return
        assert value in schema.get("enum", [value]), at
        assert re.search(schema.get("pattern", ""), str(value)), at
        if "type" in schema:
            assert isinstance(value, KINDS_OF_JSON[schema["type"]]), (at, value, schema)
        if isinstance(value, dict) and "properties" in schema:
            assert set(schema.get("required", ())) <= value.keys() <= schema["properties"].keys(), (
                at
            )
            for name, each in value.items():
                self.check(each, schema["properties"][name], f"{at}/{name}")
        if isinstance(value, list):
            for number, each in enumerate(value):
                self.check(each, schema.get("items", {}), f"{at}/{number}")


BANK_PAGE = {
    "fund": "n",
    "currency": "USD",
    "opened_on": "2026-03-01",
    "closed_on": "2026-03-31",
    "opening": "0.00",
    "closing": "1.00",
    "lines": [{"booked_on": "2026-03-02", "amount": "1.00", "reference": "x"}],
}


LEAVE = {
    "fund": "n",
    "gate": "application",
    "subject": "application:ap",
    "rules": ["tests.eligibility@1/currency"],
    "valid_until": CALL["closes_on"],
    "reason": "R",
}
PROPOSED = {"id": "cq", "title": "T", "type": "policy"}


async def fill(site: Site) -> None:
    """Leave an item in each list that the worked example leaves empty."""
    await permit(site.books.writer, operator())
    for verb, key, fields in (*ADVANCE, *EXCHANGE):
        assert (await site.books.do(verb, operator(key), **fields)).accepted, verb
    seat = {"id": "seat", "fund": "n", "constituency": "un", "party": "agent"}
    await accepted(site.books, "party.register", id="twin", name="T")
    await heard(site.books, await opened(site.books), "group")
    await shared(site.books)
    for path, body, who in (
        ("/v1/funds/n/board", {}, "administrator"),
        ("/v1/seats", seat, "administrator"),
        ("/v1/motions", {"id": "motion", "fund": "n", "amount": usd("1.00")}, "preparer"),
        ("/v1/motions/motion/votes", {"seat": "seat", "choice": "for"}, "board"),
        ("/v1/links", {"commitment": "w"}, "preparer"),
        ("/v1/parties/group/attestations", {"kind": "mission", "source": "S"}, "preparer"),
        ("/v1/funds/n/standards", {"local_percent": 0}, "board"),
        ("/v1/calls", CALL, "preparer"),
        ("/v1/calls/k/publish", {}, "approver"),
        ("/v1/applications", {**APPLICATION, "id": "ap"}, "grantee"),
        ("/v1/waivers", LEAVE, "board"),
        ("/v1/applications/ap/submit", {}, "grantee"),
        ("/v1/policies/adopt", {}, "administrator"),
        ("/v1/calls", {**CALL, "id": "k2"}, "preparer"),
        ("/v1/calls/k2/consult", {"until": CALL["closes_on"]}, "preparer"),
        ("/v1/calls/k2/comments", {"text": "T"}, "grantee"),
        ("/v1/conditions", {**PROPOSED, "commitment": "w"}, "preparer"),
        ("/v1/conditions/cq/contest", {"reason": "R"}, "grantee"),
        ("/v1/donor-refunds", {"commitment": "c", "amount": usd("1.00")}, "approver"),
        ("/v1/unidentified-receipts", {"fund": "g", "amount": usd("1.00")}, "preparer"),
        ("/v1/interest", {"fund": "g", "amount": usd("1.00")}, "preparer"),
        ("/v1/costs", {"fund": "g", "kind": "direct", "amount": usd("1.00")}, "payer"),
        ("/v1/bank-statements", BANK_PAGE, "preparer"),
        (
            "/v1/in-kind",
            {"fund": "g", "donor": "donor", "hours": "1.5", "hour": usd("9.00")},
            "approver",
        ),
    ):
        assert (await site.post(path, body, who)).status_code == 201, path


async def test_answers_are_as_the_document_says(site: Site) -> None:
    told = await api(site)
    shapes = Shapes(told)
    entries = [voucher("1.00", key="api-1"), voucher("0", key="api-2")]
    answers = {
        ("post", "/v1/entries"): await site.post("/v1/entries", voucher("1.00")),
        ("post", "/v1/entries:batch"): await site.post("/v1/entries:batch", {"entries": entries}),
        ("post", "/v1/parties"): await site.post("/v1/parties", {"name": "Of the document"}),
        ("post", "/v1/keys"): await site.post(
            "/v1/keys", {"party": "agent", "role": "payer"}, "administrator"
        ),
        ("get", "/v1/funds/{fund}/statement"): await site.get("/v1/funds/g/statement"),
        ("get", "/v1/funds/{fund}/accounts/{code}"): await site.get("/v1/funds/g/accounts/1100"),
        ("get", "/v1/funds/{fund}/accounts/{code}/history"): await site.get(
            "/v1/funds/g/accounts/1100/history"
        ),
        ("get", "/v1/totals"): await site.get("/v1/totals"),
        ("get", "/v1/chain"): await site.get("/v1/chain?id=donor&limit=2"),
        ("get", "/v1/donors/{party}/money"): await site.get("/v1/donors/donor/money"),
        ("get", "/v1/reads"): await site.get("/v1/reads"),
        ("get", "/v1/overlap-counts"): await site.get("/v1/overlap-counts"),
        ("get", "/v1/funds/{fund}/bank-accounts/{account}/reconciliation"): await site.get(
            "/v1/funds/n/bank-accounts/main/reconciliation"
        ),
        ("get", "/v1/records/{seq}/receipt"): await site.get("/v1/records/1/receipt"),
        ("get", "/v1/trail/inclusion"): await site.get("/v1/trail/inclusion?seq=1"),
        ("get", "/v1/trail/consistency"): await site.get("/v1/trail/consistency?from=1"),
    }
    pledge = {"fund": "g", "donor": "donor", "amount": usd("1.00"), "description": "why"}
    answers["post", "/v1/pledges"] = await site.post("/v1/pledges", pledge, Prefer="wait=5")
    assert "sealed" in answers["post", "/v1/pledges"].json()
    await fill(site)
    for endpoint in ENDPOINTS:
        if endpoint.answer.endswith("List"):
            found = answers["get", endpoint.path] = await site.get(f"{endpoint.path}?limit=3")
            item = found.json()["items"][0]
            one = "{seq}" if endpoint.answer == "RecordList" else "{id}"
            there = f"{endpoint.path}/{item.get('id', item['seq'])}"
            answers["get", f"{endpoint.path}/{one}"] = await site.get(there)
    call = answers["get", "/v1/calls"].json()["items"][0]["id"]
    for path in ("/v1/calls/{id}/overlaps", "/v1/calls/{id}/competition"):
        answers["get", path] = await site.get(path.format(id=call))
    for path in ("/v1/call-calendar", "/v1/co-funding"):
        answers["get", path] = await site.get(path)
    for (method, path), answer in answers.items():
        responses = told["paths"][path][method]["responses"]
        content = responses[str(answer.status_code)]["content"]["application/json"]
        shapes.check(answer.json(), content["schema"], path)
    reads = {("get", e.path) for e in ENDPOINTS if e.method == "GET" and e.action}
    files = {("get", e.path) for e in ENDPOINTS if e.path.startswith("/v1/exports/")}
    files.add(("get", "/v1/trail/tile/entries/{path}"))  # bytes, not JSON
    assert reads - files <= answers.keys(), reads - files - answers.keys()
    refused = await site.post("/v1/entries", voucher("9999999999.00"))
    shapes.check(refused.json(), {"$ref": "#/components/schemas/ProblemDocument"})


async def test_bodies_that_are_taken_are_as_the_document_says(site: Site) -> None:
    told = await api(site)
    shapes = Shapes(told)
    bodies: dict[str, Any] = {
        "/v1/entries": voucher(),
        "/v1/entries:batch": {"entries": [voucher(key="k")]},
        "/v1/parties": {"name": "A", "country": "KE"},
        "/v1/pledges/{pledge}/lapse": {"effective_on": "2026-03-01"},
    }
    for path, body in bodies.items():
        content = told["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        shapes.check(body, content["schema"], path)
    posted = {"$ref": "#/components/schemas/PostEntry"}
    assert shapes.fits(voucher(), posted)
    assert not shapes.fits(voucher(memo="x"), posted)
    assert not shapes.fits({"fund": "g"}, posted)


async def test_the_pages_need_nothing_from_elsewhere(site: Site) -> None:
    assert ELSEWHERE.search('<script src="//cdn.example/x.js">')
    assert ELSEWHERE.search('<link href="https://cdn.example/x.css">')
    for path in ("/docs", "/problems", "/problems/stale"):
        page = await site.get(path, who="")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert not ELSEWHERE.search(page.text), path
        for link in re.findall(r'(?:href|src)="([^"#][^"]*)"', page.text):
            if not link.startswith("data:"):
                assert (await site.get(link, who="")).status_code == 200, link
        for name in re.findall(r'href="#([^"]+)"', page.text):
            assert f'id="{name}"' in page.text, name
    style = await site.get("/static/site.css", who="")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert not ELSEWHERE.search(style.text)


async def test_the_pages_tell_everything(site: Site) -> None:
    docs = (await site.get("/docs", who="")).text
    for endpoint in ENDPOINTS:
        assert f"<code>{endpoint.method} {endpoint.path}</code>" in docs
    for action in TABLE:
        assert action in docs
    problems = (await site.get("/problems", who="")).text
    for code, kind in KINDS.items():
        assert f'id="{code}"' in problems
        page = (await site.get(f"/problems/{code}", who="")).text
        assert code in page
        assert kind.title in html.unescape(page)
    problem(await site.get("/problems/nonsense", who=""), "not-found", 404)


async def counts(site: Site) -> dict[tuple[str, str, str], int]:
    """Return how many answers were given: (method, path, status) -> count."""
    text = (await site.get("/metrics", who="")).text
    return {
        (each.labels["method"], each.labels["path"], each.labels["status"]): int(each.value)
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.name == "mfm_http_requests_total"
    }


async def test_metrics_count_true_statuses_by_path_template(site: Site) -> None:
    before = await counts(site)
    await site.get("/v1/pledges/p")
    await site.get("/v1/pledges/nothing")
    await site.get("/v1/pledges/p", who="")
    await site.get("/v1/keys", "donor")
    await site.get("/nowhere/at/all")
    await site.client.put("/v1/parties")
    await site.post("/v1/entries", b"{")
    await site.client.request("NONSENSE", "/v1/parties")
    after = await counts(site)
    grown = {name: count - before.get(name, 0) for name, count in after.items()}
    for name in (
        ("GET", "/v1/pledges/{id}", "200"),
        ("GET", "/v1/pledges/{id}", "404"),
        ("GET", "/v1/pledges/{id}", "401"),
        ("GET", "/v1/keys", "403"),
        ("GET", "<unmatched>", "404"),
        ("PUT", "/v1/parties", "405"),
        ("POST", "/v1/entries", "400"),
        ("<other>", "/v1/parties", "405"),
    ):
        assert grown.get(name) == 1, (name, grown)
    assert not any(path[-2:] == "/p" for _, path, _ in after)
