"""DuckDB: inside this process, with all its cores; what does not fit in memory spills to disk."""

# ruff: noqa: S608 (SQL is made of names of ours and of what `quoted` has made safe)

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import duckdb
import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
from ibis.expr.types import Table

from endcap.config import Config
from endcap.tables.duck import quoted
from endcap.tables.engines import Engine


class Duckdb(Engine):
    """An Ibis connection to a database in memory."""

    failures = (duckdb.Error,)
    # Ibis gives it a sign, by way of a text: that takes longer than all else.
    hashing = ("hash", dt.uint64)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    def open(cls, folder: Path, config: Config) -> Self:
        connection = ibis.duckdb.connect(
            memory_limit=f"{config.resources.engine_bytes >> 20}MB",
            temp_directory=str(folder / "spill"),
            preserve_insertion_order=False,
            autoinstall_known_extensions=False,
        )
        connection.raw_sql("SET enable_progress_bar = false")
        return cls(connection)

    def read(self, paths: Sequence[Path]) -> Table:
        names, view = ", ".join(quoted(path) for path in paths), ibis.util.gen_name("endcap")
        self._connection.raw_sql(
            f"CREATE VIEW {view} AS SELECT *, file_index::BIGINT AS file, file_row_number AS row "
            f"FROM read_parquet([{names}], union_by_name = true)"
        )
        return self._connection.table(view)

    def step(self, path: Path) -> Table:
        return self._connection.read_parquet(path, file_row_number=True).rename(
            row="file_row_number"
        )

    def write(self, rows: Table, path: Path, *, lasting: bool = True) -> None:
        # Looking for values that repeat takes more than half of the time of writing, and where
        # there are many of them, files are larger for it.
        kept, brief = (2_000, "zstd"), (1, "snappy")
        limit, compression = kept if lasting else brief
        self._connection.to_parquet(
            rows, path, dictionary_size_limit=limit, compression=compression
        )

    def empty(self, schema: pa.Schema) -> Table:
        return ibis.memtable(schema.empty_table())

    def without(self, rows: Table, others: Table, key: str) -> Table:
        # Told of a join, DuckDB may take the other side for the smaller one, and keep it in memory.
        return rows.filter(rows[key].notin(others[key]))

    def close(self) -> None:
        self._connection.disconnect()
