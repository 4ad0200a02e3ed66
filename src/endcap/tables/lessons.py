"""Which questions a ranker learns from, and which it keeps to be judged by."""

from __future__ import annotations

import numpy as np

from endcap.errors import DataError
from endcap.tables.asked import Asked
from endcap.tables.dataset import Dataset
from endcap.types import Candidates, Int64s, distinct


def lessons(
    asked: Asked, candidates: Candidates, dataset: Dataset, seed: int
) -> tuple[Int64s, Int64s]:
    """The questions to learn from, and those to judge and calibrate by, which come later.

    Only what has an answer among its candidates teaches an order: so there are four such
    questions to learn from for one to judge by. Those held out are all that were asked since:
    how likely a hit is, the questions without one say too. Where each user's last events are
    held out, times say nothing, and it is chance that orders the questions.

    Raises DataError where fewer than two questions have an answer.
    """
    ranking = candidates.ranking
    useful = distinct(ranking.query[ranking.hits(asked.truth)])
    if len(useful) < 2:
        raise DataError(
            f"Of {len(asked)} questions {len(useful)} have an answer among their candidates",
            expected="at least two, one to learn from and one to watch",
        )
    order = np.argsort(asked.queries.times, kind="stable")
    if dataset.meaning.protocol == "leave-one-out":
        order = np.random.default_rng(seed).permutation(len(asked))
    place = np.flatnonzero(np.isin(order, useful))
    since = place[len(place) - max(1, len(place) // 5)]
    learnt = np.intersect1d(order[:since], useful)
    return learnt, np.sort(order[since:])
