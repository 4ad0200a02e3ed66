"""How much each retriever's places count: chosen on the validation part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from endcap import metrics
from endcap.experiment.intervals import paired
from endcap.recommender import Recommender, joined_score
from endcap.tables.dataset import Asked
from endcap.types import Candidates, Floats, Ranking

STEPS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)

ASKED = 2_000
"""Questions that decide on a weight; whether the ranker stays, twice as many do."""

GAIN = 1.01
"""What a step must bring, as a factor: what is less is chance, and equal weights travel better."""


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
            if tried.any() and score > GAIN * best:
                best, weights = score, tried
    return recommender.reweighted(placement, dict(zip(names, weights.tolist(), strict=True)))


def ranker_helps(recommender: Recommender, asked: Asked, placement: str) -> bool:
    """Whether the ranker's order beats the joined places on the validation part by more than
    chance: the 95 % interval of the paired difference lies above 0."""
    asked = asked.sample(2 * ASKED, recommender.config.seed + 1)
    ranked, joined = (
        _each(system.answer(asked.queries, 50, placement).ranking, asked, system)
        for system in (recommender, replace(recommender, ranker=None))
    )
    gap = paired(ranked, joined, recommender.config.evaluate.samples, recommender.config.seed)
    return gap.low is not None and gap.low > 0


def _ndcg(
    recommender: Recommender, candidates: Candidates, asked: Asked, weights: np.ndarray
) -> float:
    score = joined_score(candidates.places, weights, recommender.config.join.constant)
    return float(np.nanmean(_each(candidates.score(score), asked, recommender)))


def _each(ranking: Ranking, asked: Asked, recommender: Recommender) -> Floats:
    """[Q] NDCG@10"""
    return metrics.every()["ndcg"](ranking, asked.truth, recommender.catalogue, 10)
