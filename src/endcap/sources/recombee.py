"""Recombee: the body of a batch of requests, which holds interactions, items and users.

{"requests": [{"method": "POST", "path": "/purchases/",
               "params": {"userId": "u", "itemId": "i", "timestamp": 1700000000}}]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from endcap.importing.conform import Extract
from endcap.importing.nested import PLACE, as_json, exploded, extract, spread, text_at
from endcap.sources import Given

INTERACTIONS = (
    *("detailviews", "purchases", "cartadditions", "bookmarks", "ratings", "viewportions"),
)

EVENTS = {
    "event_type": "what",
    "user_id": "params.userId",
    "session_id": "params.sessionId",
    "item_id": "params.itemId",
    "timestamp": "params.timestamp",
    "value": ("params.rating", "params.portion"),
    "quantity": "params.amount",
    "price": "params.price",
    "recommendation_id": "params.recommId",
}
ITEMS = {
    "item_id": "id",
    "title": ("params.title", "params.name"),
    "description": "params.description",
    "categories": ("params.categories", "params.category"),
    "brand": "params.brand",
    "price": "params.price",
    "currency": "params.currency",
    "image_url": ("params.image_url", "params.image"),
    "url": ("params.url", "params.link"),
}
USERS = {"user_id": "id"}


def recognises(given: Given) -> float:
    """Sure of requests, alone or in a batch."""
    if given.columns >= {"method", "path", "params"}:
        return 0.9
    return 0.9 * ("requests" in given.columns and given.has(_requests))


def _requests(rows: Any) -> Any:
    requests = exploded(rows, "requests")
    return requests.filter(text_at(requests, "requests.path").startswith("/"))


def read(given: Given) -> Sequence[Extract]:
    rows = as_json(given.file.table)
    if "requests" in given.columns:
        rows = exploded(rows, "requests").drop(PLACE)
        rows = spread(rows, "requests", ("method", "path", "params"))
    path = text_at(rows, "path").re_replace(r"\?.*", "")
    rows = rows.mutate(
        what=path.re_extract(r"^/(\w+)/?", 1),
        id=path.re_extract(r"^/\w+/([^/]+)/?$", 1).nullif(""),
    )
    valued = (text_at(rows, "method").upper() == "POST") & rows["id"].notnull()
    catalogue, people = valued & (rows.what == "items"), valued & (rows.what == "users")
    used = (
        "requests",
        "method",
        "path",
        "what",
        "id",
        "params.cascadeCreate",
        "params.!cascadeCreate",
    )
    interaction = rows.filter(~(catalogue | people).fill_null(False))
    strange = interaction["what"].isin(INTERACTIONS).fill_null(False)
    problem = ibis.cases((~strange, "not_an_interaction"))
    events = {**EVENTS, "problem": problem}
    return given.wanted(
        extract("events", given.file, events, interaction, used, event_type="path"),
        extract("items", given.file, ITEMS, rows.filter(catalogue), used, item_id="path"),
        extract("users", given.file, USERS, rows.filter(people), used, user_id="path"),
    )
