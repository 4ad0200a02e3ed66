"""What was imported, in the order in which it came."""

from __future__ import annotations

from pathlib import Path

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from endcap.errors import DataError
from endcap.tables.engines import Engine
from endcap.tables.schema import KEYS, TABLES

ROWS = 1 << 40
"""More rows than any one file has: a row's place is its file's number times this, plus its own."""


def files(tables: Path, name: str) -> list[Path]:
    """The files of a table, oldest import first: their names begin with the number of the import,
    and survive a copy of the shop, which times of modification do not.
    """
    found = (tables / name).glob("*.parquet")
    return sorted(path for path in found if not path.name.startswith("."))


def imported(engine: Engine, tables: Path, name: str) -> Table:
    """All rows of a table by its schema, with `place`: the order in which they came (int64)."""
    schema, paths = TABLES[name], files(tables, name)
    if not paths:
        return engine.empty(schema.append(pa.field("place", pa.int64())))
    rows = _read(engine, paths)
    types = ibis.Schema.from_pyarrow(schema)
    columns = {
        column: (rows[column] if column in rows.columns else ibis.null()).cast(type_)
        for column, type_ in types.items()
    }
    return rows.select(**columns, place=_.file * ROWS + _.row)


def _read(engine: Engine, paths: list[Path]) -> Table:
    try:
        return engine.read(paths)
    except engine.failures as error:
        raise DataError(
            f"An imported table cannot be read: {error}", mend="Remove that file and import again"
        ) from error


def newest(rows: Table, name: str) -> Table:
    """Of the rows with the same key, the one that came last."""
    latest = ibis.window(group_by=KEYS[name], order_by=[_.place.desc()])
    ranked = rows.mutate(again=ibis.row_number().over(latest))
    return ranked.filter(_.again == 0).drop("again")
