"""Calls of the Segment specification, version 2, which RudderStack and others speak too.

    {"type": "track", "event": "Order Completed", "userId": "u", "anonymousId": "a",
     "messageId": "m", "timestamp": "2023-11-14T22:13:20.000Z",
     "properties": {"order_id": "1", "products": [{"product_id": "p", "price": 9.5}]}}

or many of them in ``{"batch": […]}``. Each product becomes an event of its own; `identify`
calls become users.
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing.nested import PLACE, Told, as_json, exploded, spread, text_at
from endcap.sources import Extract, Given

CALL = ("type", "event", "userId", "anonymousId", "messageId", "properties", "traits", "context")
TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")

PRODUCTS = "properties.products"

EVENTS = {
    "event_type": "event",
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "session_id": ("context.sessionId", "properties.session_id"),
    "timestamp": TIMES,
    "item_id": ("products.product_id", "products.sku", "properties.product_id", "properties.sku"),
    "price": ("products.price", "properties.price"),
    "quantity": ("products.quantity", "properties.quantity"),
    "position": ("products.position", "properties.position"),
    "value": ("properties.rating", "properties.value"),
    "currency": "properties.currency",
    "placement": "properties.list_id",
    "query": "properties.query",
}

USERS = {"user_id": "userId", "created_at": "traits.createdAt", "attributes": "traits"}


def recognises(given: Given) -> float:
    """Sure of calls with their parts, and of a batch of them."""
    visitor = given.columns & {"userId", "anonymousId"}
    call = given.columns & {"type", "messageId", "originalTimestamp", "sentAt", "receivedAt"}
    said = given.columns >= {"event", "properties"} or "traits" in given.columns
    if visitor and call and said:
        return 1.0
    return float("batch" in given.columns and given.has(_calls))


def _calls(rows: Any) -> Any:
    calls = exploded(rows, "batch")
    return calls.filter(text_at(calls, "batch.type").notnull())


def read(given: Given) -> list[Extract]:
    rows = as_json(given.file.table, () if "batch" in given.columns else CALL)
    if "batch" in given.columns:
        rows = spread(exploded(rows, "batch").drop(PLACE), "batch", (*CALL, *TIMES))
    calls = rows.mutate(call=text_at(rows, "type").fill_null("track"))
    return [_events(given, calls), _users(given, calls)]


def _events(given: Given, calls: Any) -> Extract:
    calls = calls.filter(calls["call"] != "identify")
    events = exploded(calls, PRODUCTS)
    place = ibis.ifelse(events["products"].isnull(), "", "-" + events[PLACE].cast("string"))
    number = text_at(events, "messageId") + place
    columns = {
        **EVENTS,
        "event_id": Told(number, "messageId, and the place of the product"),
        "problem": ibis.cases((events["call"] != "track", "not_track")),
    }
    return given.extract("events", columns, events, ("messageId", "type", "call"))


def _users(given: Given, calls: Any) -> Extract:
    known = calls.filter(calls["call"] == "identify")
    return given.extract("users", USERS, known.select("userId", "traits"))
