"""Small shops as `endcap import` leaves them, for tests of `prepare`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from endcap.config import Shop
from endcap.tables.schema import TABLES

DAY = 86_400_000_000
START = 1_600_000_000_000_000
"""The first moment of the shops here, UTC microseconds: 13 September 2020, noon."""

Row = Mapping[str, Any]


def event(user: str | None, item: str | None, day: float = 0.0, **more: Any) -> dict[str, Any]:
    """A purchase so many days after `START`; its id is made of what it says."""
    values = {"user_id": user, "item_id": item, "timestamp": START + round(day * DAY)}
    row = {"event_type": "purchase", **values, **more}
    return {"event_id": "-".join(str(value) for value in row.values()), **row}


def write(folder: Path, table: str, rows: Iterable[Row]) -> Path:
    """One more imported file of a table."""
    folder = folder / "tables" / table
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir())) + 1:06}-test.parquet"
    schema = TABLES[table]
    full = [{name: row.get(name) for name in schema.names} for row in rows]
    pq.write_table(pa.Table.from_pylist(full, schema), path)
    return path


def raw_shop(
    folder: Path,
    events: Iterable[Row],
    items: Iterable[Row] = (),
    users: Iterable[Row] = (),
    changes: Iterable[str] = (),
) -> Shop:
    """A shop with one imported file of each table that has rows, and changed settings."""
    for table, rows in (("events", events), ("items", items), ("users", users)):
        if rows := list(rows):
            write(folder, table, rows)
    return Shop.open(folder, changes)


def lively(days: int = 120, users: int = 60, items: int = 12) -> list[dict[str, Any]]:
    """Events that never tire: each day each third visitor looks at, and may buy, something."""
    rows = []
    for day in range(days):
        for user in range(day % 3, users, 3):
            item = f"item-{(user * 7 + day * day // 5) % items:02}"
            moment = day + user / 100
            rows.append(event(f"user-{user:02}", item, moment, event_type="view"))
            if (user + day) % 2:
                rows.append(event(f"user-{user:02}", item, moment + 0.005, price=1.0 + user))
    return rows


def goods(items: int = 12) -> list[dict[str, Any]]:
    return [
        {
            "item_id": f"item-{item:02}",
            "title": f"商品 {item}",
            "categories": [f"Home > Shelf {item % 3}"],
            "brand": f"Brand {item % 2}",
            "price": 10.0 + item,
        }
        for item in range(items)
    ]
