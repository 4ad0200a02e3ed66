"""A person is erased from the store: rows, and what rows leave behind on the disk."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator

from sqlalchemy import Column, Connection, Engine, MetaData, Table, delete, or_
from sqlalchemy.sql.elements import ColumnElement

NAMING = ("user_id", "anonymous_id", "session_id", "visitor")
"""Columns that name a visitor, in whichever table."""

SPEAKING = ("question", "trace")
"""Columns of JSON in which a visitor may be named."""

PATIENCE = 20
"""Times that readers of the store are waited for, a tenth of a second each."""


def erase(engine: Engine, ids: Collection[str]) -> tuple[dict[str, int], str]:
    """Delete all rows that name one of the visitors.

    Returns how many there were by table, and what of them may still be on the disk; "" for
    nothing.
    """
    lite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if lite:  # what is deleted is overwritten, too
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        erased = {
            table.name: connection.execute(delete(table).where(about)).rowcount
            for table, about in _named(connection, ids)
        }
        connection.commit()
    if not lite:
        return erased, "the server frees the space of deleted rows at its next VACUUM"
    return erased, "" if _swept(engine) else "deleted rows, until the log of the store is next cut"


def _named(
    connection: Connection, ids: Collection[str]
) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Each table that can name a visitor, and when a row of it names one of these."""
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        tests: list[ColumnElement[bool]] = [column.in_(ids) for column in _columns(table, NAMING)]
        for column in _columns(table, SPEAKING):
            # As JSON has the id between its quotes, in either way of writing it.
            for id_ in ids:
                for text in {json.dumps(id_), json.dumps(id_, ensure_ascii=False)}:
                    tests.append(column.contains(text, autoescape=True))
        if tests:
            yield table, or_(*tests)


def _columns(table: Table, names: Collection[str]) -> list[Column[str]]:
    return [column for column in table.columns if column.name in names]


def _swept(engine: Engine) -> bool:
    """Write the SQLite file anew without what was deleted before, and cut its log; False where
    others read from the log all the while."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")
        for _ in range(PATIENCE):
            row = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if not row[0]:
                return True
            time.sleep(0.1)
    return False
