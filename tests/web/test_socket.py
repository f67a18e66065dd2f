"""Through a real socket and a real server: what only the wire can do wrong."""

import asyncio
import http.client
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from litestar.types import ASGIApp, Receive, Scope, Send

from mfm.web.protocol import Protocol
from tests.web.site import Site, problem, voucher

pytestmark = pytest.mark.anyio

TWENTY_MB = 20 * 2**20


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[tuple[str, int]]:
    """Serve an application on a free port of this machine, and return where."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app,
            http=Protocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listening]))
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110  # uvicorn has no event to wait for
                await asyncio.sleep(0.01)
        yield listening.getsockname()
        server.should_exit = True
        await serving


@pytest.fixture
async def address(site: Site) -> AsyncIterator[tuple[str, int]]:
    """Serve the site, and return where."""
    async with served(site.app) as address:
        yield address


async def raw(address: tuple[str, int], request: bytes) -> bytes:
    """Send bytes, and return all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    async with asyncio.timeout(10):
        told = await reader.read()
    writer.close()
    return told


async def test_a_session_over_a_socket(site: Site, address: tuple[str, int]) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        headers = site.headers("preparer", Idempotency_Key="wire")
        first = await client.post("/v1/entries", json=voucher("1.00"), headers=headers)
        again = await client.post("/v1/entries", json=voucher("1.00"), headers=headers)
        assert first.status_code == 201
        assert first.content == again.content
        assert first.headers["x-request-id"] != again.headers["x-request-id"]
        assert first.headers["x-content-type-options"] == "nosniff"
        problem(await client.get("/v1/parties"), "key-unknown", 401)
        problem(await client.get("/v1/parties/%FF", headers=headers), "not-found", 404)


async def test_requests_in_one_packet_are_answered_in_turn(address: tuple[str, int]) -> None:
    live = b"%s /health/live HTTP/1.1\r\nHost: x\r\n%s\r\n"
    told = await raw(
        address,
        b"".join(
            live % (method, rest)
            for method, rest in (
                (b"GET", b""),
                (b"HEAD", b""),
                (b"GET", b"Expect: 100-continue\r\n"),
                (b"GET", b"Connection: close\r\n"),
            )
        ),
    )
    first, head, third, last = told.split(b"HTTP/1.1 ")[1:]
    for each in (first, third, last):
        assert each.startswith(b"200 OK\r\n")
        assert each.endswith(b'\r\n\r\n{"status":"live"}')
    assert head.endswith(b"\r\n\r\n")
    assert b"connection: close\r\n" in last
    old = await raw(address, b"GET /health/live HTTP/1.0\r\n\r\n")
    assert old.endswith(b'\r\n\r\n{"status":"live"}')


async def test_an_answer_of_any_length_arrives_whole(site: Site, address: tuple[str, int]) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as client:
        for path in ("/openapi.json", "/v1/records?limit=500", "/docs"):
            answer = await client.get(path, headers=site.headers("auditor"))
            assert answer.status_code == 200
            assert len(answer.content) == int(answer.headers["content-length"])
        assert len((await client.get("/openapi.json")).content) > 64 * 1024


@pytest.mark.parametrize("value", [b"a\r\nX-Other: b", b"a\nb", b"a\x00"])
async def test_no_header_breaks_out_of_its_line(value: bytes) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"2"), (b"location", value)]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async with served(app) as address:
        told = await raw(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"x-other" not in told.lower()
    assert b"a\x00" not in told


async def test_twenty_megabytes_end_with_an_answer(site: Site, address: tuple[str, int]) -> None:
    head = await site.head()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(TWENTY_MB // 2**16):
            yield b" " * 2**16

    headers = site.headers("preparer", Idempotency_Key="big", Content_Type="application/json")
    async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as client:
        for path in ("/v1/entries", "/v1/entries:batch", "/v1/pledges/p/lapse"):
            for content in (b" " * TWENTY_MB, chunks()):
                answer = await client.post(path, content=content, headers=headers)
                problem(answer, "body-too-large", 413)
        unknown = await client.post("/v1/entries", content=chunks(), headers={"X": "y"})
        problem(unknown, "key-unknown", 401)
        assert (await client.get("/health/live")).status_code == 200
    assert await site.head() == head


@pytest.mark.parametrize("key", ["preparer", ""])
async def test_who_sends_it_all_before_reading_gets_the_answer_too(
    site: Site, address: tuple[str, int], key: str
) -> None:
    """Many clients close after one request, and read nothing before they have sent it."""
    headers = site.headers(key, Idempotency_Key="big", Content_Type="application/json")

    def ask() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*address, timeout=20)
        sent = {**headers, "Connection": "close"}
        connection.request("POST", "/v1/entries", b" " * TWENTY_MB, sent)
        answer = connection.getresponse()
        return answer.status, answer.read()

    status, content = await asyncio.to_thread(ask)
    told = json.loads(content)
    wanted = (413, "body-too-large") if key else (401, "key-unknown")
    assert (status, told["code"]) == wanted


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"GET /v1/parties HTTP/1.1", b"Host: a b"),
        (b"GET /v1/parties HTTP/1.1", b"Host: [::"),
        (b"GET /v1/parties HTTP/1.1", b"Host: x:99999999"),
        (b"GET /v1/parties HTTP/1.1", b"Host: \xff"),
        (b"GET /v1/parties HTTP/1.1", b"Authorization: \xff\xfe"),
        (b"GET /v1/parties HTTP/1.1", b"Cookie: \xff=\xfe;;="),
        (b"GET /v1/parties/x HTTP/1.1", b"Host: x:99999999"),
        (b"GET /v1/parties HTTP/1.0", b"Connection: close"),
        (b"GET /nowhere HTTP/1.1", b"Host: x:99999999"),
        (b"PUT /v1/parties HTTP/1.1", b"Host: x:99999999"),
        (b"GET http://[/v1/parties HTTP/1.1", b"Host: x"),
        (b"GET /\xff\xfe HTTP/1.1", b"Host: x"),
        (b"GET /v1/parties?\xff=\xfe HTTP/1.1", b"Host: x"),
        (b"POST /v1/entries HTTP/1.1", b"Content-Length: -1"),
        (b"POST /v1/entries HTTP/1.1", b"Content-Length: x"),
        (b"OPTIONS * HTTP/1.1", b"Host: x"),
        (b"NONSENSE / HTTP/1.1", b"Host: x"),
        (b"\x16\x03\x01\x02\x00\x01\x00", b""),
    ],
)
async def test_nonsense_on_the_wire_is_the_callers_fault(
    address: tuple[str, int], line: bytes, header: bytes
) -> None:
    told = await raw(address, line + b"\r\n" + header + b"\r\nConnection: close\r\n\r\n")
    if told:  # a server may also hang up
        status = int(told.split(b" ", 2)[1])
        assert 400 <= status < 500, told
        assert b"Traceback" not in told


async def test_who_hangs_up_leaves_nothing(site: Site, address: tuple[str, int]) -> None:
    head = await site.head()
    secret = site.keys["preparer"].encode()
    request = (
        b"POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Idempotency-Key: cut\r\nAuthorization: Bearer " + secret + b"\r\nContent-Length: 100\r\n"
        b"\r\n" + b'{"fund":'
    )
    _, writer = await asyncio.open_connection(*address)
    writer.write(request)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as client:
        assert (await client.get("/health/live")).status_code == 200
    assert await site.head() == head
