"""Gorse: feedback, items and users, as its API and its export write them in JSON.

{"FeedbackType": "star", "UserId": "u", "ItemId": "i", "Value": 1, "Timestamp": "2023-…"}
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing.nested import Told, as_json, text_at
from endcap.sources import Extract, Given
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


def read(given: Given) -> list[Extract]:
    """Raises SourceError where no column says what it is."""
    rows = as_json(given.file.table)
    for column, kind in KINDS.items():
        if column in given.columns:
            return [_extract(given, kind, rows)]
    raise SourceError(f"{given.name} has no FeedbackType, ItemId or UserId", expected="one of them")


def _extract(given: Given, kind: str, rows: Any) -> Extract:
    if kind == "events":
        return given.extract("events", EVENTS, rows)
    if kind == "users":
        return given.extract("users", USERS, rows)
    rows = as_json(rows, ["IsHidden", "Labels"])
    listed = json_type(rows["Labels"].cast("json")) == "ARRAY"
    tags = ibis.ifelse(listed, rows["Labels"].cast("json"), ibis.null("json"))
    hidden = text_at(rows, "IsHidden").lower() == "true"
    columns = {
        **ITEMS,
        "tags": Told(tags, "Labels, where they are a list"),
        "availability": Told(ibis.ifelse(hidden, "out_of_stock", "in_stock"), "IsHidden"),
    }
    return given.extract("items", columns, rows, used=("IsHidden",))
