"""All that a store holds, whatever module of this folder defines it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from sqlalchemy import Connection, MetaData, Table, delete, func, insert, select, text

from endcap import store
from endcap.store.database import Database, Held
from endcap.store.schema import names, patiently

BATCH = 5_000
"""Rows that are in memory at a time."""


def everything() -> list[MetaData]:
    """What each module of this folder keeps, and the store's name."""
    for found in pkgutil.iter_modules(store.__path__):
        importlib.import_module(f"{store.__name__}.{found.name}")
    return [names, *(kind.metadata for kind in Held.__subclasses__())]


def tables(database: Database) -> list[Table]:
    """All tables, made where they are not there yet."""
    known = everything()
    for metadata in known:
        database.create(metadata)
    return [table for metadata in known for table in metadata.sorted_tables]


def counts(database: Database) -> dict[str, int]:
    """Rows of each table."""
    with database.engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables(database)
        }


def copy(source: Database, target: Database) -> None:
    """Put the rows of one store in the place of all that another holds, as of one moment and in
    one transaction."""
    tables(source)
    known = tables(target)
    with source.engine.connect() as reading, target.engine.begin() as writing:
        _steady(reading)
        patiently(writing)
        for table in known:
            writing.execute(delete(table))
            rows: Any = reading.execution_options(yield_per=BATCH).execute(select(table)).mappings()
            for batch in rows.partitions():
                writing.execute(insert(table), [dict(row) for row in batch])
            _count_on(writing, table)


def _steady(connection: Connection) -> None:
    """All that is read from here on is as of this moment."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    else:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _count_on(connection: Connection, table: Table) -> None:
    """The next row's place follows on the last one's; SQLite sees to it by itself."""
    if connection.dialect.name == "postgresql" and "place" in table.c:
        last = select(func.coalesce(func.max(table.c.place), 0) + 1).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, "place")
        connection.execute(select(func.setval(sequence, last, False)))
