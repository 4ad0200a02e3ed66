"""From a question to an answer, through the object that evaluation judges."""

from __future__ import annotations

import json
import logging
import math
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from endcap.errors import FilterError
from endcap.recommender import Answer
from endcap.serve.current import Current, Loaded
from endcap.serve.problems import Problem, wrong
from endcap.serve.questions import Ask, Like, Look
from endcap.serve.reasons import described
from endcap.store.events import Seen
from endcap.types import NOBODY, Bools, Floats, History, Int32s, Queries, Ragged

log = logging.getLogger("endcap.serve")


def loaded(current: Current) -> Loaded:
    """Raises Problem 503 until there is a release."""
    if current.loaded is None:
        raise Problem(503, current.trouble or "No release is loaded.", headers={"Retry-After": "5"})
    return current.loaded


def recommend(current: Current, look: Look) -> dict[str, Any]:
    """The answer to a request for recommendations."""
    now, here = current.clock(), loaded(current)
    placements = here.recommender.config.placements
    if look.placement not in placements:
        raise wrong("placement", look.placement, f"expected one of {', '.join(placements)}")
    id_ = uuid.uuid4()
    queries = replace(_queries(here, look, now), seeds=np.array([id_.int >> 65]))
    if look.filter:
        queries = queries.allow(_meeting(here, look.filter))
    answer = here.recommender.answer(queries, look.n, look.placement)
    items = _items(here, answer.ranking.item, answer.ranking.score, look.fields)
    if look.explain:
        _explain(here, queries, answer, look.placement, items)
    _show(current, here, look, str(id_), now, items, answer.ranking.chances)
    return {
        "recommendation_id": str(id_),
        "release": here.release,
        "path": answer.path,
        "items": items,
    }


def similar(current: Current, like: Like) -> dict[str, Any]:
    """Items that go with an item. Raises Problem 404 where it is unknown."""
    here = loaded(current)
    code = here.recommender.catalogue.code(like.item_id)
    if code is None:
        error = {"field": "item_id", "value": like.item_id, "detail": "there is no such item"}
        raise Problem(404, f"There is no item {like.item_id!r}.", [error])
    if like.filter:
        _meeting(here, like.filter)
    item = np.array([code], np.int32)
    ranking = here.recommender.similar(item, like.n, current.clock(), like.filter or "")
    return {
        "release": here.release,
        "items": _items(here, ranking.item, ranking.score, like.fields),
    }


def _queries(here: Loaded, look: Look, now: int) -> Queries:
    """One question. Its moment is now, or right after the past where a clock is ahead."""
    catalogue, history = here.recommender.catalogue, _history(here, look, now)
    moment = max(now, int(history.times.max(initial=0)) + 1)
    key = look.visitor()
    user = NOBODY if key is None else here.visitors.code(key)
    queries = Queries.of(np.array([user], np.int32), np.array([moment]), history)
    return replace(
        queries,
        anchors=_row(catalogue.codes(look.items)),
        exclude=_row(np.unique(catalogue.codes(look.exclude))),
    )


def _meeting(here: Loaded, text: str) -> Bools:
    """[items] those that meet a filter. Raises Problem 422 that says where it is wrong."""
    try:
        return here.recommender.catalogue.meets(text)
    except FilterError as error:
        raise wrong("filter", text, str(error), position=error.at) from error


def _history(here: Loaded, look: Look, now: int) -> History:
    """What the visitor did, and what the request says they have just done."""
    history = here.visitors.history(look.visitor())
    if not isinstance(look, Ask) or not look.events:
        return history
    last = max(now, int(history.times.max(initial=0)) + 1)
    just = [Seen(one.item_id, one.event_type, last) for one in look.events]
    return here.visitors.add(history, just)


def _row(codes: Int32s) -> Ragged:
    return Ragged(np.array([0, len(codes)], np.int64), codes)


def _items(here: Loaded, codes: Int32s, scores: Any, fields: Sequence[str]) -> list[dict[str, Any]]:
    catalogue = here.recommender.catalogue
    known = catalogue.describe(codes, fields) if fields else [{} for _ in codes]
    return [
        {"item_id": catalogue.ids[code], "score": float(score)} | _plain(row)
        for code, score, row in zip(codes, scores, known, strict=True)
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it: no NaN, and attributes as an object, where they are one."""
    if row.get("attributes"):
        with suppress(ValueError):
            row["attributes"] = json.loads(row["attributes"])
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }


def _explain(
    here: Loaded, queries: Queries, answer: Answer, placement: str, items: list[dict[str, Any]]
) -> None:
    """Give each item its reason; an answer without reasons is better than none."""
    try:
        reasons = here.recommender.reasons(queries, answer.ranking, placement)
        for item, code, reason in zip(items, answer.ranking.item, reasons, strict=True):
            item["reason"] = described(
                reason, int(code), queries.history, here.recommender.catalogue
            )
    except Exception:
        log.exception("Answering without reasons")


def _show(
    current: Current,
    here: Loaded,
    look: Look,
    id_: str,
    now: int,
    items: list[dict[str, Any]],
    chances: Floats,
) -> None:
    """Write down what was shown, off the answer's way."""
    common = {
        "recommendation_id": id_,
        "user_id": look.user_id,
        "anonymous_id": look.anonymous_id,
        "session_id": look.session_id,
        "timestamp": now,
        "placement": look.placement,
        "release": here.release,
    }
    current.live.shown(
        [
            common
            | {
                "item_id": item["item_id"],
                "position": place,
                "score": item["score"],
                "propensity": float(chance),
            }
            for place, (item, chance) in enumerate(zip(items, chances, strict=True), start=1)
        ]
    )
