"""How an answer came about: what forbids an item, who proposes it, and what each step does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from endcap.answer import PathTaken
from endcap.recommender import Recommender
from endcap.types import Int32s, Queries


@dataclass(frozen=True)
class Why:
    """Of one item and one question.

    forbidden: the names of all that forbids it: `exclude` and `filter` of the request, `items`
        that it is about, the placement's filter, rules.
    proposed: its place with each retriever that proposed it.
    steps: its place after each step, None where it is not in the list.
    place: where it is shown, None where it is not.
    """

    path: PathTaken
    forbidden: tuple[str, ...]
    proposed: dict[str, int]
    steps: tuple[tuple[str, int | None], ...]
    place: int | None

    def text(self, n: int) -> str:
        """The first reason that there is, as a sentence. n: items of the list."""
        if self.place is not None:
            return f"It is shown at place {self.place}."
        if self.forbidden:
            return f"It is not shown: forbidden by {', '.join(self.forbidden)}."
        for (_, before), (name, after) in pairwise(self.steps):
            if before is not None and after is None:
                return f"It is not shown: left out by {name}, from place {before}."
        last = self.steps[-1][1]
        if last is None:
            return "It is not shown: no retriever proposes it."
        return f"It is not shown: it stands at place {last}, and {n} are shown."


def why(recommender: Recommender, queries: Queries, item: int, n: int, placement: str) -> Why:
    """Of a single question, as `recommender.answer` is asked it."""
    place = recommender.placement(placement)
    answer = recommender.answer(queries, n, placement)
    steps = tuple((name, _place(ranking.item, item)) for name, ranking in answer.steps)
    own = [] if _permits(replace(queries, allowed=None), item) else ["exclude"]
    if queries.allowed is not None and not queries.allowed[item]:
        own.append("filter")
    plain = Queries.of(queries.users, queries.times, queries.history)
    plain = replace(plain, anchors=queries.anchors)
    restrictions = recommender.restrictions(place, include_seen=False)
    others = [name for name, restrict in restrictions if not _permits(restrict(plain), item)]
    asked, about = np.zeros(1, np.int32), np.array([item], np.int32)
    [proposed] = answer.candidates.proposed(asked, about)
    return Why(
        answer.path,
        (*own, *others),
        proposed,
        steps,
        _place(answer.ranking.item, item),
    )


def _place(items: Int32s, item: int) -> int | None:
    [place, *_] = [*np.flatnonzero(items == item), -1]
    return int(place) + 1 if place >= 0 else None


def _permits(queries: Queries, item: int) -> bool:
    return bool(queries.permits(np.zeros(1, np.int32), np.array([item], np.int32))[0])
