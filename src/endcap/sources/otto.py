"""The OTTO data set: sessions of a shop, with their clicks, carts and orders.

{"session": 0, "events": [{"aid": 1517085, "ts": 1659304800025, "type": "clicks"}]}
"""

from __future__ import annotations

from endcap.importing.nested import Told, as_json, exploded, text_at
from endcap.sources import Extract, Given

COLUMNS = {
    "session_id": "session",
    "item_id": "events.aid",
    "timestamp": "events.ts",
}


def recognises(given: Given) -> float:
    return float(given.columns == {"session", "events"})


def read(given: Given) -> list[Extract]:
    events = exploded(as_json(given.file.table, ["session", "events"]), "events")
    # What it calls a click is a visit to the product's page.
    kind = text_at(events, "events.type").substitute({"clicks": "view"})
    columns = {**COLUMNS, "event_type": Told(kind, "events.type, clicks as views")}
    return [given.extract("events", columns, events, ("events.type",))]
