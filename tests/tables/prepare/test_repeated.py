"""Keys that come more often than they should."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.tables.prepare.repeated import write_repeated

KEYS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), max_size=40)


def repeated(folder: Path, keys: list[int | None], most: int, at_once: int = 1 << 20) -> list[int]:
    schema = pa.schema({"other": pa.string(), "key": pa.int64()})
    rows = pa.table({"other": ["x"] * len(keys), "key": keys}, schema)
    pq.write_table(rows, folder / "step.parquet", row_group_size=7)
    write_repeated(folder / "step.parquet", folder / "found.parquet", "key", most, at_once)
    found: list[int] = pq.read_table(folder / "found.parquet")["key"].to_pylist()
    return found


@given(KEYS, st.integers(1, 5), st.integers(1, 50))
def test_those_are_found_that_more_rows_have(
    tmp_path_factory: pytest.TempPathFactory, keys: list[int | None], most: int, at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("keys")
    times = Counter(key for key in keys if key is not None)
    wanted = sorted(key for key, count in times.items() if count > most)
    assert sorted(repeated(folder, keys, most, at_once)) == wanted


def test_there_may_be_fewer_rows_than_a_key_may_have(tmp_path: Path) -> None:
    assert repeated(tmp_path, [1, 1, 1], 100) == []
    assert repeated(tmp_path, [], 1) == []


def test_keys_have_the_whole_range_of_64_bits(tmp_path: Path) -> None:
    """DuckDB's have no sign."""
    keys = pa.array([2**64 - 1, 5, 2**64 - 1], pa.uint64())
    pq.write_table(pa.table({"key": keys}), tmp_path / "step.parquet")
    write_repeated(tmp_path / "step.parquet", tmp_path / "found.parquet", "key", 1)
    assert pq.read_table(tmp_path / "found.parquet")["key"].to_pylist() == [2**64 - 1]


def test_a_step_may_be_a_folder(tmp_path: Path) -> None:
    for part in range(2):
        (tmp_path / "step").mkdir(exist_ok=True)
        rows = pa.table({"key": pa.array([7, part], pa.int64())})
        pq.write_table(rows, tmp_path / "step" / f"part-{part}.parquet")
    write_repeated(tmp_path / "step", tmp_path / "found.parquet", "key", 1)
    assert pq.read_table(tmp_path / "found.parquet")["key"].to_pylist() == [7]
