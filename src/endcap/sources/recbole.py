"""RecBole's atomic files: tab-separated, with the type of each column in its name.

user_id:token   item_id:token   rating:float   timestamp:float
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.sources import Given
from endcap.tables.conform import Extract
from endcap.tables.nested import as_json, extract, text_at

TYPES = (":token", ":token_seq", ":float", ":float_seq")

EVENTS = {
    "user_id": "user_id",
    "item_id": "item_id",
    "session_id": "session_id",
    "timestamp": "timestamp",
    "value": "rating",
    "event_type": "event_type",
}
ITEMS = {
    "item_id": "item_id",
    "title": ("title", "movie_title", "name", "item_name", "entity_name"),
    "brand": ("brand", "sales_type"),
    "price": "price",
}
USERS = {"user_id": "user_id"}
CATEGORIES = ("categories", "category", "class", "genre", "genres")


def recognises(given: Given) -> float:
    return float(bool(given.columns) and all(name.endswith(TYPES) for name in given.columns))


def read(given: Given) -> Sequence[Extract]:
    """Raises SourceError where it holds neither users nor items, or no times."""
    rows = as_json(given.file.table)
    named = rows.select(**{name.rpartition(":")[0]: rows[name] for name in rows.columns})
    columns = {*named.columns}
    if {"user_id", "item_id"} <= columns or {"session_id", "item_id"} <= columns:
        return given.wanted(_interactions(given, named))
    if "item_id" in columns:
        return given.wanted(_items(given, named))
    if "user_id" in columns:
        return given.wanted(extract("users", given.file, USERS, named))
    raise SourceError(
        f"{given.name} holds {', '.join(given.columns)}", expected="user_id or item_id"
    )


def _interactions(given: Given, rows: Any) -> Extract:
    if "timestamp" not in rows.columns:
        raise SourceError(
            f"{given.name} has no timestamp:float, so nobody knows what came before what",
            mend="Take the data set's file with timestamps",
        )
    kind = "rate" if "rating" in rows.columns else "purchase"
    if "event_type" in rows.columns:
        return extract("events", given.file, EVENTS, rows)
    columns: Mapping[str, Any] = {**EVENTS, "event_type": ibis.literal(kind)}
    return extract("events", given.file, columns, rows, event_type=f"{kind}, for every row")


def _items(given: Given, rows: Any) -> Extract:
    """Lists are written with blanks between."""
    listed = [text_at(rows, name).re_replace(r"\s+", "|") for name in CATEGORIES]
    columns = {**ITEMS, "categories": ibis.coalesce(*listed)}
    words = " or ".join(CATEGORIES)
    return extract("items", given.file, columns, rows, CATEGORIES, categories=words)
