"""Every address: guarded as the table says, and refused in the one form that problems have."""

import re
from datetime import timedelta

import httpx
import pytest
from litestar.routes import HTTPRoute

from mfm.app.context import utc_now
from mfm.core.permissions import ROLES, TABLE
from mfm.web import services
from mfm.web.asgi import ENDPOINTS, create_app
from mfm.web.endpoints import Endpoint
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio

PUBLIC = {
    "/health/live",
    "/health/ready",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/problems",
    "/problems/{code}",
    "/static/site.css",
    "/s/{token}",
    "/v1/trail/checkpoint",
    "/v1/trail/checkpoints/{size}",
    "/v1/trail/tile/{level}/{path}",
    "/v1/trail/consistency",
    "/v1/trail/inclusion",
}
GUARDED = [endpoint for endpoint in ENDPOINTS if endpoint.action]


def address(endpoint: Endpoint) -> str:
    """Return an endpoint's address with something in its varying parts."""
    return re.sub(r"\{\w+\}", "1", endpoint.path)


async def ask(site: Site, endpoint: Endpoint, authorization: str) -> httpx.Response:
    headers = {"Idempotency-Key": "walk", "Content-Type": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    content = b"{" if endpoint.method == "POST" else None
    query = "?id=1" if endpoint.path == "/v1/chain" else ""  # the one that needs a query
    return await site.client.request(
        endpoint.method, address(endpoint) + query, headers=headers, content=content
    )


async def test_litestar_serves_these_endpoints_and_no_others(site: Site) -> None:
    app = create_app(site.services)._app._app
    served = set()
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            methods = route.methods - {"OPTIONS"}  # Litestar answers these with the methods
            served |= {(method, route.path_format) for method in methods}
        else:
            told = [e.method for e in ENDPOINTS if e.path == route.path]
            served |= {(method, route.path) for method in told}
    assert served == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert len(ENDPOINTS) == len(served)


async def test_the_direct_way_answers_as_litestar_does(site: Site) -> None:
    transport = httpx.ASGITransport(app=site.app._app._app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mfm.test") as around:
        for endpoint in ENDPOINTS:
            for path in (address(endpoint), endpoint.path, address(endpoint).replace("/1", "//")):
                for method in ("GET", "POST"):
                    sent = {
                        "headers": site.headers("auditor"),
                        "content": b"{" if method == "POST" else None,
                    }
                    direct = await site.client.request(method, path, **sent)
                    litestar = await around.request(method, path, **sent)
                    assert direct.status_code == litestar.status_code < 500, (method, path)
                    if direct.status_code >= 400:
                        assert direct.content == litestar.content, (method, path)


def test_the_public_addresses_are_these() -> None:
    assert {endpoint.path for endpoint in ENDPOINTS if not endpoint.action} == PUBLIC


def test_every_action_of_the_api_is_in_the_table_and_the_other_way_round() -> None:
    # The terminal has these.
    elsewhere = {
        "import.iati",
        "database.read",
        "overlap.read",
        "trail.note-heads",
        "trail.rotate-key",
    }
    assert {endpoint.action for endpoint in GUARDED} == TABLE.keys() - elsewhere


async def test_public_addresses_answer_without_a_key(site: Site) -> None:
    for endpoint in ENDPOINTS:
        if not endpoint.action:
            path = address_of_public(endpoint, await site.sealed())
            if path.endswith(("consistency", "inclusion")):
                path += "?from=1" if path.endswith("consistency") else "?seq=1"
            response = await site.get(path, who="")
            shown = 404 if path == "/s/{token}" else 200  # nobody made this link
            assert response.status_code == shown, path


async def test_nothing_is_told_without_a_key_in_force(site: Site) -> None:
    revoked = await site.key("administrator")
    made = (await site.get("/v1/keys?limit=500")).json()["items"][-1]["id"]
    answer = await site.post(f"/v1/keys/{made}/revoke", who="administrator")
    assert answer.status_code == 201
    bad = ["", "Bearer", f"Basic {site.keys['auditor']}", "Bearer mfm_" + "x" * 43]
    bad += [f"Bearer {revoked}", "Bearer mfm_" + "x" * 500, f"Bearer {site.keys['payer']} x"]
    for endpoint in GUARDED:
        for authorization in bad:
            response = await ask(site, endpoint, authorization)
            problem(response, "key-unknown", 401)
            assert response.headers["www-authenticate"] == "Bearer"


async def test_an_expired_key_is_no_key(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = await site.key("auditor", days=1)
    assert (await site.get("/v1/parties", secret)).status_code == 200
    later = utc_now() + timedelta(days=1, seconds=1)
    monkeypatch.setattr(services, "utc_now", lambda: later)
    for endpoint in GUARDED:
        problem(await ask(site, endpoint, f"Bearer {secret}"), "key-unknown", 401)


async def test_each_role_gets_as_far_as_the_table_says(site: Site) -> None:
    head = await site.head()
    for endpoint in GUARDED:
        for role in ROLES:
            response = await ask(site, endpoint, f"Bearer {site.keys[role]}")
            if role in TABLE[endpoint.action]:
                told = response.json().get("code", "") if response.status_code >= 400 else ""
                assert told != "role-not-allowed", (role, endpoint.path)
                # A guarded read answers, or knows no such noun; a write stops at the body; a file
                # is answered row by row.
                reads = endpoint.method == "GET" or endpoint.takes
                expected = {200, 404} if reads else {400}
                assert response.status_code in expected, (role, endpoint.path, response.text)
            else:
                told = problem(response, "role-not-allowed", 403)
                assert all(name in told["detail"] for name in TABLE[endpoint.action])
    assert await site.head() == head


async def test_unknown_addresses_and_methods_are_problems(site: Site) -> None:
    for path in ("/nope", "/v1", "/v1/parties/1/2/3", "/v1/entries:nope", "/../etc/passwd"):
        problem(await site.get(path), "route-unknown", 404)
    read = {endpoint.path for endpoint in ENDPOINTS if endpoint.method == "GET"}
    for method in ("PUT", "PATCH", "DELETE", "NONSENSE"):
        for endpoint in ENDPOINTS:
            response = await site.client.request(method, address_of_public(endpoint))
            told = problem(response, "method-not-allowed", 405)
            assert told["instance"] == address_of_public(endpoint)
            allowed = response.headers["allow"].split(", ")
            assert endpoint.method in allowed
            assert ("HEAD" in allowed) == (endpoint.path in read)


async def test_head_is_get_without_the_body(site: Site) -> None:
    posted = {endpoint.path for endpoint in ENDPOINTS} - {
        endpoint.path for endpoint in ENDPOINTS if endpoint.method == "GET"
    }
    for path in ("/v1/records/999/reverse", *sorted(posted)[:3]):
        assert (await site.client.head(path)).status_code == 405, path
    for path in ("/health/live", "/v1/parties", "/v1/parties/agent", "/v1/parties/nobody"):
        headers = site.headers("auditor")
        whole = await site.client.get(path, headers=headers)
        alone = await site.client.head(path, headers=headers)
        assert alone.content == b""
        assert alone.status_code == whole.status_code
        for name in ("content-type", "content-length", "etag"):
            assert alone.headers.get(name) == whole.headers.get(name), (path, name)
    problem(await site.client.get("/v1/parties"), "key-unknown", 401)
    assert (await site.client.head("/v1/parties")).status_code == 401


def address_of_public(endpoint: Endpoint, size: int = 1) -> str:
    """Return an address, of public endpoints too; of the trail's where it is sealed at a size."""
    if endpoint.action:
        return address(endpoint)
    path = endpoint.path.replace("{code}", "stale").replace("{level}/{path}", f"0/000.p/{size}")
    return path.replace("{size}", str(size))


async def test_a_problem_tells_no_inside(site: Site) -> None:
    for path in ("/v1/parties/%00", "/v1/parties?identifier=%00", "/v1/records/" + "9" * 4_000):
        response = await site.get(path)
        assert response.status_code in {400, 404}, path
        for word in ("Traceback", "SELECT", "asyncpg", "sqlalchemy", site.keys["auditor"]):
            assert word not in response.text
