"""The migrated schema keeps the rules: keys led by the mechanism, no way round append_batch."""

import types
import typing
from collections.abc import AsyncIterator
from datetime import date, datetime

import asyncpg
import pytest
from msgspec import Struct

from mfm.core.accounts import BACKING, CASH, CHART, same_group
from mfm.core.nouns import NOUNS
from mfm.core.record import Noun
from mfm.store.verify import UNVERIFIED
from tests.conftest import Database

pytestmark = pytest.mark.anyio
OURS = "'mfm'::regnamespace"


@pytest.fixture(scope="module")
async def schema(db: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(db.admin_url)
    yield connection
    await connection.close()


async def column(schema: asyncpg.Connection, query: str) -> list[str]:
    return [row[0] for row in await schema.fetch(query)]


async def tables(schema: asyncpg.Connection) -> set[str]:
    found = await column(
        schema, f"SELECT relname FROM pg_class WHERE relnamespace = {OURS} AND relkind = 'r'"
    )
    assert len(found) > 20
    return set(found)


# Keys --------------------------------------------------------------------------------------------


async def test_the_mechanism_leads_every_primary_key_and_unique_index(
    schema: asyncpg.Connection,
) -> None:
    rows = await schema.fetch(
        "SELECT t.relname, i.indisprimary, c.relname, a.attname"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_class t ON t.oid = i.indrelid"
        " LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]"
        f" WHERE t.relnamespace = {OURS} AND t.relkind = 'r'"
    )
    assert {table for table, primary, _, _ in rows if primary} == await tables(schema)
    # A temporal constraint takes ranges alone: there, a range of this one mechanism leads.
    led_by = {"mechanism_id", "mechanism"}
    assert [(index, led) for _, _, index, led in rows if led not in led_by] == []
    assert [table for table, _, _, led in rows if led == "mechanism"] == ["policy_period"]


async def test_the_mechanism_leads_every_foreign_key_on_both_sides(
    schema: asyncpg.Connection,
) -> None:
    rows = await schema.fetch(
        "SELECT k.conname, a.attname, b.attname FROM pg_constraint k"
        " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]"
        " JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]"
        f" WHERE k.contype = 'f' AND k.connamespace = {OURS}"
    )
    assert [tuple(row) for row in rows if tuple(row)[1:] != ("mechanism_id",) * 2] == []


async def test_the_mechanism_is_the_first_column_and_always_there(
    schema: asyncpg.Connection,
) -> None:
    rows = await schema.fetch(
        "SELECT c.relname, a.attname, a.attnotnull, a.atttypid::regtype::text FROM pg_attribute a"
        f" JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = {OURS}"
        " AND c.relkind = 'r' AND a.attnum = 1"
    )
    assert {tuple(row)[1:] for row in rows} == {("mechanism_id", True, "integer")}


async def test_nothing_counts_across_mechanisms(schema: asyncpg.Connection) -> None:
    """No sequence, no identity column; views, materialized views and partitions neither."""
    rows = await schema.fetch(
        f"SELECT relname, relkind::text FROM pg_class WHERE relnamespace = {OURS}"
        " AND relkind NOT IN ('r', 'i', 'c', 't')"
    )
    assert [tuple(row) for row in rows] == []
    assert await column(schema, "SELECT attname FROM pg_attribute WHERE attidentity <> ''") == []
    triggers = "pg_notify|advisory"
    assert (
        await column(
            schema,
            f"SELECT proname FROM pg_proc WHERE pronamespace = {OURS} AND prosrc ~ '{triggers}'",
        )
        == []
    )


# Nouns -------------------------------------------------------------------------------------------

SANE = {
    str: {"text"},
    int: {"bigint", "integer"},
    bool: {"boolean"},
    date: {"date"},
    datetime: {"timestamp with time zone"},
    tuple: {"jsonb"},
}


def kinds_of(annotation: object) -> set[type]:
    """The types that a field's value may have, parts of a tuple left out."""
    if isinstance(annotation, types.UnionType):
        return {kind for part in annotation.__args__ for kind in kinds_of(part)}
    return {typing.get_origin(annotation) or annotation}


@pytest.mark.parametrize("kind", NOUNS)
async def test_a_nouns_fields_are_the_columns_of_its_table(
    schema: asyncpg.Connection, kind: str
) -> None:
    rows = await schema.fetch(
        "SELECT attname, atttypid::regtype::text, attnotnull FROM pg_attribute"
        f" WHERE attrelid = 'mfm.{kind}'::regclass AND attnum > 0 AND NOT attisdropped",
    )
    columns = {name: (sort, required) for name, sort, required in rows}
    fields = typing.get_type_hints(NOUNS[kind])
    assert set(columns) == {"mechanism_id", *fields}
    for name, annotation in fields.items():
        allowed = kinds_of(annotation)
        sort, required = columns[name]
        (meant,) = allowed - {types.NoneType}
        assert sort in ({"jsonb"} if issubclass(meant, Struct) else SANE[meant]), name
        assert required == (types.NoneType not in allowed), name
        if name.endswith("_minor") or name in ("seq", "prev"):
            assert sort == "bigint", name


async def test_every_noun_has_a_table_and_every_table_is_known(schema: asyncpg.Connection) -> None:
    journal = {"mechanism", "head", "fund_head", "record", "account", "balance", "posting"}
    beside = {"payload", "blob", "tile", "checkpoint", "cosignature", "anchor", *UNVERIFIED}
    beside.add("policy_period")
    assert await tables(schema) == journal | beside | set(NOUNS)
    assert {noun.__name__ for noun in NOUNS.values()} == {
        noun.__name__ for noun in Noun.__subclasses__()
    }


async def test_amounts_are_whole_numbers(schema: asyncpg.Connection) -> None:
    rows = await schema.fetch(
        "SELECT c.relname, a.attname, a.atttypid::regtype::text FROM pg_attribute a"
        f" JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = {OURS} AND a.attnum > 0"
    )
    approximate = {"real", "double precision", "numeric", "money"}
    assert [tuple(row) for row in rows if row[2] in approximate] == []
    amounts = [row for row in rows if row[1].endswith(("_minor", "_balance"))]
    assert {row[2] for row in amounts} == {"bigint"}


# Doors -------------------------------------------------------------------------------------------


async def test_row_level_security_is_on_everywhere_and_forced_nowhere(
    schema: asyncpg.Connection,
) -> None:
    rows = await schema.fetch(
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
        f" WHERE relnamespace = {OURS} AND relkind = 'r'"
    )
    assert {tuple(row)[1:] for row in rows} == {(True, False)}
    policies = await schema.fetch(
        "SELECT tablename, cmd, roles, qual FROM pg_policies WHERE schemaname = 'mfm'"
    )
    assert {row["cmd"] for row in policies} == {"SELECT"}
    read = {
        row["tablename"] for row in policies if set(row["roles"]) == {"mfm_reader", "mfm_auditor"}
    }
    assert read == await tables(schema)
    for row in policies:
        if row["roles"] != ["mfm_writer"]:
            assert "mechanism_id = (NULLIF(current_setting('mfm.mechanism'" in row["qual"]


async def test_all_triggers_fire_always(schema: asyncpg.Connection) -> None:
    rows = await schema.fetch(
        "SELECT c.relname, t.tgname, t.tgenabled::text FROM pg_trigger t"
        f" JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = {OURS}"
        " AND NOT t.tgisinternal"
    )
    assert {state for _, _, state in rows} == {"A"}
    known = await tables(schema)
    for name in ("only_append", "no_truncate"):
        assert {table for table, trigger, _ in rows if trigger == name} == known
    guarded = [table for table, trigger, _ in rows if trigger in ("no_change", "no_delete")]
    assert sorted(guarded) == sorted(known)


async def test_roles_may_select_and_nothing_else(schema: asyncpg.Connection) -> None:
    rows = await schema.fetch(
        "SELECT grantee, privilege_type, count(*) FROM information_schema.table_privileges"
        " WHERE table_schema = 'mfm' AND grantee <> 'mfm_owner' GROUP BY 1, 2"
    )
    count = len(await tables(schema))
    assert {tuple(row) for row in rows} == {
        ("mfm_writer", "SELECT", count),
        ("mfm_auditor", "SELECT", count),
        ("mfm_reader", "SELECT", count - 3),  # not payload, overlap_case, overlap_mark
    }


async def test_functions_that_run_as_the_owner_name_their_search_path(
    schema: asyncpg.Connection,
) -> None:
    rows = await schema.fetch(
        f"SELECT proname, proconfig FROM pg_proc WHERE pronamespace = {OURS} AND prosecdef"
    )
    assert {name for name, _ in rows} == {
        "append_batch",
        "cosign",
        "create_mechanism",
        "follow",
        "keep_anchor",
        "lock_head",
        "note_reads",
        "overlap_counts",
        "overlap_marks",
        "overlap_standing",
        "overlaps_seen",
        "published_text",
        "seal",
        "words_beside",
        "write_keys",
        "write_marks",
    }
    for name, settings in rows:
        assert settings == ["search_path=mfm, pg_temp"], name


async def test_nothing_lies_in_public_but_the_version(schema: asyncpg.Connection) -> None:
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind"
    assert await column(schema, f"{query} = 'r'") == ["alembic_version"]
    functions = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    assert await column(schema, functions) == []


# The chart in SQL --------------------------------------------------------------------------------


async def test_the_database_knows_the_chart_as_the_rules_do(schema: asyncpg.Connection) -> None:
    rows = await schema.fetch(
        "SELECT code, mfm.memo_group(code), mfm.backs(code), mfm.side_of(code),"
        " mfm.has_floor(code) FROM unnest($1::text[]) code",
        list(CHART),
    )
    told = {row[0]: row for row in rows}
    for code, (_, group, backs, side, floor) in told.items():
        assert (side, floor) == (CHART[code].side, CHART[code].floor), code
        assert backs == (code in CASH | BACKING), code
        for other, row in told.items():
            assert (group == row[1]) == same_group(code, other), (code, other)
