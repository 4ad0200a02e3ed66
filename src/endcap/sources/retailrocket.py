"""The event log of the RetailRocket data set: views, carts and transactions of one shop.

timestamp,visitorid,event,itemid,transactionid
1433221332117,257597,view,355908,
"""

from __future__ import annotations

from collections.abc import Sequence

from endcap.errors import SourceError
from endcap.sources import Given
from endcap.tables.conform import Extract, conform

COLUMNS = {
    "timestamp": "timestamp",
    "user_id": "visitorid",
    "event_type": "event",
    "item_id": "itemid",
}


def recognises(given: Given) -> float:
    return float(
        given.rows is not None and {*given.rows.columns} == {*COLUMNS.values(), "transactionid"}
    )


def read(given: Given) -> Sequence[Extract]:
    """Raises SourceError where a column is missing."""
    missing = {*COLUMNS.values()} - {*(given.rows.columns if given.rows else ())}
    if given.rows is None or missing:
        raise SourceError(
            f"{given.name} has no column {', '.join(sorted(missing))}",
            expected="timestamp, visitorid, event, itemid and transactionid",
        )
    if given.kind not in (None, "events"):
        raise SourceError(f"RetailRocket's log can't be {given.kind}", expected="events")
    rows = conform("events", given.rows.table, COLUMNS)
    words = COLUMNS | {"timestamp": "timestamp (milliseconds since 1970)"}
    return [Extract("events", rows, given.rows.lost, words, given.rows.notes)]
