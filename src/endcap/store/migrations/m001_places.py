"""No number of a row is given twice.

SQLite gives the numbers of removed rows again unless told not to. Events that have been written to
Parquet may be removed, and how far they have been written is a number.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

TABLES = ("events", "impressions", "audit")


def forward(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL never did
    for table in TABLES:
        _rebuild(connection, table)


def _rebuild(connection: Connection, table: str) -> None:
    """SQLite can't change a table's key, so the rows move to a new table."""
    columns = connection.execute(text(f"PRAGMA table_info({table})")).all()
    if not columns:
        return
    find = "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table"
    indexes = connection.execute(text(find), {"table": table}).scalars().all()
    names = ", ".join(f'"{one.name}"' for one in columns)
    parts = ", ".join(_column(one.name, one.type, one.notnull) for one in columns)
    for step in (
        f"CREATE TABLE moved ({parts})",
        f"INSERT INTO moved ({names}) SELECT {names} FROM {table} ORDER BY place",  # noqa: S608
        f"DROP TABLE {table}",
        f"ALTER TABLE moved RENAME TO {table}",
        *filter(None, indexes),
    ):
        connection.exec_driver_sql(step)


def _column(name: str, kind: str, notnull: int) -> str:
    if name == "place":
        return "place INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT"
    return f'"{name}" {kind}{" NOT NULL" if notnull else ""}'
