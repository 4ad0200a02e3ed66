"""What the store lets go of: rows that are in Parquet and old, and traces of old answers."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Table, delete, select

from endcap.config import Store
from endcap.store.answers import Answers, answers
from endcap.store.compact import LIVE, written
from endcap.store.database import Database
from endcap.types import DAY

CHUNK = 5_000
"""Rows that are removed at once; whoever writes waits that long."""


def let_go(database: Database, tables: Path, settings: Store, now: int) -> int:
    """Remove what need not be kept; returns how many rows that was. now: UTC microseconds."""
    until = now - round(settings.keep_days * DAY)
    removed = 0
    for table in (one.table for one in LIVE):
        done = written(database, tables, table)
        while count := database.write(lambda connection: _oldest(connection, table, done, until)):  # noqa: B023
            removed += count
    Answers(database)  # so that the table is there
    until = now - round(settings.trace_days * DAY)
    while count := database.write(lambda connection: _traces(connection, until)):
        removed += count
    return removed


def _oldest(connection: Connection, table: Table, done: int, until: int) -> int:
    """Rows leave in the order in which they came: the first that is too young ends it, so that
    no index by time is needed."""
    c = table.c
    query = select(c.place, c.timestamp).where(c.place <= done).order_by(c.place).limit(CHUNK)
    last, count = 0, 0
    for place, moment in connection.execute(query):
        if (moment or 0) >= until:
            break
        last, count = place, count + 1
    connection.execute(delete(table).where(c.place <= last))
    return count


def _traces(connection: Connection, until: int) -> int:
    c = answers.c
    old = select(c.recommendation_id).where(c.timestamp < until).order_by(c.timestamp).limit(CHUNK)
    return connection.execute(delete(answers).where(c.recommendation_id.in_(old))).rowcount
