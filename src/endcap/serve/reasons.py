"""Why an item is shown, in plain words."""

from __future__ import annotations

from typing import Any

import numpy as np

from endcap.experiment.why import Why
from endcap.reasons import NAMED, Reason
from endcap.serve.reason_texts import WORDS, Language, Words
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.types import DAY, History, Push, Tie, distinct

TAKEN = ("purchase", "rate")


def described(
    reason: Reason, item: int, history: History, catalogue: Catalogue, language: Language = "en"
) -> dict[str, Any]:
    """A reason for machines and people: its kind, the items that speak for it, the events that
    moved the score most, where a model says, and a text."""
    found: dict[str, Any] = {
        "kind": reason.kind,
        "items": catalogue.named(np.array(reason.items, np.int32)),
        "text": _text(reason, item, history, catalogue, WORDS[language]),
    }
    if reason.events:
        found["events"] = [_event(push, history, catalogue) for push in reason.events[:NAMED]]
    return found


def why_shown(item_id: str, why: Why, n: int) -> dict[str, Any]:
    """Why an item is shown among `n`, or is not, for machines."""
    return {
        "item_id": item_id,
        "shown": why.place is not None,
        "place": why.place,
        "text": why.text(n),
        "forbidden_by": list(why.forbidden),
        "proposed_by": why.proposed,
        "steps": [{"step": name, "place": place} for name, place in why.steps],
    }


def _event(push: Push, history: History, catalogue: Catalogue) -> dict[str, Any]:
    """moved: by how much the model's score of the item is lower without the event."""
    place = len(history.items) - 1 - push.age
    return {
        "item_id": catalogue.named(history.items[place : place + 1])[0],
        "event_type": EVENT_TYPES[int(history.kinds[place])],
        "timestamp": int(history.times[place]),
        "moved": push.by,
    }


def _text(reason: Reason, item: int, history: History, catalogue: Catalogue, words: Words) -> str:
    if reason.kind == "again":
        return _again(item, history, words)
    if reason.kind == "popular" or not reason.items:
        return words.popular
    if ties := _ties(reason, history, catalogue, words):
        return ties
    title = _title(reason.items[0], catalogue)
    if reason.kind == "similar":
        return words.similar.format(title=title)
    return words.because[_did(reason.items[0], history)].format(title=title)


def _ties(reason: Reason, history: History, catalogue: Catalogue, words: Words) -> str:
    """Each way in which items have to do with the one that is shown, with the strongest of them:
    "Same brand as … that you looked at, goes with … that you bought"."""
    said = dict[Tie, str]()
    for code, tie in zip(reason.items, reason.ties, strict=False):
        if tie is not None and tie not in said:
            did = words.that[_did(code, history)] if reason.kind == "because" else ""
            said[tie] = words.ties[tie.kind].format(
                by=tie.by, title=_title(code, catalogue), did=did
            )
    text = words.comma.join(said.values())
    return text[:1].upper() + text[1:]


def _did(item: int, history: History) -> str:
    """The strongest thing that someone did with an item: kinds stand in the order of strength."""
    kinds = history.kinds[history.items == item]
    return EVENT_TYPES[int(kinds.max())] if len(kinds) else ""


def _again(item: int, history: History, words: Words) -> str:
    taken = np.isin(history.kinds, [kind(name) for name in TAKEN]) & (history.items == item)
    days = distinct(history.times[taken] // DAY)
    if not len(days):
        return words.before[_did(item, history)]
    if len(days) == 1:
        return words.once
    gap = round(float(np.median(np.diff(days))))
    return words.daily if gap <= 1 else words.every.format(days=gap)


def _title(code: int, catalogue: Catalogue) -> str:
    [row] = catalogue.describe([code], ["title", "item_id"])
    return str(row["title"] or row["item_id"])
