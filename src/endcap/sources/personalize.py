"""Amazon Personalize: the CSV files of its interactions, items and users; upper-case names.

USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,IMPRESSION,RECOMMENDATION_ID
u1,i2,1700000000,Purchase,19.5,i1|i2|i3,r-1

ITEM_ID,CREATION_TIMESTAMP,PRICE,CATEGORY_L1,CATEGORY_L2,PRODUCT_DESCRIPTION
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing.conform import Extract
from endcap.importing.nested import PLACE, extract, text_at
from endcap.sources import Given
from endcap.tables.duck import split

ABOUT_ITEMS = frozenset({"CREATION_TIMESTAMP", "CATEGORY_L1", "PRODUCT_DESCRIPTION"})
LEVELS = ("CATEGORY_L1", "CATEGORY_L2", "CATEGORY_L3")
CATEGORIES = (*LEVELS, "GENRES", "GENRE", "CATEGORIES", "CATEGORY")

VISIT = {"user_id": "USER_ID", "session_id": "SESSION_ID", "timestamp": "TIMESTAMP"}

EVENTS = {
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


def read(given: Given) -> Sequence[Extract]:
    """Raises SourceError where no column says what the file is."""
    readers = {"events": _interactions, "items": _items, "users": _users}
    found = kind(given.columns)
    if found is None:
        raise SourceError(
            f"{given.name} has no USER_ID with ITEM_ID and TIMESTAMP, and nothing about items",
            expected="interactions, items or users as Amazon Personalize names them",
        )
    return given.wanted(*readers[found](given))


def _interactions(given: Given) -> list[Extract]:
    rows, types = given.file.table, {"event_type": "EVENT_TYPE"}
    if "EVENT_TYPE" not in given.columns:
        rows = rows.mutate(EVENT_TYPE=ibis.literal("view"))
        types = {"event_type": "view, for every row, as there is no EVENT_TYPE"}
    events = extract("events", given.file, EVENTS, rows, used=("IMPRESSION",), **types)
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
    columns: Mapping[str, Any] = {
        **VISIT,
        "item_id": "shown",
        "position": PLACE,
        "recommendation_id": ibis.coalesce(text_at(shown, "RECOMMENDATION_ID"), own),
    }
    named = "RECOMMENDATION_ID, else USER_ID and TIMESTAMP"
    return extract("impressions", given.file, columns, shown, recommendation_id=named)


def _items(given: Given) -> list[Extract]:
    rows = given.file.table
    levels = [text_at(rows, name) for name in LEVELS]
    path = ibis.literal(" > ").join(level.split("|")[0] for level in levels)
    others = [text_at(rows, name) for name in CATEGORIES[3:]]
    columns = {**ITEMS, "categories": ibis.coalesce(path.nullif(""), *others)}
    words = "CATEGORY_L1 > CATEGORY_L2 > CATEGORY_L3, or GENRES or CATEGORIES"
    return [extract("items", given.file, columns, rows, used=CATEGORIES, categories=words)]


def _users(given: Given) -> list[Extract]:
    return [extract("users", given.file, {"user_id": "USER_ID"}, given.file.table)]
