"""What was imported, in the order in which it came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from endcap.errors import DataError
from endcap.tables.schema import KEYS, TABLES

ROWS = 1 << 40
"""More rows than any one file has: a row's place is its file's number times this, plus its own."""


def files(tables: Path, name: str) -> list[Path]:
    """The files of a table, oldest import first: their names begin with the number of the import,
    and survive a copy of the shop, which times of modification do not.
    """
    found = (tables / name).glob("*.parquet")
    return sorted(path for path in found if not path.name.startswith("."))


def imported(engine: Any, tables: Path, name: str) -> Table:
    """All rows of a table by its schema, with `place`: the order in which they came (int64)."""
    schema, paths = TABLES[name], files(tables, name)
    if not paths:
        return ibis.memtable(schema.append(pa.field("place", pa.int64())).empty_table())
    names = [str(path) for path in paths]
    rows = _read(engine, names)
    order = ibis.memtable(pa.table({"filename": names, "file": range(len(names))}))
    types = ibis.Schema.from_pyarrow(schema)
    columns = {
        column: (rows[column] if column in rows.columns else ibis.null()).cast(type_)
        for column, type_ in types.items()
    }
    return rows.join(order, "filename").select(**columns, place=_.file * ROWS + _.file_row_number)


def _read(engine: Any, paths: list[str]) -> Table:
    try:
        return engine.read_parquet(paths, filename=True, file_row_number=True, union_by_name=True)
    except duckdb.Error as error:
        raise DataError(
            f"An imported table cannot be read: {error}", mend="Remove that file and import again"
        ) from error


def newest(rows: Table, name: str) -> Table:
    """Of the rows with the same key, the one that came last."""
    latest = ibis.window(group_by=KEYS[name], order_by=[_.place.desc()])
    ranked = rows.mutate(again=ibis.row_number().over(latest))
    return ranked.filter(_.again == 0).drop("again")
