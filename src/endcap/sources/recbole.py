"""RecBole's atomic files: tab-separated, with the type of each column in its name.

user_id:token   item_id:token   rating:float   timestamp:float
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing import values
from endcap.importing.nested import Told, as_json, every, text_at
from endcap.sources import Extract, Given
from endcap.tables.schema import IS

TYPES = (":token", ":token_seq", ":float", ":float_seq")

EVENTS = {
    "user_id": "user_id",
    "item_id": "item_id",
    "session_id": "session_id",
    "timestamp": "timestamp",
    "value": "rating",
    "event_type": "event_type",
}
ITEMS = {
    "item_id": "item_id",
    "title": ("title", "movie_title", "name", "item_name", "entity_name"),
    "brand": ("brand", "sales_type"),
    "price": "price",
}
USERS = {"user_id": "user_id"}
FACTS: Mapping[str, str] = {"head": "head_id", "relation": "relation_id", "tail": "tail_id"}
THING = "entity "
"""Before the id of a thing that is no item."""

CATEGORIES = ("categories", "category", "class", "genre", "genres")


def recognises(given: Given) -> float:
    return float(bool(given.columns) and all(name.endswith(TYPES) for name in given.columns))


def read(given: Given) -> list[Extract]:
    """Raises SourceError where it holds neither users nor items nor facts, or no times."""
    rows = as_json(given.file.table)
    named = rows.select(**{name.rpartition(":")[0]: rows[name] for name in rows.columns})
    columns = {*named.columns}
    if set(FACTS.values()) <= columns:
        return [_facts(given, named)]
    if {"item_id", "entity_id"} <= columns:
        return [_links(given, named)]
    if {"user_id", "item_id"} <= columns or {"session_id", "item_id"} <= columns:
        return [_interactions(given, named)]
    if "item_id" in columns:
        return [_items(given, named)]
    if "user_id" in columns:
        return [given.extract("users", USERS, named)]
    raise SourceError(
        f"{given.name} holds {', '.join(given.columns)}", expected="user_id, item_id or head_id"
    )


def _facts(given: Given, rows: Any) -> Extract:
    ends = {end: Told(_thing(rows[FACTS[end]]), FACTS[end]) for end in ("head", "tail")}
    return given.extract("triples", {**FACTS, **ends}, rows)


def _links(given: Given, rows: Any) -> Extract:
    """Which item a thing is that the facts name."""
    thing = Told(_thing(rows["entity_id"]), "entity_id")
    return given.extract("triples", {"head": "item_id", "relation": every(IS), "tail": thing}, rows)


def _thing(column: Any) -> Any:
    """Ids of things are not those of items, though they may look the same."""
    plain = values.ident(column)
    return ibis.ifelse(plain.isnull(), ibis.null("string"), ibis.literal(THING) + plain)


def _interactions(given: Given, rows: Any) -> Extract:
    if "timestamp" not in rows.columns:
        raise SourceError(
            f"{given.name} has no timestamp:float, so nobody knows what came before what",
            mend="Take the data set's file with timestamps",
        )
    if "event_type" in rows.columns:
        return given.extract("events", EVENTS, rows)
    kind = "rate" if "rating" in rows.columns else "purchase"
    return given.extract("events", {**EVENTS, "event_type": every(kind)}, rows)


def _items(given: Given, rows: Any) -> Extract:
    """Lists are written with blanks between."""
    listed = [text_at(rows, name).re_replace(r"\s+", "|") for name in CATEGORIES]
    categories = Told(ibis.coalesce(*listed), " or ".join(CATEGORIES))
    return given.extract("items", {**ITEMS, "categories": categories}, rows, CATEGORIES)
