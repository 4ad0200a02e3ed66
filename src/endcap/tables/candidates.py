"""What a ranker is told of each candidate, and which questions it keeps to be judged by."""

from __future__ import annotations

import numpy as np

from endcap.errors import DataError
from endcap.tables.asked import Asked
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.pairs import pair_features
from endcap.tables.visitors import visitor_features
from endcap.types import Candidates, Floats, Int64s, Queries

PLACE = "place_"
"""What the name of a retriever's place begins with."""


def candidate_features(
    queries: Queries, candidates: Candidates, retrievers: tuple[str, ...], catalogue: Catalogue
) -> tuple[list[str], Floats]:
    """Names, and [rows, features] what is known of each candidate: where the retrievers placed
    it, and the features of item, visitor, pair and moment. NaN where one has no meaning.

    retrievers: whose places and scores; one that did not take part proposed nothing.
    """
    ranking = candidates.ranking
    pair_names, pair = pair_features(queries, ranking, catalogue)
    visitor_names, visitor = visitor_features(queries, catalogue)
    names = [
        *(f"{PLACE}{name}" for name in retrievers),
        *(f"score_{name}" for name in retrievers),
        *(f"item_{name}" for name in catalogue.features.column_names),
        *pair_names,
        *(f"visitor_{name}" for name in visitor_names),
    ]
    item = catalogue.feature_matrix[ranking.item]
    seen = candidates.seen_by(retrievers)
    return names, np.hstack([seen.places, seen.scores, item, pair, visitor[ranking.query]])


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
    useful = np.unique(ranking.query[ranking.hits(asked.truth)])
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
