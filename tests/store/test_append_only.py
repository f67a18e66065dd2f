"""Append-only: every role against every mutating verb on every table, and who sees what.

What is held here: nobody changes or removes a row of the journal by a statement, neither the logins
nor the owner of the tables nor a superuser, also where session_replication_role is `replica`.

What no database can hold, and what catches it:
- The owner, or a superuser, may ALTER TABLE ... DISABLE TRIGGER, or DROP it, and then write what
  it likes. Without that it may set `mfm.appending` itself, and then INSERT anywhere, and UPDATE
  balances, heads and nouns, as append_batch does. A superuser may also write to the files.
- Nobody uses these doors in service: mfm_owner is NOLOGIN, mfm_migrator serves `mfm migrate`
  alone, and mfm_app can become neither.
- What went through them is found: a record's bytes no longer have their leaf, or the leaf is not
  in the published trail; and `mfm verify --database` folds the records and finds every balance,
  head and noun that does not follow from them.
- Row-level security follows the setting mfm.mechanism, which a session may change: it keeps a
  reader's queries within its mechanism, and is no wall against one who writes SQL of his own.
"""

from typing import NamedTuple
from uuid import uuid4

import asyncpg
import pytest

from mfm.app.read_log import note_now
from mfm.store import database
from mfm.store.database import Mechanism, driver_url
from mfm.store.writer import Writer
from tests.conftest import Database
from tests.store.capture import TABLES
from tests.support import CHAIN, Books, operator

pytestmark = pytest.mark.anyio
DENIED, APPEND_ONLY = "42501", "MF403"

# login, role it takes, session settings -> what a mutating statement is answered
SESSIONS = {
    "mfm_owner": ("migration_url", "mfm_owner", {}, APPEND_ONLY),
    "mfm_writer": ("app_url", "mfm_writer", {}, DENIED),
    "mfm_reader": ("app_url", "mfm_reader", {}, DENIED),
    "mfm_auditor": ("app_url", "mfm_auditor", {}, DENIED),
    "mfm_migrator": ("migration_url", "", {}, DENIED),
    "mfm_app": ("app_url", "", {}, DENIED),
    "superuser": ("admin_url", "", {}, APPEND_ONLY),
    "superuser as replica": (
        "admin_url",
        "",
        {"session_replication_role": "replica"},
        APPEND_ONLY,
    ),
}
VERBS = {
    "insert": "INSERT INTO mfm.{table} SELECT * FROM mfm.{table} LIMIT 1",
    "insert nothing": "INSERT INTO mfm.{table} SELECT * FROM mfm.{table} WHERE false",
    "upsert": "INSERT INTO mfm.{table} SELECT * FROM mfm.{table} LIMIT 1 ON CONFLICT DO NOTHING",
    "update": "UPDATE mfm.{table} SET mechanism_id = mechanism_id",
    "update nothing": "UPDATE mfm.{table} SET mechanism_id = mechanism_id WHERE false",
    "delete": "DELETE FROM mfm.{table}",
    "delete nothing": "DELETE FROM mfm.{table} WHERE false",
    "merge": "MERGE INTO mfm.{table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "truncate": "TRUNCATE mfm.{table}",
    "truncate all": "TRUNCATE mfm.{table} CASCADE",
}


class Two(NamedTuple):
    """Two mechanisms with everything in them: the worked example, keys, texts and blobs."""

    db: Database
    one: Mechanism
    other: Mechanism


@pytest.fixture(scope="module")
async def two(db: Database) -> Two:
    made = []
    for _ in range(2):
        mechanism = await database.create_mechanism(db.app_url, f"t-{uuid4().hex[:12]}")
        writer = Writer(db.app_url, mechanism)
        await writer.start()
        books = Books(db.app_url, mechanism, writer)
        await books.chain()
        await books.do("key.create", id="k", party="donor", role="donor")
        await books.do("record.reverse", record=len(CHAIN), reason="a mistake")
        await writer.close()
        await note_now(db.app_url, mechanism, operator(), ("fund.read", "/v1/funds", 1))
        made.append(mechanism)
    return Two(db, *made)


async def opened(db: Database, session: str) -> asyncpg.Connection:
    login, role, settings, _ = SESSIONS[session]
    settings = settings | ({"role": role} if role else {})
    return await asyncpg.connect(driver_url(getattr(db, login)), server_settings=settings)


async def tables(db: Database) -> list[str]:
    connection = await asyncpg.connect(db.admin_url)
    found = [name for (name,) in await connection.fetch(TABLES)]
    await connection.close()
    return sorted(found)


