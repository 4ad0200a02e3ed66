"""DuckDB: inside this process, with all its cores; what does not fit in memory spills to disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table

from endcap.config import Config
from endcap.tables.engines import Engine


class Duckdb(Engine):
    """An Ibis connection to a database in memory."""

    failures = (duckdb.Error,)

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
        names = [str(path) for path in paths]
        rows = self._connection.read_parquet(
            names, filename=True, file_row_number=True, union_by_name=True
        )
        order = ibis.memtable(pa.table({"filename": names, "file": range(len(names))}))
        return rows.join(order, "filename").drop("filename").rename(row="file_row_number")

    def step(self, path: Path) -> Table:
        return self._connection.read_parquet(path, file_row_number=True).rename(
            row="file_row_number"
        )

    def write(self, rows: Table, path: Path) -> None:
        self._connection.to_parquet(rows, path, compression="zstd")

    def empty(self, schema: pa.Schema) -> Table:
        return ibis.memtable(schema.empty_table())

    def hash(self, value: ibis.Value) -> ibis.Value:
        return value.hash()

    def close(self) -> None:
        self._connection.disconnect()
