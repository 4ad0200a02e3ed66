"""The RetailRocket data set: views, carts and transactions of one shop, and what it knows of items.

timestamp,visitorid,event,itemid,transactionid
1433221332117,257597,view,355908,

timestamp,itemid,property,value
1435460400000,460429,categoryid,1338
"""

from __future__ import annotations

from endcap.errors import SourceError
from endcap.importing import values
from endcap.importing.nested import Told, quote
from endcap.sources import Extract, Given

COLUMNS = {
    "timestamp": Told("timestamp", "timestamp (milliseconds since 1970)"),
    "user_id": "visitorid",
    "event_type": "event",
    "item_id": "itemid",
}
NEEDED = frozenset({"timestamp", "visitorid", "event", "itemid"})

PROPERTIES = frozenset({"timestamp", "itemid", "property", "value"})

OWN = ("categoryid", "available")
"""The properties whose names and values are not hashed."""


def recognises(given: Given) -> float:
    return float(given.columns in (NEEDED | {"transactionid"}, PROPERTIES))


def read(given: Given) -> list[Extract]:
    """Raises SourceError where a column is missing."""
    if given.columns == PROPERTIES:
        return [_items(given)]
    if missing := NEEDED - given.columns:
        raise SourceError(
            f"{given.name} has no column {', '.join(sorted(missing))}",
            expected="timestamp, visitorid, event, itemid and transactionid",
        )
    return [given.extract("events", COLUMNS, given.file.table)]


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
        "categories": Told("category", "categoryid"),
        "availability": "available",
        "attributes": Told("{" + items["others"] + "}", "the other properties"),
    }
    return given.extract("items", columns, items, ("others",))
