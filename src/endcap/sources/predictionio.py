"""PredictionIO: its events, as JSON Lines; `$set` events describe items and users.

{"event": "buy", "entityType": "user", "entityId": "u1", "targetEntityType": "item",
 "targetEntityId": "i1", "properties": {"price": 9.5}, "eventTime": "2023-11-14T22:13:20.000Z"}
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing import values
from endcap.importing.nested import as_json, text_at
from endcap.sources import Extract, Given

COLUMNS = (
    *("event", "entityType", "entityId", "targetEntityType", "targetEntityId", "properties"),
    *("eventTime", "eventId"),
)
EVENTS = {
    "event_id": "eventId",
    "event_type": "event",
    "user_id": "entityId",
    "item_id": "targetEntityId",
    "timestamp": "eventTime",
    "value": "properties.rating",
    "quantity": "properties.quantity",
    "price": "properties.price",
}
ABOUT = {
    "title": ("said.title", "said.name"),
    "description": "said.description",
    "categories": ("said.categories", "said.category"),
    "brand": "said.brand",
    "price": "said.price",
    "attributes": "said",
}
SPENT = ("entityType", "targetEntityType", "tags", "creationTime", "prId")


def recognises(given: Given) -> float:
    return 0.9 * (given.columns >= {"event", "entityType", "entityId"})


def read(given: Given) -> list[Extract]:
    """Of `$set` events about the same entity, the newest value of each row stands: `$unset` and
    `$delete` are dropped as `not_taken`."""
    rows = as_json(given.file.table, COLUMNS)
    name, whose = text_at(rows, "event"), text_at(rows, "entityType")
    rows = rows.mutate(what=name, whose=whose)
    events = rows.filter(rows.what.isnull() | (rows.what != "$set"))
    problem = ibis.cases(
        (events.what.startswith("$"), "not_taken"), (events.whose != "user", "not_of_a_user")
    )
    used = (*SPENT, "what", "whose")
    return [
        given.extract("events", {**EVENTS, "problem": problem}, events, used),
        _set(given, "items", {"item_id": "entityId", **ABOUT}, rows, "item"),
        _set(given, "users", {"user_id": "entityId", "attributes": "said"}, rows, "user"),
    ]


def _set(given: Given, kind: str, columns: dict[str, Any], rows: Any, whose: str) -> Extract:
    """What `$set` events say, in the order of time, so that the newest row of an entity counts."""
    told = rows.filter((rows.what == "$set") & (rows.whose == whose))
    told = told.rename(said="properties")
    ordered = told.order_by(values.moment(text_at(told, "eventTime")))
    spent = (*SPENT, "what", "whose", "event", "eventTime", "eventId", "targetEntityId")
    return given.extract(kind, columns, ordered, spent)
