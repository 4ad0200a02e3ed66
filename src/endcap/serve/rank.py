"""/v1/rank: items that the shop has chosen, in the order in which a visitor may want them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from endcap.recommender import Recommender
from endcap.serve.current import Current
from endcap.serve.ids import new_id
from endcap.serve.item_schema import plain
from endcap.serve.loaded import Loaded
from endcap.serve.queries import latest, question
from endcap.serve.request_schemas import Ask, Rank
from endcap.types import distinct


def rank(current: Current, asked: Rank) -> dict[str, Any]:
    """The same items, best first, each as often as it was given. Those of which nobody can say
    anything stand behind the others with no score, in the order in which they came: what the
    models don't know, then what the catalogue does not."""
    here = latest(current).seen_by(asked)
    who = Ask.model_validate(asked.model_dump(exclude={"items", "fields"}))
    queries = question(here, who, current.clock(), new_id())
    codes = distinct(here.catalogue.codes(asked.items))
    mask = np.zeros(len(here.catalogue), np.bool_)
    mask[codes] = True
    queries = replace(queries.allow(mask), seeds=None)
    system = _without_rules(here.recommender, asked.placement, len(codes))
    answer = system.answer(queries, max(1, len(codes)), asked.placement)
    scores: dict[int | None, float] = dict(
        zip(answer.ranking.item.tolist(), answer.ranking.score.tolist(), strict=True)
    )
    return {
        "release": here.release,
        "path": answer.path,
        "items": _ordered(here, asked, scores),
    }


def _without_rules(system: Recommender, placement: str, items: int) -> Recommender:
    """The same system, asked to order: nothing is left out, however many items there are."""
    config = system.config
    free = {"rules": (), "filter": "", "fill": True, "anchored": False}
    place = config.placements[placement].model_copy(update=free)
    join = config.join.model_copy(update={"depth": max(items, config.join.depth)})
    changes = {"placements": {**config.placements, placement: place}, "join": join}
    return replace(system, config=config.model_copy(update=changes))


def _ordered(here: Loaded, asked: Rank, scores: dict[int | None, float]) -> list[dict[str, Any]]:
    codes = {item: here.catalogue.code(item) for item in asked.items}
    rows: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    if asked.fields:
        known = {item: code for item, code in codes.items() if code is not None}
        described = here.recommender.shown.describe(known.values(), asked.fields)
        rows |= {item: plain(row) for item, row in zip(known, described, strict=True)}

    def order(item: str) -> tuple[int, float]:
        code = codes[item]
        if code is None:
            return 2, 0.0
        return (0, -scores[code]) if code in scores else (1, 0.0)

    return [
        {"item_id": item, "score": scores.get(codes[item])} | rows[item]
        for item in sorted(asked.items, key=order)
    ]
