"""Logs that REES46 publishes: events of a shop, each with what was known of its product.

event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session
2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde-…
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing import values
from endcap.importing.nested import Told, as_json, text_at
from endcap.sources import Extract, Given

EVENTS = {
    "timestamp": "event_time",
    "event_type": "event_type",
    "item_id": "product_id",
    "user_id": "user_id",
    "session_id": "user_session",
    "price": "price",
}
ABOUT = ("category_id", "category_code", "brand", "price")
ITEMS = {"item_id": "product_id", "brand": "brand", "price": "price"}


def recognises(given: Given) -> float:
    return float(given.columns >= {*EVENTS.values(), "category_id", "category_code", "brand"})


def read(given: Given) -> list[Extract]:
    rows = as_json(given.file.table, [*EVENTS.values(), *ABOUT])
    events = given.extract("events", EVENTS, rows, ABOUT)
    return [events, _items(given, rows)]


def _items(given: Given, rows: Any) -> Extract:
    """What the newest event of each product says of it."""
    when = values.moment(rows["event_time"])
    known = {name: text_at(rows, name).argmax(when) for name in ABOUT}
    items = rows.filter(text_at(rows, "product_id").notnull()).group_by("product_id").agg(**known)
    path = items["category_code"].replace(".", " > ")
    path = ibis.coalesce(path, items["category_id"])
    columns = {**ITEMS, "categories": Told(path, "category_code, or category_id")}
    return given.extract("items", columns, items, ("category_code",))
