"""The events in their final order, each with its session and its part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.config import Split
from endcap.tables.prepare.met import Met
from endcap.tables.prepare.pieces import offsets, pieces
from endcap.tables.prepare.sessions import begins
from endcap.tables.prepare.split import Windows, leave_one_out
from endcap.types import Int64s

SCHEMA = pa.schema(
    {
        "user": pa.int32(),
        "item": pa.int32(),
        "kind": pa.int8(),
        "time": pa.int64(),
        "part": pa.int8(),
        "session": pa.int32(),
        "price": pa.float32(),
        "value": pa.float32(),
    }
)

FEW = ["kind", "part"]
"""The columns in which the same values come again and again."""

Rule: TypeAlias = Callable[[Int64s, Int64s], NDArray[np.int8]]
"""The part of each event, by where visitors begin and by time."""


def rule(split: Split, span: tuple[int, int]) -> tuple[Rule, float]:
    """How the log is parted, and how much the parts had to shrink.

    span: the moments of the oldest and of the newest event.
    """
    if split.protocol == "time":
        windows = Windows.of(*span, split)
        return lambda offsets, times: windows.parts(times), windows.shrunk
    return lambda offsets, times: leave_one_out(offsets, split.holdout), 1.0


def write_parted(ordered: Path, path: Path, rule: Rule, gap_minutes: float, met: Met) -> None:
    """Sessions are numbered from 1, one visitor's after the other's.

    ordered: events by user, then time. met: is told of all of them.
    """
    how = {"compression": "zstd", "use_dictionary": FEW}
    with pq.ParquetWriter(path, SCHEMA, **how) as writer, ThreadPoolExecutor(1) as beside:
        written = beside.submit(lambda: None)
        for table in _parted(ordered, rule, gap_minutes, met):
            written.result()  # so that no more than two pieces are in memory
            written = beside.submit(writer.write_table, table)
        written.result()


def _parted(ordered: Path, rule: Rule, gap_minutes: float, met: Met) -> Iterator[pa.Table]:
    before, given = 0, [name for name in SCHEMA.names if name not in ("part", "session")]
    for piece in pieces(ordered, given):
        starts, times = offsets(piece["user"]), piece["time"].to_numpy()
        session = before + np.cumsum(begins(starts, times, gap_minutes))
        before = int(session[-1])
        part = rule(starts, times)
        met.add(starts, piece["item"].to_numpy(), part)
        made = {"part": part, "session": session.astype(np.int32)}
        columns = {name: piece[name] for name in given} | made
        yield pa.table({name: columns[name] for name in SCHEMA.names}, SCHEMA)
