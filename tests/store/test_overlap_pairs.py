"""One SQL on three engines: pairs of keys as the slow way finds them."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.errors import Invalid
from mfm.core.overlap_keys import close_pairs
from mfm.store import overlap_pairs

THINGS = st.lists(st.frozensets(st.integers(-9, 9), max_size=6), min_size=1, max_size=40)
SOME = [
    frozenset({place % 7, -(place % 5), 100 + place % 11, 1_000 + place // 4})
    for place in range(90)
]


def written(path: Path, things: list[frozenset[int]]) -> Path:
    """Write keys as the database copies them: numbers count from 1."""
    rows = [f"{key},{place}\n" for place, keys in enumerate(things, start=1) for key in keys]
    path.write_text("".join(rows))
    return path


def slow(things: list[frozenset[int]]) -> set[tuple[int, int]]:
    return {(one + 1, other + 1) for one, other in close_pairs(things)}


@given(THINGS)
def test_duckdb_finds_what_the_slow_way_finds(
    tmp_path_factory: pytest.TempPathFactory, things: list[frozenset[int]]
) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is an extra: pip install duckdb")
    path = written(tmp_path_factory.mktemp("keys") / "keys.csv", [frozenset({0}), *things])
    found = overlap_pairs.in_duckdb(path, len(things) + 1)
    assert len(found) == len(set(found))
    assert set(found) == slow([frozenset({0}), *things])


def test_spark_finds_what_the_slow_way_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyspark", reason="Spark is an extra: pip install pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is none here")
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--master local[1] pyspark-shell")
    found = overlap_pairs.on_spark(written(tmp_path / "keys.csv", SOME), len(SOME))
    assert slow(SOME) == set(found) != set()


@pytest.mark.skipif(find_spec("pyspark") is not None, reason="it is installed here")
def test_an_engine_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="engine-missing: pyspark is not installed"):
        overlap_pairs.on_spark(tmp_path / "none", 1)
