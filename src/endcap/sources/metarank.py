"""Metarank: its events, as JSON Lines.

    {"event": "interaction", "id": "e", "timestamp": "1700000000000", "type": "click",
     "ranking": "r", "user": "u", "session": "s", "item": "i", "fields": []}

`item` and `user` events describe, `ranking` events say what was shown.
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing.nested import PLACE, as_json, exploded, record, text_at
from endcap.sources import Extract, Given

COLUMNS = (
    *("event", "id", "timestamp", "type", "ranking", "user", "session", "item", "items"),
    "fields",
)

VISIT = {"user_id": "user", "session_id": "session", "timestamp": "timestamp"}

EVENTS = {
    **VISIT,
    "event_id": "id",
    "event_type": "type",
    "item_id": "item",
    "recommendation_id": "ranking",
    "context": "said",
}
ITEMS = {
    "item_id": "item",
    "title": ("said.title", "said.name"),
    "description": "said.description",
    "categories": ("said.categories", "said.category", "said.genres", "said.genre"),
    "brand": "said.brand",
    "price": "said.price",
    "attributes": "said",
}
USERS = {"user_id": "user", "attributes": "said"}
SHOWN = {**VISIT, "recommendation_id": "id", "item_id": "items.id", "position": PLACE}

KINDS = ("interaction", "item", "user", "ranking")


def recognises(given: Given) -> float:
    if not given.columns >= {"event", "id", "timestamp"}:
        return 0.0
    return 0.9 * given.has(lambda rows: rows.filter(text_at(rows, "event").isin(KINDS)))


def read(given: Given) -> list[Extract]:
    rows = as_json(given.file.table, COLUMNS)
    said = record(rows, "fields", "name", "value")
    rows = rows.mutate(what=text_at(rows, "event"), said=said).drop("event", "fields")
    other = rows["what"].isin(KINDS[1:]).fill_null(False)
    events = rows.filter(~other)
    known = (events["what"] == KINDS[0]).fill_null(False)
    problem = {"problem": ibis.cases((~known, "unknown_event"))}
    return [
        given.extract("events", EVENTS | problem, events, ("what", "items")),
        _extract(given, "items", ITEMS, rows, "item"),
        _extract(given, "users", USERS, rows, "user"),
        _extract(given, "impressions", SHOWN, exploded(rows, "items"), "ranking"),
    ]


def _extract(given: Given, kind: str, columns: dict[str, Any], rows: Any, what: str) -> Extract:
    some = rows.filter(rows["what"] == what)
    return given.extract(kind, columns, some, ("id", "timestamp", "what", "type", "items"))
