"""A synthetic log as a shop would have it: two columns more than needed, and 1 % dirt.

    python -m benchmarks.dirt FOLDER --events 10000000 --items 100000

Writes the tables that `endcap import` would store into the shop folder's `tables/`. Of a hundred
rows one is dirt: no visitor, no item, no time, a time that can't be, the same row again (with the
same id, or as a page counted twice), or one of a robot.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.synthetic import blocks, catalogue
from endcap.tables.schema import EVENTS, ITEMS

DIRT = 0.01

FAULTS = ("user_id", "item_id", "timestamp", "early", "late", "again", "twice", "robot")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--events", type=int, default=10_000_000)
    arguments.add_argument("--items", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    for name in ("events", "items"):
        (given.folder / "tables" / name).mkdir(parents=True, exist_ok=True)
    write_log(
        given.folder / "tables/events/000001-dirty.parquet", given.events, given.items, given.seed
    )
    pq.write_table(goods(given.items, given.seed), given.folder / "tables/items/000001-all.parquet")


def write_log(path: Path, events: int, items: int, seed: int) -> None:
    with pq.ParquetWriter(path, EVENTS, compression="zstd") as writer:
        for table in _dirty(items, seed):
            writer.write_table(table.slice(0, events))
            events -= len(table)
            if events <= 0:
                return


def goods(items: int, seed: int) -> pa.Table:
    """The catalogue, by the schema."""
    plain = catalogue(items, seed)
    lists = pa.array([[name] for name in plain["categories"].to_pylist()])
    columns = {
        "item_id": plain["item_id"].cast(pa.string()),
        "categories": lists,
        "price": plain["price"],
    }
    return _by_schema(columns, ITEMS, items)


def _dirty(items: int, seed: int) -> Iterator[pa.Table]:
    for block, table in enumerate(blocks(items, seed)):
        rng = np.random.default_rng([seed, block, 7])
        rows = len(table)
        fault = np.where(rng.random(rows) < DIRT, rng.integers(0, len(FAULTS), rows), -1)
        place = np.arange(rows)
        again = (fault == FAULTS.index("again")) | (fault == FAULTS.index("twice"))
        table = table.take(np.where(again, np.maximum(place - 1, 0), place))
        yield _by_schema(_columns(table, fault, place, block, rng), EVENTS, rows)


def _columns(table: pa.Table, fault: Any, place: Any, block: int, rng: Any) -> dict[str, Any]:
    is_ = {name: fault == number for number, name in enumerate(FAULTS)}
    time = table["timestamp"].to_numpy() * 1_000_000
    time = np.where(is_["early"], 1_000_000, np.where(is_["late"], 1 << 60, time))
    # A robot does its work in one day: more in it than any person does.
    time = np.where(is_["robot"], (1_750_032_000 + place % 80_000) * 1_000_000, time)
    user = np.where(is_["robot"], -1 - block // 10, table["user_id"].to_numpy())
    ids = (np.uint64(block) << np.uint64(32)) + np.where(
        is_["again"], np.maximum(place - 1, 0), place
    ).astype(np.uint64)
    hashed = [f"{one:032x}" for one in (ids * np.uint64(0x9E3779B97F4A7C15)).tolist()]
    return {
        "event_id": pa.array(hashed),
        "event_type": table["event_type"],
        "user_id": _without(pa.array(user).cast(pa.string()), is_["user_id"]),
        "item_id": _without(table["item_id"].cast(pa.string()).combine_chunks(), is_["item_id"]),
        "timestamp": _without(pa.array(time), is_["timestamp"]),
        # The two that nobody needs.
        "placement": pa.array(np.array(["home", "search", "mail"])[rng.integers(0, 3, len(place))]),
        "query": pa.array(rng.integers(0, 50_000, len(place))).cast(pa.string()),
    }


def _without(values: Any, mask: Any) -> Any:
    return pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)


def _by_schema(columns: dict[str, Any], schema: pa.Schema, rows: int) -> pa.Table:
    return pa.table(
        [columns.get(field.name, pa.nulls(rows, field.type)) for field in schema],
        schema=schema,
    )


if __name__ == "__main__":
    main()
