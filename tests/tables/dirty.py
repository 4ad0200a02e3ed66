"""A small shop with everything in its log that `prepare` throws out, in several imports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from endcap.config import Shop
from tests.tables.raw_shop import event, goods, lively, raw_shop, write


def dirty_shop(folder: Path, *changes: str) -> Shop:
    clean, bad = lively(60, 30), list(_bad())
    catalogue = [
        *goods(),
        {"item_id": "商品-甲", "categories": ["  Home>Shelf 1 ", "x"], "brand": "Ünï"},
        {"item_id": "nothing known"},
        {"item_id": "odd", "price": -1.0, "sale_price": 2.0, "categories": [""], "brand": ""},
    ]
    shop = raw_shop(folder, clean[::2] + bad[::2], catalogue, [{"user_id": "user-01"}], changes)
    write(folder, "events", clean[1::2] + bad[1::2] + clean[:50])
    write(folder, "items", [{"item_id": "item-03", "title": "newer", "brand": "Brand 9"}])
    return shop


def _bad() -> list[dict[str, Any]]:
    """Two of each, so that one falls into each file."""
    rows: list[dict[str, Any]] = []
    for n in range(2):
        day = 10 + n / 100
        rows += [
            event(None, "item-01", day),
            event("", "item-01", day),
            event("user-01", None, day),
            event("user-01", "", day),
            event("user-01", None, day, event_type="search"),
            event("user-01", "item-01", day, event_type="unheard of"),
            event("user-01", "item-01", day) | {"timestamp": None},
            event("user-01", "item-01", day) | {"timestamp": n},
            event("user-01", "item-01", day) | {"timestamp": 1 << 60},
            event("user-02", "item-02", 20, event_type="view", note=n),
            event(None, "商品-甲", day, anonymous_id="客", price=9.5, value=3.0),
            event(None, "never listed", day, session_id="s", price=0.1),
            event("user-03", "odd", day, event_type="rate", value=4.0),
        ]
        rows += [
            event("robot", f"item-{m % 12:02}", 30 + m / 9_000, event_type="view", note=n)
            for m in range(1_200)
        ]
    return [{key: value for key, value in row.items() if key != "note"} for row in rows]
