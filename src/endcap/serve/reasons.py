"""Why an item is shown, in plain words."""

from __future__ import annotations

from typing import Any

import numpy as np

from endcap.recommender import Reason
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import EVENT_TYPES
from endcap.types import History

DAY = 86_400_000_000

DID = {
    "click": "looked at",
    "view": "looked at",
    "add_to_wishlist": "wished for",
    "add_to_cart": "put into your basket",
    "begin_checkout": "wanted",
    "purchase": "bought",
    "rate": "rated",
}
"""What someone did, for a sentence that begins with "Because you"."""


def described(
    reason: Reason, item: int, history: History, catalogue: Catalogue
) -> dict[str, Any]:
    """A reason for machines and people: its kind, the items that speak for it, and a text."""
    words = {"because": _because, "again": _again}.get(reason.kind)
    text = words(reason, item, history, catalogue) if words else FIXED[reason.kind]
    return {"kind": reason.kind, "items": [catalogue.ids[code] for code in reason.items], "text": text}


FIXED = {"popular": "Popular this month", "similar": "Goes with what you are looking at"}


def _because(reason: Reason, item: int, history: History, catalogue: Catalogue) -> str:
    if not reason.items:
        return "Fits what you did before"
    source = reason.items[0]
    kinds = history.kinds[history.items == source]
    did = DID.get(EVENT_TYPES[int(kinds[-1])], "looked at") if len(kinds) else "looked at"
    return f"Because you {did} {_title(source, catalogue)}"


def _again(reason: Reason, item: int, history: History, catalogue: Catalogue) -> str:
    times = np.unique(history.times[history.items == item] // DAY)
    if len(times) < 2:
        return "You had this before"
    days = max(1, round(float(np.median(np.diff(times)))))
    return "You buy this nearly every day" if days == 1 else f"You buy this about every {days} days"


def _title(code: int, catalogue: Catalogue) -> str:
    [row] = catalogue.describe([code], ["title", "item_id"])
    return str(row["title"] or row["item_id"])
