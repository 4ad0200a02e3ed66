"""The RetailRocket data set: views, carts and transactions of one shop, and what it knows of items.

timestamp,visitorid,event,itemid,transactionid
1433221332117,257597,view,355908,

timestamp,itemid,property,value
1435460400000,460429,categoryid,1338
"""

from __future__ import annotations

from collections.abc import Sequence

from endcap.errors import SourceError
from endcap.importing import values
from endcap.importing.conform import Extract
from endcap.importing.nested import extract, quote
from endcap.sources import Given

COLUMNS = {
    "timestamp": "timestamp",
    "user_id": "visitorid",
    "event_type": "event",
    "item_id": "itemid",
}


PROPERTIES = frozenset({"timestamp", "itemid", "property", "value"})

OWN = ("categoryid", "available")
"""The properties whose names and values are not hashed."""


def recognises(given: Given) -> float:
    return float(given.columns in ({*COLUMNS.values(), "transactionid"}, PROPERTIES))


def read(given: Given) -> Sequence[Extract]:
    """Raises SourceError where a column is missing."""
    if given.columns == PROPERTIES:
        return given.wanted(_items(given))
    if missing := {*COLUMNS.values()} - given.columns:
        raise SourceError(
            f"{given.name} has no column {', '.join(sorted(missing))}",
            expected="timestamp, visitorid, event, itemid and transactionid",
        )
    unit = "timestamp (milliseconds since 1970)"
    return given.wanted(extract("events", given.file, COLUMNS, given.file.table, timestamp=unit))


def _items(given: Given) -> Extract:
    """Of each item, the newest value of each property."""
    said = given.file.table
    newest = said.group_by("itemid", "property").agg(
        value=said["value"].argmax(values.moment(said["timestamp"]))
    )
    own = newest["property"].isin(OWN)
    pair = quote(newest["property"]) + ":" + quote(newest["value"])
    items = newest.group_by("itemid").agg(
        category=newest["value"].max(where=newest["property"] == "categoryid"),
        available=newest["value"].max(where=newest["property"] == "available"),
        others=pair.group_concat(",", where=~own, order_by=newest["property"]),
    )
    columns = {
        "item_id": "itemid",
        "categories": "category",
        "availability": "available",
        "attributes": "{" + items["others"] + "}",
    }
    words = {"categories": "categoryid", "attributes": "the other properties"}
    return extract("items", given.file, columns, items, ("others",), **words)
