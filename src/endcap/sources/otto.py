"""The OTTO data set: sessions of a shop, with their clicks, carts and orders.

{"session": 0, "events": [{"aid": 1517085, "ts": 1659304800025, "type": "clicks"}]}
"""

from __future__ import annotations

from collections.abc import Sequence

from endcap.importing.conform import Extract
from endcap.importing.nested import as_json, exploded, extract, text_at
from endcap.sources import Given

COLUMNS = {
    "session_id": "session",
    "item_id": "events.aid",
    "timestamp": "events.ts",
}


def recognises(given: Given) -> float:
    return float(given.columns == {"session", "events"})


def read(given: Given) -> Sequence[Extract]:
    events = exploded(as_json(given.file.table, ["session", "events"]), "events")
    # What it calls a click is a visit to the product's page.
    kind = text_at(events, "events.type").substitute({"clicks": "view"})
    columns = {**COLUMNS, "event_type": kind}
    words = {"event_type": "events.type, clicks as views"}
    used = ("events.type",)
    return given.wanted(extract("events", given.file, columns, events, used, **words))
