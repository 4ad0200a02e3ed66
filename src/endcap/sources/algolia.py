"""Algolia Insights: click, conversion and view events, as JSON Lines or the body of a request.

{"events": [{"eventType": "conversion", "eventSubtype": "purchase", "eventName": "Bought",
  "userToken": "a", "objectIDs": ["7"], "objectData": [{"price": 9.5, "quantity": 2}],
  "queryID": "q", "timestamp": 1700000000000}]}
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing.nested import PLACE, Told, as_json, exploded, spread, text_at
from endcap.sources import Extract, Given
from endcap.tables.duck import json_text

COLUMNS = (
    *("eventType", "eventSubtype", "eventName", "userToken", "authenticatedUserToken"),
    *("objectIDs", "objectData", "positions", "queryID", "timestamp", "value", "currency"),
)
EVENTS = {
    "user_id": "authenticatedUserToken",
    "anonymous_id": "userToken",
    "item_id": "objectIDs",
    "timestamp": "timestamp",
    "value": "value",
    "currency": "currency",
    "recommendation_id": "queryID",
}
SUBTYPES = (("addToCart", "add_to_cart"), ("purchase", "purchase"))
USED = ("eventType", "eventSubtype", "objectData", "positions")


def recognises(given: Given) -> float:
    if given.columns == {"events"}:
        return 0.9 * given.has(lambda rows: _calls(rows).filter(_is_call))
    return 0.9 * (given.columns >= {"eventType", "userToken"} and bool(given.columns & SIGNS))


SIGNS = frozenset({"objectIDs", "queryID", "eventName"})


def read(given: Given) -> list[Extract]:
    """Each of objectIDs becomes an event with its own place, price and quantity."""
    rows = _calls(given.file.table) if given.columns == {"events"} else given.file.table
    each = exploded(as_json(rows, COLUMNS), "objectIDs")
    columns = {
        **EVENTS,
        "event_type": Told(_type(each), "eventSubtype or eventType"),
        "position": _at_place(each, "positions"),
        "price": _at_place(each, "objectData", "price"),
        "quantity": _at_place(each, "objectData", "quantity"),
    }
    return [given.extract("events", columns, each, USED)]


def _calls(table: Any) -> Any:
    """The events of bodies, one a row."""
    return spread(exploded(as_json(table), "events"), "events", COLUMNS)


def _is_call(rows: Any) -> Any:
    return text_at(rows, "userToken").notnull() & text_at(rows, "eventType").notnull()


def _type(rows: Any) -> Any:
    """A conversion that does not say of what kind it is stays one, which is no type of ours."""
    kind, subtype = text_at(rows, "eventType"), text_at(rows, "eventSubtype")
    return ibis.coalesce(subtype.cases(*SUBTYPES), kind)


def _at_place(rows: Any, column: str, *keys: str) -> Told:
    """Of a list beside the objects the element of this object."""
    inside = "".join(f".{key}" for key in keys)
    place = rows[PLACE].cast("string")
    found = json_text(rows[column].cast("json"), "$[" + place + "]" + inside)
    return Told(found, column + inside)
