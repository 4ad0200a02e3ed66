"""Why an item is shown, in plain words."""

from __future__ import annotations

from typing import Any

import numpy as np

from endcap.recommender import Reason
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.types import DAY, History

DID = {
    "click": "looked at",
    "view": "looked at",
    "add_to_wishlist": "wished for",
    "add_to_cart": "put into your basket",
    "begin_checkout": "wanted",
    "purchase": "bought",
    "rate": "rated",
}
"""What someone did, for a sentence that goes on with the item."""

TAKEN = ("purchase", "rate")


def described(reason: Reason, item: int, history: History, catalogue: Catalogue) -> dict[str, Any]:
    """A reason for machines and people: its kind, the items that speak for it, and a text."""
    return {
        "kind": reason.kind,
        "items": [catalogue.ids[code] for code in reason.items],
        "text": _text(reason, item, history, catalogue),
    }


def _text(reason: Reason, item: int, history: History, catalogue: Catalogue) -> str:
    if reason.kind == "again":
        return _again(item, history)
    if reason.kind == "popular" or not reason.items:
        return "Popular this month"
    if ways := _ways(reason, history, catalogue):
        return ways[0].upper() + ways[1:]
    title = _title(reason.items[0], catalogue)
    if reason.kind == "similar":
        return f"Goes with {title}"
    return f"Because you {_did(reason.items[0], history)} {title}"


def _ways(reason: Reason, history: History, catalogue: Catalogue) -> str:
    """Each way in which items have to do with the one that is shown, with the strongest of them:
    "same brand as … that you looked at, goes with … that you bought"."""
    first = dict[str, str]()
    for code, relation in zip(reason.items, reason.relations, strict=False):
        did = f" that you {_did(code, history)}" if reason.kind == "because" else ""
        if relation and relation not in first:
            first[relation] = f"{relation} {_title(code, catalogue)}{did}"
    return ", ".join(first.values())


def _did(item: int, history: History) -> str:
    """The strongest thing that someone did with an item: kinds stand in the order of strength."""
    kinds = history.kinds[history.items == item]
    return DID.get(EVENT_TYPES[int(kinds.max())], "saw") if len(kinds) else "saw"


def _again(item: int, history: History) -> str:
    taken = np.isin(history.kinds, [kind(name) for name in TAKEN]) & (history.items == item)
    days = np.unique(history.times[taken] // DAY)
    if not len(days):
        return f"You {_did(item, history)} this before"
    if len(days) == 1:
        return "You bought this before"
    gap = round(float(np.median(np.diff(days))))
    return "You buy this nearly every day" if gap <= 1 else f"You buy this about every {gap} days"


def _title(code: int, catalogue: Catalogue) -> str:
    [row] = catalogue.describe([code], ["title", "item_id"])
    return str(row["title"] or row["item_id"])
