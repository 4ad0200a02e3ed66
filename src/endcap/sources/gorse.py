"""Gorse: feedback, items and users, as its API and its export write them in JSON.

{"FeedbackType": "star", "UserId": "u", "ItemId": "i", "Value": 1, "Timestamp": "2023-…"}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing.conform import Extract
from endcap.importing.nested import as_json, extract, text_at
from endcap.sources import Given
from endcap.tables.duck import json_type

EVENTS = {
    "event_type": "FeedbackType",
    "user_id": "UserId",
    "item_id": "ItemId",
    "value": "Value",
    "timestamp": "Timestamp",
}
ITEMS = {
    "item_id": "ItemId",
    "title": "Comment",
    "categories": "Categories",
    "created_at": "Timestamp",
}
USERS = {"user_id": "UserId"}

ABOUT_ITEMS = frozenset({"IsHidden", "Categories", "Labels"})
ALL = frozenset({"ItemId", "UserId", *ABOUT_ITEMS, "Timestamp", "Comment", "Subscribe"})
KINDS = {"FeedbackType": "events", "ItemId": "items", "UserId": "users"}


def recognises(given: Given) -> float:
    """Sure of names in its own spelling, of which some are about feedback, an item or a user."""
    feedback = given.columns >= {"FeedbackType", "UserId", "ItemId"}
    items = "ItemId" in given.columns and given.columns & ABOUT_ITEMS
    users = given.columns >= {"UserId", "Labels"}
    return 0.9 * bool(feedback or (given.columns <= ALL and (items or users)))


def read(given: Given) -> Sequence[Extract]:
    """Raises SourceError where no column says what it is."""
    rows = as_json(given.file.table)
    for column, kind in KINDS.items():
        if column in given.columns:
            return given.wanted(_extract(given, kind, rows))
    raise SourceError(f"{given.name} has no FeedbackType, ItemId or UserId", expected="one of them")


def _extract(given: Given, kind: str, rows: Any) -> Extract:
    if kind == "events":
        return extract("events", given.file, EVENTS, rows)
    if kind == "users":
        return extract("users", given.file, USERS, rows)
    rows = as_json(rows, ["IsHidden", "Labels"])
    listed = json_type(rows["Labels"].cast("json")) == "ARRAY"
    columns = {
        **ITEMS,
        "tags": ibis.ifelse(listed, rows["Labels"].cast("json"), ibis.null("json")),
        "availability": ibis.ifelse(
            text_at(rows, "IsHidden").lower() == "true", "out_of_stock", "in_stock"
        ),
    }
    words = {"tags": "Labels, where they are a list", "availability": "IsHidden"}
    return extract("items", given.file, columns, rows, used=("IsHidden",), **words)
