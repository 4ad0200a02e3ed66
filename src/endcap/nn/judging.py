"""How good the lists of a model are while it learns: what epochs are chosen by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from endcap.tables.dataset import Asked
from endcap.types import Floats, Queries, Ranking


def ndcg(scores: Callable[[Queries], Floats], judge: Asked) -> float:
    """NDCG@10 over the whole catalogue, of the questions that have a history.

    scores: of queries, [queries, items].
    """
    known = judge.take(np.flatnonzero(judge.queries.history.lengths > 0))
    gains = [_gains(scores, known.take(rows)) for rows, _ in known.queries.batches(256)]
    return float(np.concatenate(gains).mean()) if gains else 0.0


def _gains(scores: Callable[[Queries], Floats], asked: Asked) -> Floats:
    """[questions]"""
    lists = Ranking.best(scores(asked.queries), 10)
    found = lists.hits(asked.truth)
    gain = 1 / np.log2(1.0 + lists.places[found])
    best = np.cumsum(1 / np.log2(np.arange(10) + 2.0))[np.minimum(asked.truth.lengths, 10) - 1]
    gains: Floats = np.bincount(lists.query[found], gain, minlength=len(asked)) / best
    return gains