async def counts(db: Database) -> dict[str, int]:
    connection = await asyncpg.connect(db.admin_url)
    found = {
        name: await connection.fetchval(f"SELECT count(*) FROM mfm.{name}")
        for name in await tables(db)
    }
    await connection.close()
    return found


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("session", SESSIONS)
async def test_nobody_changes_a_table_by_hand(two: Two, session: str, verb: str) -> None:
    wanted = SESSIONS[session][3]
    before = await counts(two.db)
    assert before["record"] >= 2 * len(CHAIN)
    connection = await opened(two.db, session)
    answers = {}
    for table in before:
        try:
            await connection.execute(VERBS[verb].format(table=table))
        except asyncpg.PostgresError as error:
            answers[table] = error.sqlstate
    await connection.close()
    # TRUNCATE of a table that a foreign key names is refused before any trigger is asked.
    named = ("mechanism", "checkpoint", "payload")
    also = dict.fromkeys(named, "0A000") if verb == "truncate" and wanted == APPEND_ONLY else {}
    assert answers == dict.fromkeys(before, wanted) | also
    assert await counts(two.db) == before


@pytest.mark.parametrize("session", ["mfm_owner", "superuser"])
async def test_the_journal_stands_even_against_a_forged_setting(two: Two, session: str) -> None:
    """Who sets mfm.appending by hand can add rows; it can still change none of the journal."""
    connection = await opened(two.db, session)
    await connection.execute("SET mfm.appending = 'on'")
    kept = ["mechanism", "record", "account", "posting", "payload", "blob"]
    kept += ["tile", "checkpoint", "cosignature", "anchor"]
    for table in await tables(two.db):
        verbs = (
            ["update", "delete", "truncate all"] if table in kept else ["delete", "truncate all"]
        )
        for verb in verbs:
            with pytest.raises(asyncpg.PostgresError) as raised:
                await connection.execute(VERBS[verb].format(table=table))
            assert raised.value.sqlstate == APPEND_ONLY, (table, verb)
    await connection.close()


@pytest.mark.parametrize(
    ("session", "role"),
    [("mfm_app", "mfm_owner"), ("mfm_app", "mfm_migrator"), ("mfm_migrator", "mfm_writer")],
)
async def test_a_login_becomes_nobody_else(two: Two, session: str, role: str) -> None:
    connection = await opened(two.db, session)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(f"SET ROLE {role}")
    await connection.close()


async def test_groups_cannot_log_in_and_nobody_has_more_than_it_needs(two: Two) -> None:
    connection = await asyncpg.connect(two.db.admin_url)
    rows = await connection.fetch(
        "SELECT rolname, rolcanlogin, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls"
        " OR rolreplication, rolinherit FROM pg_roles WHERE rolname LIKE 'mfm!_%' ESCAPE '!'"
        " AND rolname <> 'mfm_superuser'"
    )
    owners = await connection.fetch(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"
        " WHERE relnamespace = 'mfm'::regnamespace"
    )
    await connection.close()
    logins = {"mfm_migrator", "mfm_app"}
    groups = {"mfm_owner", "mfm_writer", "mfm_reader", "mfm_auditor"}
    assert {row[0]: tuple(row)[1:] for row in rows} == {
        name: (name in logins, False, False) for name in logins | groups
    }
    assert [owner for (owner,) in owners] == ["mfm_owner"]


# Functions ---------------------------------------------------------------------------------------

MAY_EXECUTE = {
    "append_batch": {"mfm_writer"},
    "create_mechanism": {"mfm_writer"},
    "lock_head": {"mfm_writer"},
    "note_reads": {"mfm_writer"},
    "published_text": {"mfm_reader", "mfm_auditor"},
    "words_beside": {"mfm_reader", "mfm_auditor"},
    "seal": {"mfm_writer"},
    "cosign": {"mfm_writer"},
    "keep_anchor": {"mfm_writer"},
    "follow": {"mfm_writer"},
    "overlap_counts": {"mfm_reader", "mfm_auditor"},
    "overlap_standing": {"mfm_writer"},
    "overlaps_seen": {"mfm_reader", "mfm_auditor"},
    "overlap_marks": {"mfm_reader", "mfm_auditor"},
    "write_keys": {"mfm_writer"},
    "write_marks": {"mfm_writer"},
}
# What readers reach by no table: the first not at all, the others by functions alone.
HIDDEN: dict[str, set[str]] = {
    "mfm_reader": {"payload", "overlap_case", "overlap_mark"},
    "mfm_auditor": set(),
}


