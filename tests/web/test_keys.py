"""Keys: a secret is told once, and is nowhere else."""

import asyncpg
import pytest

from mfm.core.keys import PREFIX
from tests.conftest import Database
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio


async def everything_stored(db: Database) -> str:
    """Return the text of every column of every table that can hold one."""
    connection = await asyncpg.connect(db.admin_url)
    columns = await connection.fetch(
        "SELECT table_schema AS s, table_name AS t, column_name AS c, data_type AS d"
        " FROM information_schema.columns JOIN information_schema.tables"
        " USING (table_schema, table_name) WHERE table_type = 'BASE TABLE'"
        " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        " AND data_type IN ('text', 'bytea', 'jsonb', 'json', 'character varying', 'ARRAY')"
    )
    assert {"text", "bytea"} <= {column["d"] for column in columns}
    found = []
    for column in columns:
        name = f'"{column["c"]}"'
        told = f"encode({name}, 'escape')" if column["d"] == "bytea" else f"{name}::text"
        rows = await connection.fetch(f'SELECT {told} FROM "{column["s"]}"."{column["t"]}"')
        found += [row[0] for row in rows if row[0]]
    await connection.close()
    return "\n".join(found)


async def test_a_secret_is_told_once(
    site: Site, db: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    body = {"id": "told-once", "party": "agent", "role": "payer"}
    first = await site.post("/v1/keys", body, "administrator", Idempotency_Key="secret")
    assert first.status_code == 201
    assert first.headers["location"] == "/v1/keys/told-once"
    told = first.json()
    secret = told.pop("secret")
    assert secret.startswith(PREFIX)
    assert len(secret) >= len(PREFIX) + 43
    assert (await site.get("/v1/parties", secret)).status_code == 200
    again = await site.post("/v1/keys", body, "administrator", Idempotency_Key="secret")
    assert again.status_code == 201
    assert again.json() == told  # the same answer, without the secret
    for path in ("/v1/keys", "/v1/keys/told-once", told["record"], "/v1/records"):
        assert secret not in (await site.get(path)).text
    key = (await site.get("/v1/keys/told-once")).json()
    assert key.keys() == {"id", "seq", "status", "party", "role", "fund", "expires_at"}
    stored = await everything_stored(db)
    assert "told-once" in stored
    assert secret not in stored
    assert secret.removeprefix(PREFIX) not in stored
    logged = capfd.readouterr()
    assert secret not in logged.err + logged.out


async def test_a_revoked_key_stops_at_once(site: Site) -> None:
    body = {"id": "short-lived", "party": "agent", "role": "auditor"}
    secret = (await site.post("/v1/keys", body, "administrator")).json()["secret"]
    assert (await site.get("/v1/parties", secret)).status_code == 200
    revoked = await site.post("/v1/keys/short-lived/revoke", who="administrator")
    assert revoked.json()["changed"]["api_key"][0]["status"] == "revoked"
    assert (await site.get("/v1/keys/short-lived")).json()["status"] == "revoked"
    problem(await site.get("/v1/parties", secret), "key-unknown", 401)
    twice = await site.post("/v1/keys/short-lived/revoke", who="administrator")
    problem(twice, "key-revoked", 409)


async def test_only_administrators_make_keys(site: Site) -> None:
    head = await site.head()
    body = {"party": "agent", "role": "administrator"}
    for role in ("preparer", "approver", "payer", "board", "donor", "grantee", "auditor"):
        problem(await site.post("/v1/keys", body, role), "role-not-allowed", 403)
    assert await site.head() == head


async def test_two_keys_are_two_people_and_one_key_is_one(site: Site) -> None:
    on = {"effective_on": "2026-04-01"}
    asked = await site.post("/v1/disbursements", {"id": "eyes", "commitment": "t", "tranche": 1})
    problem(asked, "tranche-taken", 409)
    other = {"fund": "g", "amount": {"amount": "10.00", "currency": "USD"}, **on}
    assert (await site.post("/v1/allocations", {"id": "eyes", **other}, "board")).status_code == 201
    grant = {"id": "eyes", "from_fund": "g", "to_party": "group", "allocation": "eyes", **on}
    grant["amount"] = other["amount"]
    assert (await site.post("/v1/commitments", grant, "approver")).status_code == 201
    asked = await site.post(
        "/v1/disbursements", {"id": "eyes", "commitment": "eyes", "tranche": 1, **on}
    )
    assert asked.status_code == 201
    path = "/v1/disbursements/eyes"
    assert (await site.post(f"{path}/approve", on, "approver")).status_code == 201
    assert (await site.post(f"{path}/release", on, "payer")).status_code == 201
    assert (await site.post(f"{path}/confirm", on, "grantee")).status_code == 201
    assert (await site.get(path)).json()["status"] == "confirmed"
