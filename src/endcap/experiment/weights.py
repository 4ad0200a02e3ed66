"""How much each retriever's places count: chosen on the validation part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from endcap import metrics
from endcap.recommender import Recommender, joined_score
from endcap.tables.dataset import Asked
from endcap.types import Candidates, Ranking

STEPS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)

ASKED = 1_000
"""Questions that decide; more would change the second digit of a weight."""


def learn_weights(recommender: Recommender, asked: Asked, placement: str) -> Recommender:
    """The same system with weights for a placement's join: coordinate ascent on NDCG@10 over a
    few steps for each weight, starting from equal ones.

    Weights that the configuration gives stay as they are.
    """
    asked = asked.sample(ASKED, recommender.config.seed)
    place = recommender.placement(placement)
    queries = recommender.ask(asked.queries, place, include_seen=False)
    candidates = recommender.propose(queries, place)
    names = candidates.retrievers
    weights = np.array([place.weights.get(name, 1.0) for name in names])
    free = [i for i, name in enumerate(names) if name not in place.weights]
    best = _ndcg(recommender, candidates, asked, weights)
    for i in free * 2:
        for step in STEPS:
            tried = weights.copy()
            tried[i] = step
            score = _ndcg(recommender, candidates, asked, tried)
            if tried.any() and score > best + 1e-6:
                best, weights = score, tried
    return recommender.reweighted(placement, dict(zip(names, weights.tolist(), strict=True)))


def ranker_helps(recommender: Recommender, asked: Asked, placement: str) -> bool:
    """Whether the ranker's order beats the joined places on the validation part."""
    asked = asked.sample(2 * ASKED, recommender.config.seed + 1)
    ndcg = [
        _mean(system.answer(asked.queries, 50, placement).ranking, asked, system)
        for system in (recommender, replace(recommender, ranker=None))
    ]
    return ndcg[0] > ndcg[1]


def _ndcg(
    recommender: Recommender, candidates: Candidates, asked: Asked, weights: np.ndarray
) -> float:
    score = joined_score(candidates.places, weights, recommender.config.join.constant)
    return _mean(candidates.score(score), asked, recommender)


def _mean(ranking: Ranking, asked: Asked, recommender: Recommender) -> float:
    ndcg = metrics.every()["ndcg"]
    return float(np.nanmean(ndcg(ranking, asked.truth, recommender.catalogue, 10)))
