"""How answers came about: `/v1/explain`, and what is asked of `/v1/recommendations/{id}`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from endcap.answer import Answer, Steps
from endcap.errors import ReleaseError
from endcap.experiment.batch import served
from endcap.experiment.why import why
from endcap.recommender import Recommender
from endcap.serve import request_schemas as bodies
from endcap.serve.current import Current
from endcap.serve.ids import new_id
from endcap.serve.loaded import Loaded
from endcap.serve.problems import missing, wrong
from endcap.serve.queries import latest, loaded, question
from endcap.serve.reasons import why_shown
from endcap.store.releases import Releases
from endcap.store.visitors import Visitors
from endcap.tables.catalogue import Catalogue
from endcap.types import Int32s


def explain(current: Current, asked: bodies.Why) -> dict[str, Any]:
    """Raises Problem 404 where the item is unknown."""
    here = latest(current).seen_by(asked)
    code = here.recommender.catalogue.code(asked.item_id)
    if code is None:
        raise missing("item", asked.item_id)
    queries = replace(question(here, asked, current.clock(), new_id()), seeds=None)
    found = why(here.recommender, queries, code, asked.n, asked.placement)
    told = why_shown(asked.item_id, found, asked.n)
    return {"item_id": asked.item_id, "release": here.release, "path": found.path, **told}


def traced(catalogue: Catalogue, answer: Answer, n: int, queries: int) -> list[dict[str, Any]]:
    """What is kept of how each question was answered.

    removed: items that the models put among the first n and that are nowhere in the list.
    """
    shown, first = answer.ranking, answer.steps[0][1].top(n)
    gone = first.keep(answer.steps[-1][1].find(first.query, first.item) < 0)
    query, item = np.append(shown.query, gone.query), np.append(shown.item, gone.item)
    moved, proposed = _moves(answer.steps, query, item), answer.candidates.proposed(query, item)
    score, chance = shown.score.tolist(), shown.chances.tolist()
    told: list[dict[str, Any]] = [{"items": [], "removed": []} for _ in range(queries)]
    for row, (asked, name) in enumerate(zip(query.tolist(), catalogue.named(item), strict=True)):
        one: dict[str, Any] = {"item_id": name}
        if row < len(score):
            one |= {"score": score[row], "propensity": chance[row], "proposed_by": proposed[row]}
        one["moved_by"] = moved[row]
        told[asked]["items" if row < len(score) else "removed"].append(one)
    return told


def _moves(steps: Steps, query: Int32s, item: Int32s) -> list[list[dict[str, Any]]]:
    """[rows] the steps after the first that moved each item, with its place before and after."""
    places: list[Int32s] = []
    for place, (_, ranking) in enumerate(steps):
        if place and ranking is steps[place - 1][1]:  # a step that left all as it was
            places.append(places[-1])
        else:
            places.append(np.append(ranking.places, 0)[ranking.find(query, item)])
    before, after = np.stack(places[:-1], axis=1), np.stack(places[1:], axis=1)
    moved: list[list[dict[str, Any]]] = [[] for _ in query]
    row, step = np.nonzero(before != after)
    columns = row, step, before[row, step], after[row, step]
    for one, at, old, new in zip(*(column.tolist() for column in columns), strict=True):
        moved[one].append({"step": steps[1 + at][0], "from": old or None, "to": new or None})
    return moved


def trace(current: Current, recommendation_id: str) -> dict[str, Any]:
    """Raises Problem 404 where there is no such answer."""
    row = _found(current, recommendation_id)
    keys = ("recommendation_id", "timestamp", "release", "path", "question")
    return {**{key: row[key] for key in keys}, **row["trace"]}


def rerun(current: Current, recommendation_id: str, asked: bodies.Rerun) -> dict[str, Any]:
    """The answer of another release. Raises Problem 404 and 422."""
    row, here = _found(current, recommendation_id), loaded(current)
    look = bodies.Ask.model_validate(row["question"])
    other = _other(current, here, asked.release).seen_by(look)
    id_ = uuid.UUID(recommendation_id)
    queries = question(other, look, row["timestamp"], id_, again=True)
    answer = other.recommender.answer(queries, look.n, look.placement)
    before = [item["item_id"] for item in row["trace"]["items"]]
    after = other.catalogue.named(answer.ranking.item)
    scores = answer.ranking.score.tolist()
    return {
        "recommendation_id": recommendation_id,
        "release": asked.release,
        "path": answer.path,
        "items": [
            {"item_id": item, "score": score} for item, score in zip(after, scores, strict=True)
        ],
        "difference": difference(before, after),
    }


def _other(current: Current, here: Loaded, release: str) -> Loaded:
    """A release that need not be live, over the items as they are now. Raises Problem 422."""
    try:
        recommender = _recommender(Releases(current.shop.releases).path(release))
    except ReleaseError as error:
        raise wrong("release", release, str(error)) from error
    dataset, settings = here.visitors.dataset, recommender.config.events
    visitors = Visitors(dataset, recommender.catalogue, current.live, settings, current.people)
    return current.loading.stocked(Loaded(release, recommender, visitors, here.until))


def difference(before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    """
    >>> difference(["a", "b"], ["b", "c"])["moved"]
    [{'item_id': 'b', 'from': 2, 'to': 1}]
    """
    old, new = (
        {item: place for place, item in enumerate(items, start=1)} for items in (before, after)
    )
    return {
        "entered": [{"item_id": item, "to": new[item]} for item in after if item not in old],
        "left": [{"item_id": item, "from": old[item]} for item in before if item not in new],
        "moved": [
            {"item_id": item, "from": old[item], "to": new[item]}
            for item in after
            if item in old and old[item] != new[item]
        ],
    }


def _found(current: Current, recommendation_id: str) -> dict[str, Any]:
    row = current.answers.find(recommendation_id)
    if row is None:
        raise missing("answer", recommendation_id, "recommendation_id")
    return row


@lru_cache(maxsize=1)
def _recommender(folder: Path) -> Recommender:
    """A release in memory; the last one stays, as many answers may be asked again of it."""
    return Recommender.load(served(folder))
