"""Impressions have a row for each answer, with what was shown as JSON, no longer one for each item.

A row of the older kind becomes an answer that showed one item, and keeps its place: how far
impressions have been written to Parquet is a number of a row.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect

OF_AN_ITEM = ("item_id", "position", "score", "propensity")

LIST = {"sqlite": "json_array", "postgresql": "json_build_array"}


def forward(connection: Connection) -> None:
    found = inspect(connection)
    if not found.has_table("impressions"):
        return
    there = {column["name"] for column in found.get_columns("impressions")}
    said = ", ".join(name if name in there else "NULL" for name in OF_AN_ITEM)
    list_ = LIST[connection.dialect.name]
    for step in (
        "DROP INDEX IF EXISTS shown",  # nobody looks for impressions by their answer
        "ALTER TABLE impressions ADD COLUMN items TEXT NOT NULL DEFAULT '[]'",
        f"UPDATE impressions SET items = CAST({list_}({list_}({said})) AS TEXT)",  # noqa: S608
        *(f"ALTER TABLE impressions DROP COLUMN {name}" for name in OF_AN_ITEM if name in there),
    ):
        connection.exec_driver_sql(step)
