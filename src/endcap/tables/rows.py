"""The few rows in which a question to a table ends, as Python has them."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

ROWS = _.count()


def rows_of(table: Table) -> list[dict[str, Any]]:
    """All rows of a table; for small answers."""
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return rows


def one_of(table: Table) -> dict[str, Any]:
    """The one row of a table."""
    return rows_of(table)[0]


def counts_of(table: Table, column: str) -> dict[Any, int]:
    """How many rows there are of each value, the most frequent first."""
    each = table.group_by(column).agg(rows=_.count()).order_by(_.rows.desc(), column)
    return {row[column]: row["rows"] for row in rows_of(each)}


def count_of(table: Table, of: ibis.Deferred = ROWS) -> int:
    """How many rows a table has, or what else is worked out of all of them."""
    return int(one_of(table.agg(n=of))["n"] or 0)
