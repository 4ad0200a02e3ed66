"""The schema of a store: its tables, and the way from an older version's to this one's.

A table, column or index that is new needs nothing but its definition. All else is a migration: a
numbered file in `migrations`, run once on each older store, in the order of the numbers.
"""

from __future__ import annotations

import importlib
import pkgutil
import secrets
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from endcap.errors import StateError
from endcap.store import migrations

LOCK = 0x456E64636170
"""The number of the lock that all writers to a PostgreSQL store take: "Endcap" in hexadecimals."""

names = MetaData()

_store = Table(
    "store",
    names,
    Column("name", String, primary_key=True),
    Column("version", Integer, nullable=False),
)
"""One row. name: by chance, as the places of one store mean nothing in another."""


def place() -> Column[Any]:
    """A primary key that counts: the order in which rows came. No number is given twice, not even
    where the newest rows are removed."""
    return Column("place", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def lock_writers(connection: Connection) -> None:
    """Wait until nobody else writes, and keep others from it until the end of the transaction.

    So rows become visible in the order of their places, and whoever has read up to a place has
    read all below it. SQLite has one writer at a time by itself.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def create(engine: Engine, metadata: MetaData) -> None:
    """Make the tables that are not there yet, and bring those of an older version forward.

    Several processes may do this at the same time: each waits until it alone writes. Raises
    StateError where the store is of a newer version.
    """
    with engine.begin() as connection:
        patiently(connection)
        _bring_forward(connection)
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            _complete(connection, table)
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index, if_not_exists=True))


def patiently(connection: Connection) -> None:
    """Write alone in the transaction that has begun, and as long as it takes: to move many rows
    does."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        lock_writers(connection)


def name_of(connection: Connection) -> str:
    """The name of a store."""
    return str(connection.execute(select(_store.c.name)).scalar_one())


def _bring_forward(connection: Connection) -> None:
    steps = dict(_steps())
    newest, tables = max(steps), inspect(connection).get_table_names()
    connection.execute(CreateTable(_store, if_not_exists=True))
    here = connection.execute(select(_store.c.version)).scalar()
    if here is None:
        # Stores had no version at first; one without any table is new.
        here = 0 if set(tables) - {_store.name} else newest
        row = {"name": secrets.token_hex(4), "version": here}
        connection.execute(insert(_store), row)
    if here > newest:
        raise StateError(
            f"The store is of version {here}, made by a newer Endcap",
            expected=f"at most version {newest}",
            mend="Install the newer Endcap",
        )
    for number in range(here + 1, newest + 1):
        steps[number].forward(connection)
    if here < newest:
        connection.execute(update(_store).values(version=newest))


def _steps() -> Iterator[tuple[int, Any]]:
    """Each migration by its number, which begins the name of its file: m001_…, m002_…"""
    for found in pkgutil.iter_modules(migrations.__path__):
        module = importlib.import_module(f"{migrations.__name__}.{found.name}")
        yield int(found.name[1:4]), module


def _complete(connection: Connection, table: Table) -> None:
    """Add the columns that an older version did not have; they are empty in its rows."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(
                f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}'
            )
