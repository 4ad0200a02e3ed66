"""Models that score the whole catalogue: what they answer, and how well."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from endcap.tables.dataset import Asked
from endcap.types import Floats, Queries, Ragged, Ranking

Answers: TypeAlias = Callable[[Queries, int], Ranking]
"""Queries that have a history → up to so many items for each."""

Scores: TypeAlias = Callable[[Queries], Floats]
"""Queries that have a history → [queries, items]."""


AT_ONCE = 256
"""Queries that are answered at once, so that memory does not grow with their number."""

CELLS = 1 << 23
"""Scores that may be held at once: it bounds the memory."""


def batch_of(width: int) -> int:
    """Queries that are answered at once, where each may have so many scores."""
    return int(np.clip(CELLS // max(width, 1), 1, AT_ONCE))


def best(scores: Scores, queries: Queries, n: int, width: int) -> Ranking:
    """The best `n` items for each query that has a history, none that it excludes.

    width: numbers of a query that are held while it is scored: those of all items, mostly.
    """

    def answers(part: Queries, n: int) -> Ranking:
        return Ranking.best(part.forbid(scores(part)), n)

    return found(answers, queries, n, batch_of(width))


def found(answers: Answers, queries: Queries, n: int, at_once: int = AT_ONCE) -> Ranking:
    """What answers each query that has a history."""
    known = np.flatnonzero(queries.history.lengths > 0)
    asked = queries if len(known) == len(queries) else queries.take(known)
    parts = [(known[rows], answers(part, n)) for rows, part in asked.batches(at_once)]
    return Ranking.concat(parts)


def ndcg(scores: Scores, judge: Asked, items: int) -> float:
    """NDCG@10 over the whole catalogue, 0 for a question that has no history."""
    return gain(best(scores, judge.queries, 10, items), judge.truth)


def gain(lists: Ranking, truth: Ragged) -> float:
    """The mean NDCG@10 of lists for `len(truth)` queries, each of which has an answer."""
    if not len(truth):
        return 0.0
    lists = lists.top(10)
    found = lists.hits(truth)
    gains = np.bincount(
        lists.query[found], 1 / np.log2(1.0 + lists.places[found]), minlength=len(truth)
    )
    ideal = np.cumsum(1 / np.log2(np.arange(10) + 2.0))
    return float(np.mean(gains / ideal[np.minimum(truth.lengths, 10) - 1]))
