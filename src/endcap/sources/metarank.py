"""Metarank: its events, as JSON Lines.

    {"event": "interaction", "id": "e", "timestamp": "1700000000000", "type": "click",
     "ranking": "r", "user": "u", "session": "s", "item": "i", "fields": []}

`item` and `user` events describe, `ranking` events say what was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from endcap.importing.conform import Extract
from endcap.importing.nested import PLACE, as_json, exploded, extract, record, text_at
from endcap.sources import Given

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


def read(given: Given) -> Sequence[Extract]:
    rows = as_json(given.file.table, COLUMNS)
    said = record(rows, "fields", "name", "value")
    rows = rows.mutate(what=text_at(rows, "event"), said=said).drop("event", "fields")
    other = rows["what"].isin(KINDS[1:]).fill_null(False)
    events = rows.filter(~other)
    return given.wanted(
        extract("events", given.file, EVENTS | _strange(events), events, ("what", "items")),
        _extract(given, "items", ITEMS, rows, "item"),
        _extract(given, "users", USERS, rows, "user"),
        _extract(given, "impressions", SHOWN, exploded(rows, "items"), "ranking"),
    )


def _strange(events: Any) -> dict[str, Any]:
    known = (events["what"] == KINDS[0]).fill_null(False)
    return {"problem": ibis.cases((~known, "unknown_event"))}


def _extract(given: Given, kind: str, columns: dict[str, Any], rows: Any, what: str) -> Extract:
    some = rows.filter(rows["what"] == what)
    return extract(kind, given.file, columns, some, ("id", "timestamp", "what", "type", "items"))
