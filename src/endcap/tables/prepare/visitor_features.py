"""What every visitor is like at the end of the log, some visitors at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Meaning
from endcap.tables.prepare.pieces import PIECE, offsets, pieces
from endcap.tables.scaling import scaled
from endcap.tables.steps import BRIEF
from endcap.tables.visitors import visitor_features
from endcap.types import Floats, History, Queries

COLUMNS = ("user", "item", "kind", "time")

LASTING = {"compression": "zstd"}
BRIEFLY = {"compression": "none", "use_dictionary": False}


def describe_visitors(draft: Path, meaning: Meaning, catalogue: Catalogue, end: int) -> None:
    """Write the features of all visitors as known at the end of the log, in the order of codes."""
    raw = draft / BRIEF / "visitors.parquet"
    _write(raw, _raw(draft / "events.parquet", meaning, catalogue, end), BRIEFLY)
    with pq.ParquetFile(raw) as file:
        names = tuple(file.schema_arrow.names)
        spans = usual_spans(file.read([name])[name].to_numpy() for name in names)
        batches = (np.stack([*map(np.asarray, batch)], axis=1) for batch in file.iter_batches())
        _write(
            draft / "features" / "visitors.parquet",
            (_table(names, onto_spans(spans, values)) for values in batches),
            LASTING,
        )


def usual_spans(columns: Iterable[Floats]) -> Floats:
    """[columns, 2] the 1st and the 99th percentile of what is known of each, or its least and
    greatest value where those are the same, so that few outliers do not squeeze all others
    together. columns: which need not be in memory together; NaN does not count."""
    return np.stack([_usual_span(column[~np.isnan(column)]) for column in columns])


def _usual_span(known: Floats) -> Floats:
    if not len(known):
        return np.zeros(2, np.float32)
    low, high, least, most = np.quantile(known, [0.01, 0.99, 0, 1]).astype(np.float32)
    return np.array([low, high] if low < high else [least, most])


def onto_spans(spans: Floats, values: Floats) -> Floats:
    """[rows, columns] from 0 to 1; what is missing is 0."""
    return np.nan_to_num(scaled("min-max", spans, values))


def _raw(events: Path, meaning: Meaning, catalogue: Catalogue, end: int) -> Iterator[pa.Table]:
    for past in pasts(events):
        last = past.last(meaning.history)
        asked = Queries.of(np.zeros(len(last), np.int32), meaning.next(last, end), last)
        yield _table(*visitor_features(asked, catalogue))


def pasts(events: Path, piece: int = PIECE) -> Iterator[History]:
    """All events of the visitors, in the order of their codes: a row for each, from code 1 on.

    events: prepared ones, a file or a folder of files.
    """
    for rows in pieces(events, COLUMNS, piece):
        item, kind, time = (rows[name].to_numpy() for name in COLUMNS[1:])
        yield History(offsets(rows["user"]), item, kind, time)


def _table(names: Iterable[str], values: Floats) -> pa.Table:
    return pa.table(dict(zip(names, values.T, strict=True)))


def _write(path: Path, tables: Iterator[pa.Table], how: Mapping[str, Any]) -> None:
    first = next(tables)
    with pq.ParquetWriter(path, first.schema, **how) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
