"""Google Analytics 4: its export to BigQuery, and what the Measurement Protocol sends.

The export, one event a line (or in Parquet):

    {"event_timestamp": "1700000000000000", "event_name": "view_item", "user_pseudo_id": "1.2",
     "event_params": [{"key": "ga_session_id", "value": {"int_value": "7"}}],
     "items": [{"item_id": "sku", "price": 9.5}]}

The protocol, several events of one visitor in an object:

    {"client_id": "1.2", "timestamp_micros": "1700000000000000",
     "events": [{"name": "view_item", "params": {"items": [{"item_id": "sku"}]}}]}

Each item of an event becomes an event of its own.
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing.nested import PLACE, Told, as_json, at, exploded, record, text_at
from endcap.sources import Extract, Given

EXPORT = frozenset({"event_timestamp", "event_name", "user_pseudo_id"})
PROTOCOL = frozenset({"client_id", "events"})

NOT_SET = ("(not set)", "(other)")

ITEM = {
    "item_id": "items.item_id",
    "price": "items.price",
    "quantity": "items.quantity",
    "position": "items.index",
    "placement": ("items.item_list_name", "items.item_list_id", "params.item_list_name"),
}

EXPORTED = {
    **ITEM,
    "event_type": "event_name",
    "user_id": "user_id",
    "anonymous_id": "user_pseudo_id",
    "session_id": "params.ga_session_id",
    "timestamp": "event_timestamp",
    "value": ("params.value", "event_value_in_usd"),
    "currency": "params.currency",
    "query": "params.search_term",
}

SENT = {
    **ITEM,
    "event_type": "events.name",
    "user_id": "user_id",
    "anonymous_id": ("client_id", "app_instance_id"),
    "session_id": "params.session_id",
    "timestamp": ("events.timestamp_micros", "timestamp_micros"),
    "value": "params.value",
    "currency": "params.currency",
    "query": "params.search_term",
}


def recognises(given: Given) -> float:
    sent = given.columns >= PROTOCOL or {"app_instance_id", "events"} <= given.columns
    return float(given.columns >= EXPORT or sent)


def read(given: Given) -> list[Extract]:
    """Raises SourceError where it is something else than events."""
    rows = as_json(given.file.table, ["event_params"])
    events = _exported(rows) if "event_name" in given.columns else _sent(rows)
    columns = EXPORTED if "event_name" in given.columns else SENT
    unset = at(events, "items.item_id").isin(NOT_SET)
    found = events.mutate(items=ibis.ifelse(unset, ibis.null("json"), events["items"]))
    session = f"{columns['anonymous_id']} and {columns['session_id']}"
    order = "transaction_id, item and place, for purchases; the content for others"
    own = {
        "session_id": Told(_session(found, columns), session),
        "event_id": Told(_order(found, columns), order),
    }
    return [given.extract("events", columns | own, found)]


def _exported(rows: Any) -> Any:
    kinds = ("value.string_value", "value.int_value", "value.double_value", "value.float_value")
    params = record(rows, "event_params", "key", *kinds)
    return exploded(rows.mutate(params=params).drop("event_params"), "items")


def _sent(rows: Any) -> Any:
    rows = exploded(rows, "events").drop(PLACE)
    return exploded(rows.mutate(params=rows["events"]["params"]), "params.items")


def _session(events: Any, columns: Any) -> Any:
    """A session's number is the second at which it began: it is unique within a visitor only."""
    return text_at(events, columns["anonymous_id"]) + "-" + text_at(events, columns["session_id"])


def _order(events: Any, columns: Any) -> Any:
    """A page of thanks that is loaded again sends its purchase again, under the same number."""
    number = text_at(events, ("params.transaction_id", "ecommerce.transaction_id"))
    number = number.nullif(NOT_SET[0])
    bought = text_at(events, columns["event_type"]) == "purchase"
    found = "purchase-" + number + "-" + text_at(events, "items.item_id")
    return ibis.ifelse(bought, found + "-" + events[PLACE].cast("string"), ibis.null("string"))
