"""A person is erased from files: Parquet files are written anew without them.

What Spark wrote is a folder of files, each of which is written anew by itself: they keep their
names, and with them the order of all rows.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from endcap.tables.steps import written
from endcap.types import Int64s

NAMING = ("user_id", "anonymous_id", "session_id")
"""Columns that name a visitor."""

Change = Callable[[pa.Table, pa.Array], pa.Table]
"""A table and its rows that name the visitors → the table without them."""


def erase(path: Path, ids: Collection[str], change: Change | None = None) -> int:
    """Write a Parquet file anew without the rows that name one of the visitors; returns how many
    there are. The file is replaced whole, and left alone where it has none.

    path: of a file, or of a folder of them. change: what becomes of those rows, where they are
    not to vanish.
    """
    return sum(_erase(part, ids, change) for part in written(path))


def _erase(path: Path, ids: Collection[str], change: Change | None) -> int:
    if not _names(path, ids):
        return 0
    table = pq.read_table(path)
    about = rows_of(table, ids)
    after = change(table, about) if change else table.filter(pc.invert(about))
    replace(path, after.replace_schema_metadata(table.schema.metadata))
    return int(pc.sum(about).as_py() or 0)


def erase_codes(path: Path, codes: Int64s) -> int:
    """The same for prepared events, in which a visitor is a code in the column `user`."""
    count = 0
    for part in written(path):
        table = pq.read_table(part)
        theirs = np.isin(table["user"].to_numpy(), codes)
        if theirs.any():
            replace(part, table.filter(~theirs))
        count += int(theirs.sum())
    return count


def replace(path: Path, table: pa.Table) -> None:
    """Have another table in a file, whole or not at all."""
    draft = path.with_name(f".{path.name}")
    pq.write_table(table, draft, compression="zstd")
    os.replace(draft, path)
    # Spark keeps a checksum beside each file, and reads none that has another.
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)


def nameless(name: str) -> Change:
    """Rows that stay and name nobody any more, where their number or their order matters."""

    def change(table: pa.Table, about: pa.Array) -> pa.Table:
        for column in NAMING:
            if column in table.column_names:
                place = table.column_names.index(column)
                values = pc.if_else(about, pa.scalar(name), table[column])
                table = table.set_column(place, table.schema.field(place), values)
        return table

    return change


def rows_of(table: pa.Table, ids: Collection[str]) -> pa.Array:
    """[rows] whether each names one of the visitors."""
    wanted = pa.array(list(ids), pa.string())
    about = pa.chunked_array([pa.repeat(False, table.num_rows)])
    for column in NAMING:
        if column in table.column_names:
            about = pc.or_(about, pc.is_in(table[column].cast(pa.string()), value_set=wanted))
    return about.combine_chunks()


def _names(path: Path, ids: Collection[str]) -> bool:
    there = [name for name in NAMING if name in pq.read_schema(path).names]
    return bool(there) and bool(pc.any(rows_of(pq.read_table(path, columns=there), ids)).as_py())


def mentions(path: Path, ids: Collection[str]) -> bool:
    """Whether it is a file in which one of the ids stands as a whole: as a text of a Parquet
    column, or between bytes that are no part of a word."""
    if not path.is_file():
        return False
    if path.suffix == ".parquet":
        return _in_columns(path, ids)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            text = file.read()
    except OSError:
        return False
    return any(_stands(text, id_.encode()) for id_ in ids)


def _in_columns(path: Path, ids: Collection[str]) -> bool:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return False
    texts = [column for column in table.columns if pa.types.is_string(column.type)]
    wanted = pa.array(list(ids), pa.string())
    return any(pc.any(pc.is_in(column, value_set=wanted)).as_py() for column in texts)


def _stands(text: bytes, id_: bytes) -> bool:
    """Whether an id stands in a text, and not merely as a part of a longer word.

    >>> _stands(b'{"user": "ann"}', b"ann"), _stands(b"channel", b"ann")
    (True, False)
    """
    at = text.find(id_)
    while at >= 0:
        around = text[max(0, at - 1) : at] + text[at + len(id_) : at + len(id_) + 1]
        if not any(chr(byte).isalnum() for byte in around):
            return True
        at = text.find(id_, at + 1)
    return False
