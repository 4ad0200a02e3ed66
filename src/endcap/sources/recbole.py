"""RecBole's atomic files: tab-separated, with the type of each column in its name.

user_id:token   item_id:token   rating:float   timestamp:float
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing import values
from endcap.importing.conform import Extract
from endcap.importing.nested import as_json, extract, text_at
from endcap.sources import Given
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


def read(given: Given) -> Sequence[Extract]:
    """Raises SourceError where it holds neither users nor items nor facts, or no times."""
    rows = as_json(given.file.table)
    named = rows.select(**{name.rpartition(":")[0]: rows[name] for name in rows.columns})
    columns = {*named.columns}
    if set(FACTS.values()) <= columns:
        return given.wanted(_facts(given, named))
    if {"item_id", "entity_id"} <= columns:
        return given.wanted(_links(given, named))
    if {"user_id", "item_id"} <= columns or {"session_id", "item_id"} <= columns:
        return given.wanted(_interactions(given, named))
    if "item_id" in columns:
        return given.wanted(_items(given, named))
    if "user_id" in columns:
        return given.wanted(extract("users", given.file, USERS, named))
    raise SourceError(
        f"{given.name} holds {', '.join(given.columns)}", expected="user_id, item_id or head_id"
    )


def _facts(given: Given, rows: Any) -> Extract:
    columns = {**FACTS, **{end: _thing(rows[FACTS[end]]) for end in ("head", "tail")}}
    words = FACTS["head"], FACTS["tail"]
    return extract("triples", given.file, columns, rows, head=words[0], tail=words[1])


def _links(given: Given, rows: Any) -> Extract:
    """Which item a thing is that the facts name."""
    columns = {"head": "item_id", "relation": ibis.literal(IS), "tail": _thing(rows["entity_id"])}
    every = f"{IS}, for every row"
    return extract("triples", given.file, columns, rows, relation=every, tail="entity_id")


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
    kind = "rate" if "rating" in rows.columns else "purchase"
    if "event_type" in rows.columns:
        return extract("events", given.file, EVENTS, rows)
    columns: Mapping[str, Any] = {**EVENTS, "event_type": ibis.literal(kind)}
    return extract("events", given.file, columns, rows, event_type=f"{kind}, for every row")


def _items(given: Given, rows: Any) -> Extract:
    """Lists are written with blanks between."""
    listed = [text_at(rows, name).re_replace(r"\s+", "|") for name in CATEGORIES]
    columns = {**ITEMS, "categories": ibis.coalesce(*listed)}
    words = " or ".join(CATEGORIES)
    return extract("items", given.file, columns, rows, CATEGORIES, categories=words)