async def test_each_function_is_for_those_who_need_it(two: Two) -> None:
    connection = await asyncpg.connect(two.db.admin_url)
    rows = await connection.fetch(
        "SELECT p.proname, r.rolname FROM pg_proc p, pg_roles r"
        " WHERE p.pronamespace = 'mfm'::regnamespace AND NOT r.rolsuper"
        " AND r.rolname <> 'mfm_owner' AND has_function_privilege(r.oid, p.oid, 'EXECUTE')"
    )
    functions = await connection.fetch(
        "SELECT proname, coalesce(proacl::text, 'PUBLIC') FROM pg_proc"
        " WHERE pronamespace = 'mfm'::regnamespace"
    )
    await connection.close()
    may: dict[str, set[str]] = {}
    for function, role in rows:
        may.setdefault(function, set()).add(role)
    assert may == MAY_EXECUTE
    assert len(functions) > len(MAY_EXECUTE)
    for name, granted in functions:
        assert "PUBLIC" not in granted, name
        assert not any(grant.startswith("=") for grant in granted.strip("{}").split(",")), name


@pytest.mark.parametrize("session", ["mfm_reader", "mfm_auditor", "mfm_migrator", "mfm_app"])
async def test_only_the_writer_appends(two: Two, session: str) -> None:
    connection = await opened(two.db, session)
    empty = ",".join(["1", "0", "now()", *["NULL"] * 21])
    for call in (
        f"mfm.append_batch({empty})",
        "mfm.create_mechanism(7, 'x', 'x')",
        "mfm.lock_head(1)",
        "mfm.apply_changes(1, 1, 1, 'party', '[]')",
        "mfm.only_append()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SELECT {call}")
    await connection.close()


# Reading -----------------------------------------------------------------------------------------


async def seen(db: Database, role: database.Role, mechanism: int) -> dict[str, set[int]]:
    """Return whose rows a session sees in each table that it may read."""
    connection = await database.connect(db.app_url, role, mechanism)
    found = {}
    for table in await tables(db):
        try:
            rows = await connection.fetch(f"SELECT DISTINCT mechanism_id FROM {table}")
        except asyncpg.InsufficientPrivilegeError:
            continue
        found[table] = {number for (number,) in rows}
    await connection.close()
    return found


FILLED = {
    "record",
    "posting",
    "payload",
    "account",
    "balance",
    "head",
    "fund_head",
    "party",
    "fund",
}
FILLED |= {"pledge", "commitment", "deposit", "allocation", "disbursement", "report", "refund"}
"""Tables of which the worked example fills each; others may be empty."""


@pytest.mark.parametrize("role", ["mfm_reader", "mfm_auditor"])
async def test_a_session_sees_one_mechanism_in_every_table(two: Two, role: database.Role) -> None:
    for mechanism in (two.one.id, two.other.id):
        found = await seen(two.db, role, mechanism)
        for table, whose in found.items():
            assert whose <= {mechanism}, table
            assert whose or table not in FILLED, table
        assert set(await tables(two.db)) - set(found) == HIDDEN[role]


@pytest.mark.parametrize("role", ["mfm_reader", "mfm_auditor"])
@pytest.mark.parametrize("setting", ["", "0", "RESET"])
async def test_without_a_mechanism_nothing_is_seen(
    two: Two, role: database.Role, setting: str
) -> None:
    connection = await database.connect(two.db.app_url, role, two.one.id)
    if setting != "RESET":
        await connection.execute(f"SET mfm.mechanism = '{setting}'")
    else:
        await connection.close()
        connection = await asyncpg.connect(
            driver_url(two.db.app_url), server_settings={"role": role, "search_path": "mfm"}
        )
    for table in set(await tables(two.db)) - HIDDEN["mfm_reader"]:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    await connection.close()


async def test_the_writer_sees_all_of_them(two: Two) -> None:
    found = await seen(two.db, "mfm_writer", 0)
    assert set(found) == set(await tables(two.db))
    assert all({two.one.id, two.other.id} <= found[table] for table in FILLED)


@pytest.mark.parametrize("session", ["mfm_app", "mfm_migrator"])
async def test_a_bare_login_sees_nothing(two: Two, session: str) -> None:
    connection = await opened(two.db, session)
    for table in await tables(two.db):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SELECT FROM mfm.{table}")
    await connection.close()
