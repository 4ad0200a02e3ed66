"""Amazon Personalize: the CSV files of its interactions, items and users; upper-case names.

USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,IMPRESSION,RECOMMENDATION_ID
u1,i2,1700000000,Purchase,19.5,i1|i2|i3,r-1

ITEM_ID,CREATION_TIMESTAMP,PRICE,CATEGORY_L1,CATEGORY_L2,PRODUCT_DESCRIPTION
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing.nested import PLACE, Told, text_at
from endcap.sources import Extract, Given
from endcap.tables.duck import split

ABOUT_ITEMS = frozenset({"CREATION_TIMESTAMP", "CATEGORY_L1", "PRODUCT_DESCRIPTION"})
LEVELS = ("CATEGORY_L1", "CATEGORY_L2", "CATEGORY_L3")
CATEGORIES = (*LEVELS, "GENRES", "GENRE", "CATEGORIES", "CATEGORY")

VISIT = {"user_id": "USER_ID", "session_id": "SESSION_ID", "timestamp": "TIMESTAMP"}

EVENTS: Mapping[str, Any] = {
    **VISIT,
    "item_id": "ITEM_ID",
    "event_type": "EVENT_TYPE",
    "value": "EVENT_VALUE",
    "price": "PRICE",
    "quantity": "QUANTITY",
    "recommendation_id": "RECOMMENDATION_ID",
}
ITEMS = {
    "item_id": "ITEM_ID",
    "title": ("TITLE", "NAME", "PRODUCT_NAME"),
    "description": ("PRODUCT_DESCRIPTION", "DESCRIPTION"),
    "brand": "BRAND",
    "price": "PRICE",
    "created_at": "CREATION_TIMESTAMP",
}


def recognises(given: Given) -> float:
    """Sure of upper-case names only: in others `plain` understands them too."""
    if any(name != name.upper() for name in given.columns):
        return 0.0
    return 0.9 * (kind(given.columns) is not None)


def kind(columns: frozenset[str]) -> str | None:
    """The table that a file with these columns is for."""
    if columns >= {"USER_ID", "ITEM_ID", "TIMESTAMP"}:
        return "events"
    if "ITEM_ID" in columns and columns & ABOUT_ITEMS:
        return "items"
    return "users" if "USER_ID" in columns and "ITEM_ID" not in columns else None


def read(given: Given) -> list[Extract]:
    """Raises SourceError where no column says what the file is."""
    found = kind(given.columns)
    if found == "events":
        return _interactions(given)
    if found == "items":
        return [_items(given)]
    if found == "users":
        return [given.extract("users", {"user_id": "USER_ID"}, given.file.table)]
    raise SourceError(
        f"{given.name} has no USER_ID with ITEM_ID and TIMESTAMP, and nothing about items",
        expected="interactions, items or users as Amazon Personalize names them",
    )


def _interactions(given: Given) -> list[Extract]:
    rows, columns = given.file.table, EVENTS
    if "EVENT_TYPE" not in given.columns:
        rows = rows.mutate(EVENT_TYPE=ibis.literal("view"))
        view = Told("EVENT_TYPE", "view, for every row, as there is no EVENT_TYPE")
        columns = {**EVENTS, "event_type": view}
    events = given.extract("events", columns, rows, used=("IMPRESSION",))
    return [events, _impressions(given, rows)] if "IMPRESSION" in given.columns else [events]


def _impressions(given: Given, rows: Any) -> Extract:
    """What stood in a list; one without a RECOMMENDATION_ID is named by who saw it and when."""
    seen = rows.filter(text_at(rows, "IMPRESSION").notnull())
    listed = split(text_at(seen, "IMPRESSION"), r"\|")
    shown = seen.mutate(
        shown=listed.unnest(),
        **{PLACE: ibis.range(listed.length()).unnest()},
    )
    own = text_at(shown, "USER_ID") + "-" + text_at(shown, "TIMESTAMP")
    name = ibis.coalesce(text_at(shown, "RECOMMENDATION_ID"), own)
    columns = {
        **VISIT,
        "item_id": "shown",
        "position": PLACE,
        "recommendation_id": Told(name, "RECOMMENDATION_ID, else USER_ID and TIMESTAMP"),
    }
    return given.extract("impressions", columns, shown)


def _items(given: Given) -> Extract:
    rows = given.file.table
    levels = [text_at(rows, name) for name in LEVELS]
    path = ibis.literal(" > ").join(level.split("|")[0] for level in levels)
    others = [text_at(rows, name) for name in CATEGORIES[3:]]
    words = "CATEGORY_L1 > CATEGORY_L2 > CATEGORY_L3, or GENRES or CATEGORIES"
    categories = Told(ibis.coalesce(path.nullif(""), *others), words)
    return given.extract("items", {**ITEMS, "categories": categories}, rows, used=CATEGORIES)
