"""What the tests of the web share: an application over real books, and clients that hold keys."""

from typing import Any

import httpx
from msgspec import convert

from mfm.app.keys import issue
from mfm.app.perform import Ask, perform
from mfm.app.registry import VERBS
from mfm.app.sealer import Sealer
from mfm.core.permissions import ROLES
from mfm.store.database import Engine
from mfm.web.asgi import create_app
from mfm.web.services import Services
from tests.support import Books, operator

HOLDERS = {"donor": "donor", "grantee": "group"}
"""For which party a role's key speaks; the others speak for the agent."""
CURSOR_KEY = bytes(range(32))


class Site:
    """The worked example's books behind the real application.

    Attributes:
        books: the books.
        services: what the handlers share.
        app: the ASGI application.
        keys: role -> secret of a key for all funds.
    """

    def __init__(self, books: Books, engine: Engine, sealer: Sealer | None = None) -> None:
        self.books = books
        self.services = Services(books.writer, engine, CURSOR_KEY, sealer=sealer)
        self.app = create_app(self.services)
        self.keys: dict[str, str] = {}
        transport = httpx.ASGITransport(app=self.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://mfm.test")
        self._count = 0

    async def make_keys(self) -> None:
        """Make a key for each role."""
        for role in ROLES:
            self.keys[role] = await self.key(role, HOLDERS.get(role, "agent"))

    async def key(self, role: str, party: str = "agent", **fields: object) -> str:
        """Make a key and return its secret."""
        self._count += 1
        verb = VERBS["key.create"]
        command = convert({"role": role, "party": party, **fields}, verb.command)
        asked, secret = issue(Ask(operator(), verb, command, f"site-key-{self._count}"))
        made = await self.books.writer.run(lambda unit: perform(unit, asked))
        assert made.accepted
        return secret

    async def sealed(self) -> int:
        """Return the journal's last record, once it is sealed."""
        head = await self.head()
        assert self.services.sealer is not None
        assert await self.services.sealer.wait(head, 10)
        return head

    async def head(self) -> int:
        """Return the journal's last record."""
        return int((await self.client.get("/health/ready")).json()["seq"])

    def headers(self, who: str, **more: str) -> dict[str, str]:
        """Return the headers of a request by a role, or by the secret of a key."""
        secret = self.keys.get(who, who)
        told = {"Authorization": f"Bearer {secret}"} if secret else {}
        return told | {name.replace("_", "-"): value for name, value in more.items()}

    async def get(self, path: str, who: str = "auditor", **headers: str) -> httpx.Response:
        """Read an address."""
        return await self.client.get(path, headers=self.headers(who, **headers))

    async def post(
        self, path: str, body: object = None, who: str = "preparer", **headers: str
    ) -> httpx.Response:
        """Write; bytes go as they are, all else as JSON; with a fresh key unless one is told."""
        self._count += 1
        given = {"Idempotency_Key": f"site-{self._count}", "Content_Type": "application/json"}
        told = self.headers(who, **(given | headers))
        told = {name: value for name, value in told.items() if value != "-"}
        if isinstance(body, bytes):
            return await self.client.post(path, content=body, headers=told)
        return await self.client.post(path, json={} if body is None else body, headers=told)


def problem(response: httpx.Response, code: str, status: int = 0) -> dict[str, Any]:
    """Return a response's problem document, once it is one of this code and complete."""
    assert response.headers["content-type"] == "application/problem+json", response.text[:300]
    told: dict[str, Any] = response.json()
    assert told["code"] == code, told
    assert told["status"] == response.status_code == (status or response.status_code), told
    assert told["type"] == f"/problems/{code}"
    assert told["title"]
    assert told["detail"]
    assert told["next"]
    assert response.headers["cache-control"] == "no-store"
    return told


def usd(amount: str) -> dict[str, str]:
    """Return US dollars on the wire."""
    return {"amount": amount, "currency": "USD"}


def voucher(amount: str = "10.00", fund: str = "g", **more: object) -> dict[str, Any]:
    """Return the body of a voucher that the worked example's funds accept: bank charges."""
    authority = [
        {"account": "9300", "subject": "c", "debit": usd(amount)},
        {"account": "9340", "credit": usd(amount)},
    ]
    lines = [
        {"account": "5700", "debit": usd(amount)},
        {"account": "1100", "subject": "main", "credit": usd(amount)},
    ]
    return {"fund": fund, "lines": [*lines, *authority], "effective_on": "2026-04-01", **more}
