"""H&M's public data: transactions, articles and customers.

t_dat,customer_id,article_id,price,sales_channel_id
2018-09-20,000058a1…,0663713001,0.0508,2
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing.nested import Told, as_json, every, text_at
from endcap.sources import Extract, Given

EVENTS = {
    "user_id": "customer_id",
    "item_id": "article_id",
    "timestamp": "t_dat",
    "price": "price",
}
ITEMS = {"item_id": "article_id", "title": "prod_name", "description": "detail_desc"}
PATH = ("index_group_name", "garment_group_name", "product_type_name")
"""Of an article, from the department down."""

SIGNS = {
    "events": frozenset({*EVENTS.values(), "sales_channel_id"}),
    "items": frozenset({"article_id", "product_code", "prod_name"}),
    "users": frozenset({"customer_id", "club_member_status"}),
}


def recognises(given: Given) -> float:
    return 0.95 * any(given.columns >= names for names in SIGNS.values())


def read(given: Given) -> list[Extract]:
    """Raises SourceError where it is none of the three files."""
    rows = as_json(given.file.table)
    if given.columns >= SIGNS["events"]:
        return [_events(given, rows)]
    if given.columns >= SIGNS["items"]:
        return [_items(given, rows)]
    if given.columns >= SIGNS["users"]:
        return [given.extract("users", {"user_id": "customer_id"}, rows)]
    raise SourceError(f"{given.name} is no file of H&M's", expected="transactions, say")


def _events(given: Given, rows: Any) -> Extract:
    """Each row is one piece: the same twice in a day are two, so each has a number in its id."""
    same = ["t_dat", "customer_id", "article_id", "price", "sales_channel_id"]
    rows = rows.mutate(nth=ibis.row_number().over(ibis.window(group_by=same)))
    parts = [text_at(rows, name).fill_null("") for name in same]
    text = ibis.literal("\n").join([*parts, rows["nth"].cast("string")])
    columns = {
        **EVENTS,
        "event_id": Told(text.hexdigest("md5"), "the whole row, and which of those alike it is"),
        "event_type": every("purchase"),
        "quantity": every(1),
    }
    return given.extract("events", columns, rows, ("nth",))


def _items(given: Given, rows: Any) -> Extract:
    steps = [text_at(rows, name) for name in PATH if name in rows.columns]
    path = ibis.array([ibis.literal(" > ").join(steps)]) if steps else ibis.null("array<string>")
    categories = Told(path, " > ".join(PATH))
    columns = {**ITEMS, "categories": categories, "parent_id": "product_code"}
    return given.extract("items", columns, rows)
