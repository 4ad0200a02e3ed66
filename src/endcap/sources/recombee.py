"""Recombee: the body of a batch of requests, which holds interactions, items and users.

{"requests": [{"method": "POST", "path": "/purchases/",
               "params": {"userId": "u", "itemId": "i", "timestamp": 1700000000}}]}
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing.nested import PLACE, Told, as_json, exploded, spread, text_at
from endcap.sources import Extract, Given

INTERACTIONS = (
    *("detailviews", "purchases", "cartadditions", "bookmarks", "ratings", "viewportions"),
)

EVENTS = {
    "event_type": Told("what", "path"),
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
    "item_id": Told("id", "path"),
    "title": ("params.title", "params.name"),
    "description": "params.description",
    "categories": ("params.categories", "params.category"),
    "brand": "params.brand",
    "price": "params.price",
    "currency": "params.currency",
    "image_url": ("params.image_url", "params.image"),
    "url": ("params.url", "params.link"),
}
USERS = {"user_id": Told("id", "path")}


def recognises(given: Given) -> float:
    """Sure of requests, alone or in a batch."""
    if given.columns >= {"method", "path", "params"}:
        return 0.9
    return 0.9 * ("requests" in given.columns and given.has(_requests))


def _requests(rows: Any) -> Any:
    requests = exploded(rows, "requests")
    return requests.filter(text_at(requests, "requests.path").startswith("/"))


def read(given: Given) -> list[Extract]:
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
    flags = ("params.cascadeCreate", "params.!cascadeCreate")
    used = ("requests", "method", "path", "what", "id", *flags)
    interaction = rows.filter(~(catalogue | people).fill_null(False))
    strange = interaction["what"].isin(INTERACTIONS).fill_null(False)
    problem = ibis.cases((~strange, "not_an_interaction"))
    events = {**EVENTS, "problem": problem}
    return [
        given.extract("events", events, interaction, used),
        given.extract("items", ITEMS, rows.filter(catalogue), used),
        given.extract("users", USERS, rows.filter(people), used),
    ]
