"""From a question to an answer, through the object that evaluation judges."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from endcap.recommender import Answer
from endcap.serve.asking import latest, meeting, question
from endcap.serve.current import Current, Loaded
from endcap.serve.goods import plain
from endcap.serve.problems import no_item
from endcap.serve.questions import Like, Look
from endcap.serve.reasons import described
from endcap.serve.traces import traced
from endcap.types import Floats, Int32s, Queries

log = logging.getLogger("endcap.serve")


def recommend(current: Current, look: Look) -> dict[str, Any]:
    """The answer to a request for recommendations."""
    now, here = current.clock(), latest(current)
    id_ = uuid.uuid4()
    queries = question(here, look, now, id_)
    answer = here.recommender.answer(queries, look.n, look.placement)
    items = _items(here, answer.ranking.item, answer.ranking.score, look.fields)
    if look.explain:
        _explain(here, queries, answer, look.placement, items)
    _show(current, here, look, str(id_), now, items, answer.ranking.chances)
    current.answers.keep(
        {
            "recommendation_id": str(id_),
            "visitor": look.visitor(),
            "timestamp": int(queries.times[0]),
            "release": here.release,
            "path": answer.path,
            "question": look.model_dump_json(exclude_defaults=True),
        },
        partial(traced, here.recommender.catalogue.ids, answer, look.n),
    )
    return {
        "recommendation_id": str(id_),
        "release": here.release,
        "path": answer.path,
        "items": items,
    }


def similar(current: Current, like: Like) -> dict[str, Any]:
    """Items that go with an item. Raises Problem 404 where it is unknown."""
    here = latest(current)
    code, gone = here.catalogue.code(like.item_id), here.catalogue.gone
    if code is None or (gone is not None and gone[code]):
        raise no_item(like.item_id)
    if like.filter:
        meeting(here, like.filter)
    item = np.array([code], np.int32)
    ranking = here.recommender.similar(item, like.n, current.clock(), like.filter or "")
    return {
        "release": here.release,
        "items": _items(here, ranking.item, ranking.score, like.fields),
    }


def _items(here: Loaded, codes: Int32s, scores: Any, fields: Sequence[str]) -> list[dict[str, Any]]:
    catalogue = here.recommender.catalogue
    known = catalogue.describe(codes, fields) if fields else [{} for _ in codes]
    return [
        {"item_id": catalogue.ids[code], "score": float(score)} | plain(row)
        for code, score, row in zip(codes, scores, known, strict=True)
    ]


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
