"""The five tables: the only place that knows their columns.

`sources` map what a shop has to these names; all that follows reads nothing else. Times are
UTC microseconds since 1970 (int64), money is a float in the shop's currency, and what has no
column of its own stays as JSON text in `context` or `attributes`.
"""

from __future__ import annotations

from types import MappingProxyType

import pyarrow as pa

TEXT, TIME, MONEY = pa.string(), pa.int64(), pa.float64()

EVENTS = pa.schema(
    [
        pa.field("event_id", TEXT, nullable=False),
        pa.field("event_type", TEXT, nullable=False),
        pa.field("user_id", TEXT),
        pa.field("anonymous_id", TEXT),
        pa.field("session_id", TEXT),
        pa.field("item_id", TEXT),
        pa.field("timestamp", TIME),
        pa.field("value", pa.float64()),
        pa.field("quantity", pa.float64()),
        pa.field("price", MONEY),
        pa.field("currency", TEXT),
        pa.field("position", pa.int32()),
        pa.field("placement", TEXT),
        pa.field("recommendation_id", TEXT),
        pa.field("query", TEXT),
        pa.field("context", TEXT),
    ]
)

ITEMS = pa.schema(
    [
        pa.field("item_id", TEXT, nullable=False),
        pa.field("title", TEXT),
        pa.field("description", TEXT),
        pa.field("categories", pa.list_(TEXT)),
        pa.field("brand", TEXT),
        pa.field("price", MONEY),
        pa.field("sale_price", MONEY),
        pa.field("currency", TEXT),
        pa.field("availability", TEXT),
        pa.field("image_url", TEXT),
        pa.field("url", TEXT),
        pa.field("parent_id", TEXT),
        pa.field("created_at", TIME),
        pa.field("expires_at", TIME),
        pa.field("attributes", TEXT),
        pa.field("tags", pa.list_(TEXT)),
    ]
)

USERS = pa.schema(
    [
        pa.field("user_id", TEXT, nullable=False),
        pa.field("attributes", TEXT),
        pa.field("created_at", TIME),
    ]
)

IMPRESSIONS = pa.schema(
    [
        pa.field("recommendation_id", TEXT, nullable=False),
        pa.field("user_id", TEXT),
        pa.field("anonymous_id", TEXT),
        pa.field("session_id", TEXT),
        pa.field("timestamp", TIME),
        pa.field("placement", TEXT),
        pa.field("item_id", TEXT),
        pa.field("position", pa.int32()),
        pa.field("score", pa.float64()),
        pa.field("release", TEXT),
        # How likely the item was to stand there, given those above it; none where not known.
        pa.field("propensity", pa.float64()),
    ]
)

TRIPLES = pa.schema(
    [
        pa.field("head", TEXT, nullable=False),
        pa.field("relation", TEXT, nullable=False),
        pa.field("tail", TEXT, nullable=False),
    ]
)
"""Facts: an item_id, or the name of anything else, on either side."""

MERGES = pa.schema(
    [
        pa.field("anonymous_id", TEXT, nullable=False),
        pa.field("user_id", TEXT, nullable=False),
        pa.field("time", TIME),
    ]
)
"""Whose a device is, and since when that is known; it is written by the service alone."""

IS = "is"
"""The relation of a fact that says which item a thing is that other facts name."""

TABLES = MappingProxyType(
    {
        "events": EVENTS,
        "items": ITEMS,
        "users": USERS,
        "impressions": IMPRESSIONS,
        "triples": TRIPLES,
    }
)

KEYS = MappingProxyType(
    {
        "events": ("event_id",),
        "items": ("item_id",),
        "users": ("user_id",),
        "impressions": ("recommendation_id", "item_id"),
        "triples": ("head", "relation", "tail"),
    }
)
"""What makes a row of a table the same row as another."""

EVENT_TYPES = (
    "impression",
    "click",
    "view",
    "search",
    "add_to_wishlist",
    "add_to_cart",
    "remove_from_cart",
    "begin_checkout",
    "purchase",
    "refund",
    "rate",
    "dislike",
)
"""The event types that mean something here. An event's `kind` is its place in this tuple."""

ITEMLESS = ("search", "begin_checkout")
"""Event types that need no item."""

AVAILABILITY = ("in_stock", "out_of_stock", "preorder")


def kind(event_type: str) -> int:
    """
    >>> kind("purchase")
    8
    """
    return EVENT_TYPES.index(event_type)
