"""Parquet between steps: each step is a file, written once, whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ibis
from ibis.expr.types import Table

from endcap.errors import DataError


@dataclass(frozen=True)
class Steps:
    """A folder of finished steps. One that is there already is not computed again, so work
    that was interrupted goes on where it stopped.
    """

    engine: Any
    folder: Path

    @classmethod
    def duckdb(cls, folder: Path) -> Steps:
        """Steps on DuckDB, inside this process; what does not fit in memory spills to disk."""
        folder.mkdir(parents=True, exist_ok=True)
        engine = ibis.duckdb.connect(
            memory_limit=f"{_memory() >> 20}MB",
            temp_directory=str(folder / "spill"),
            preserve_insertion_order=False,
            autoinstall_known_extensions=False,
        )
        engine.raw_sql("SET enable_progress_bar = false")
        return cls(engine, folder)

    def write(self, name: str, rows: Table) -> Table:
        """Compute a step, unless it is there, and read it back.

        The rows come back with `row`, their place in the file from 0.
        """
        path = self.folder / f"{name}.parquet"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}")
            self._compute(name, rows, draft)
            os.replace(draft, path)
        return self.engine.read_parquet(path, file_row_number=True).rename(row="file_row_number")

    def _compute(self, name: str, rows: Table, path: Path) -> None:
        try:
            self.engine.to_parquet(rows, path, compression="zstd")
        except duckdb.Error as error:
            raise DataError(f"The step {name} cannot be computed: {error}") from error


def _memory() -> int:
    """Bytes that the engine may take: a quarter of the machine's, but at least half a gigabyte."""
    return max(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4, 1 << 29)
