"""Google Retail (Vertex AI Search for commerce): user events and products, as JSON.

{"eventType": "detail-page-view", "visitorId": "v", "eventTime": "2023-11-14T22:13:20Z",
 "productDetails": [{"product": {"id": "p"}, "quantity": 2}]}

{"id": "p", "title": "Dress", "categories": ["Clothes > Dresses"],
 "priceInfo": {"price": 15, "originalPrice": 19.5, "currencyCode": "EUR"}}
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing.nested import PLACE, Told, as_json, at, exploded, text_at
from endcap.sources import Extract, Given

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


def read(given: Given) -> list[Extract]:
    rows = as_json(given.file.table)
    return [_events(given, rows) if "eventType" in given.columns else _items(given, rows)]


def _events(given: Given, rows: Any) -> Extract:
    events = exploded(as_json(rows, ["productDetails", "eventType"]), "productDetails")
    shown = text_at(events, "eventType").isin(SEEN) & events["productDetails"].notnull()
    kind = ibis.ifelse(shown, "impression", text_at(events, "eventType"))
    place = ibis.ifelse(shown, events[PLACE], ibis.null("int64"))
    columns = {
        **EVENTS,
        "event_type": Told(kind, "eventType"),
        "position": Told(place, "the place in productDetails, where shown"),
    }
    return given.extract("events", columns, events, used=("eventType",))


def _items(given: Given, rows: Any) -> Extract:
    price, before = at(rows, "priceInfo.price"), at(rows, "priceInfo.originalPrice")
    reduced = before.try_cast("float64") > price.try_cast("float64")
    usual = ibis.ifelse(reduced, before, price)
    sale = ibis.ifelse(reduced, price, ibis.null("string"))
    columns = {
        **ITEMS,
        "price": Told(usual, "priceInfo.originalPrice or priceInfo.price"),
        "sale_price": Told(sale, "priceInfo.price, where it is reduced"),
    }
    return given.extract("items", columns, rows)
