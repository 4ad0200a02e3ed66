"""Google Retail (Vertex AI Search for commerce): user events and products, as JSON.

{"eventType": "detail-page-view", "visitorId": "v", "eventTime": "2023-11-14T22:13:20Z",
 "productDetails": [{"product": {"id": "p"}, "quantity": 2}]}

{"id": "p", "title": "Dress", "categories": ["Clothes > Dresses"],
 "priceInfo": {"price": 15, "originalPrice": 19.5, "currencyCode": "EUR"}}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from endcap.importing.conform import Extract
from endcap.importing.nested import PLACE, as_json, at, exploded, extract, text_at
from endcap.sources import Given

EVENT = frozenset({"eventType", "visitorId"})
PRODUCT = frozenset({"id", "title"})
SIGNS = frozenset({"priceInfo", "primaryProductId", "availableTime"})

EVENTS = {
    "event_type": "eventType",
    "user_id": "userInfo.userId",
    "anonymous_id": "visitorId",
    "session_id": "sessionId",
    "timestamp": "eventTime",
    "item_id": "productDetails.product.id",
    "quantity": "productDetails.quantity",
    "price": "productDetails.product.priceInfo.price",
    "currency": (
        "purchaseTransaction.currencyCode",
        "productDetails.product.priceInfo.currencyCode",
    ),
    "recommendation_id": "attributionToken",
    "query": "searchQuery",
}

ITEMS = {
    "item_id": "id",
    "title": "title",
    "description": "description",
    "categories": "categories",
    "currency": "priceInfo.currencyCode",
    "availability": "availability",
    "url": "uri",
    "parent_id": "primaryProductId",
    "created_at": ("availableTime", "publishTime"),
    "expires_at": "expireTime",
    "brand": "brands.0",
    "image_url": "images.0.uri",
    "tags": "tags",
}

SEEN = ("search", "category-page-view", "home-page-view")
"""Event types whose products are those that were shown."""


def recognises(given: Given) -> float:
    products = given.columns >= PRODUCT and given.columns & SIGNS
    events = given.columns >= EVENT and given.columns & {"productDetails", "searchQuery"}
    return 0.9 * bool(events or products)


def read(given: Given) -> Sequence[Extract]:
    rows = as_json(given.file.table)
    return given.wanted(
        _events(given, rows) if "eventType" in given.columns else _items(given, rows)
    )


def _events(given: Given, rows: Any) -> Extract:
    events = exploded(as_json(rows, ["productDetails", "eventType"]), "productDetails")
    shown = text_at(events, "eventType").isin(SEEN) & events["productDetails"].notnull()
    columns = {
        **EVENTS,
        "event_type": ibis.ifelse(shown, "impression", text_at(events, "eventType")),
        "position": ibis.ifelse(shown, events[PLACE], ibis.null("int64")),
    }
    words = {"event_type": "eventType", "position": "the place in productDetails, where shown"}
    return extract("events", given.file, columns, events, used=("eventType",), **words)


def _items(given: Given, rows: Any) -> Extract:
    price, before = at(rows, "priceInfo.price"), at(rows, "priceInfo.originalPrice")
    reduced = before.try_cast("float64") > price.try_cast("float64")
    columns = {
        **ITEMS,
        "price": ibis.ifelse(reduced, before, price),
        "sale_price": ibis.ifelse(reduced, price, ibis.null("string")),
    }
    words = {
        "price": "priceInfo.originalPrice or priceInfo.price",
        "sale_price": "priceInfo.price, where it is reduced",
    }
    return extract("items", given.file, columns, rows, (), **words)
