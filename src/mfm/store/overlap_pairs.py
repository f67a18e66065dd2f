"""All pairs that are worth comparing, by one SQL: in PostgreSQL, in DuckDB, or on Spark.

The other two are for registers that outgrow a database's evening; they read a copy of the keys,
which are numbers and say no name. What is found is the same everywhere (`core.overlap_keys`'
`close_pairs` says what that is): weights are whole numbers, and ties go to the lesser number.
"""

import asyncio
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.errors import Invalid
from mfm.core.overlap_keys import PAIR_HOLDERS_MAX, PAIRS_OF_ONE_MAX, WEIGHT_FULL
from mfm.store.database import driver_of, within

Engine = Literal["postgresql", "duckdb", "spark"]
Pairs = dict[str, list[tuple[str, str]]]
"""Kind -> pairs of ids."""
_WORK_MEMORY = "96MB"
_ROWS_AT_ONCE = 10_000
_PAIRS = """
WITH holder AS (
  SELECT key, CAST(round({full} * ln({total} / CAST(count(*) AS {real}))) AS int) AS worth
    FROM {keys} every GROUP BY key HAVING count(*) BETWEEN 2 AND {holders}),
shared AS (
  SELECT a.number AS one, b.number AS other, sum(h.worth) AS weight
    FROM holder h JOIN {keys} a ON a.key = h.key
    JOIN {keys} b ON b.key = h.key AND a.number < b.number
   GROUP BY a.number, b.number),
side AS (
  SELECT one AS number, other, weight FROM shared
  UNION ALL SELECT other, one, weight FROM shared),
ranked AS (
  SELECT number, other,
         row_number() OVER (PARTITION BY number ORDER BY weight DESC, other) AS place FROM side)
SELECT DISTINCT least(number, other) AS one, greatest(number, other) AS other
  FROM ranked WHERE place <= {most}"""
_KEYS = "SELECT key, number FROM mfm.overlap_key WHERE mechanism_id = {}"
_NUMBERS = (
    "SELECT number, kind, id FROM overlap_keyed WHERE mechanism_id = $1 AND number IS NOT NULL"
)


def pairs_sql(keys: str, real: str, total: int, most: int = PAIRS_OF_ONE_MAX) -> str:
    """Return the query for pairs of numbers.

    Args:
        keys: what the keys (key, number) are read from.
        real: the engine's name for a number of 64 bits with a fraction.
        total: how many things have keys.
        most: with so many others each is paired.
    """
    return _PAIRS.format(
        keys=keys,
        real=real,
        total=total,
        most=most,
        holders=PAIR_HOLDERS_MAX,
        full=WEIGHT_FULL,
    )


async def pairs(connection: AsyncConnection, engine: Engine = "postgresql") -> Pairs:
    """Return the pairs that are worth comparing.

    Args:
        connection: a reader's or auditor's, in a transaction.
        engine: which one looks for them.

    Raises:
        Invalid: `engine-missing` when the engine is not installed.
    """
    raw = await driver_of(connection)
    mechanism_id = await within(raw)
    rows = await raw.fetch(_NUMBERS, mechanism_id)
    things = {row[0]: (row[1], row[2]) for row in rows}
    total = max(1, len(things))
    keys = _KEYS.format(mechanism_id)
    made: Pairs = {"party": [], "application": []}
    if engine == "postgresql":
        await raw.execute(
            f"SET LOCAL work_mem = '{_WORK_MEMORY}'; SET LOCAL max_parallel_workers_per_gather = 0"
        )
        # A cursor: some millions of rows at once would be the most memory that a scan takes.
        async for one, other in raw.cursor(
            pairs_sql(f"({keys})", "float8", total), prefetch=_ROWS_AT_ONCE
        ):
            _add(made, things[one], things[other])
    else:
        for one, other in await _elsewhere(raw, keys, engine, total):
            _add(made, things[one], things[other])
    return made


def _add(made: Pairs, one: tuple[str, str], other: tuple[str, str]) -> None:
    made[one[0]].append((one[1], other[1]))


async def _elsewhere(
    raw: asyncpg.Connection, keys: str, engine: Engine, total: int
) -> list[tuple[int, int]]:
    """Copy the keys to a file and look for pairs there, while others are answered."""
    with tempfile.TemporaryDirectory(prefix="mfm-overlap-") as folder:
        path = Path(folder) / "keys.csv"
        await raw.copy_from_query(keys, output=path, format="csv")
        return await asyncio.to_thread(ENGINES[engine], path, total)


def in_duckdb(path: Path, total: int) -> list[tuple[int, int]]:
    """Return pairs of numbers from a file of keys, found by DuckDB on one thread.

    Raises:
        Invalid: `engine-missing`.
    """
    duckdb: Any = _engine("duckdb")
    with duckdb.connect(config={"threads": 1}) as connection:
        columns = "{'key': 'BIGINT', 'number': 'INTEGER'}"
        connection.execute(
            f"CREATE TABLE keys AS FROM read_csv(?, header = false, columns = {columns})",
            [str(path)],
        )
        rows: list[tuple[int, int]] = connection.execute(
            pairs_sql("keys", "DOUBLE", total)
        ).fetchall()
        return rows


def on_spark(path: Path, total: int) -> list[tuple[int, int]]:
    """Return pairs of numbers from a file of keys, found by Spark where its master says, or here.

    Raises:
        Invalid: `engine-missing`.
    """
    sql: Any = _engine("pyspark.sql")
    spark = sql.SparkSession.builder.appName("mfm-overlaps").getOrCreate()
    try:
        spark.read.csv(str(path), schema="key BIGINT, number INT").createOrReplaceTempView("keys")
        rows = spark.sql(pairs_sql("keys", "DOUBLE", total)).collect()
        return [(row[0], row[1]) for row in rows]
    finally:
        spark.stop()


def _engine(module: str) -> object:
    try:
        return import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        detail = f"{name} is not installed: pip install {name}."
        raise Invalid("engine-missing", detail) from None


ENGINES: dict[str, Callable[[Path, int], list[tuple[int, int]]]] = {
    "duckdb": in_duckdb,
    "spark": on_spark,
}
"""Engines beside PostgreSQL -> what looks for pairs in a file of keys."""
