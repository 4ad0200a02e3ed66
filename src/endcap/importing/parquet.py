"""Parquet, which says itself what its columns are."""

# ruff: noqa: S608 (SQL is made of names of ours and of what `quoted` has made safe)

from __future__ import annotations

from pathlib import Path

from endcap.errors import SourceError
from endcap.importing.encoding import LARGE, TIMES, Text
from endcap.importing.rows import Rows
from endcap.importing.workspace import Workspace
from endcap.tables.duck import quoted

ROW = 100
"""Bytes of a row, at least, where all rows are not alike."""


def read_parquet(text: Text, path: Path, work: Workspace) -> Rows:
    file, size = quoted(text.path), text.path.stat().st_size
    rows = work.value(
        f"SELECT max(rows) FROM (SELECT num_rows AS rows FROM parquet_file_metadata({file}) UNION "
        f"ALL SELECT sum(row_group_num_rows) FROM parquet_metadata({file}) GROUP BY column_id)",
        of=path,
    )
    if not 0 <= rows <= max(LARGE // ROW, TIMES * size):  # reading them would never end
        raise SourceError(f"{path} says that it has {rows:,} rows in {size:,} bytes")
    work.run(f"CREATE VIEW raw AS FROM read_parquet({file})", of=path)
    return Rows(work.table("raw"), {}, text.notes)
