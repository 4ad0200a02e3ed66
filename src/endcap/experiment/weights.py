"""How the retrievers' lists are joined: by places or by scores, with equal weights or learned
ones, as the validation part decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from endcap import metrics
from endcap.experiment.intervals import Difference, paired
from endcap.recommender import Recommender
from endcap.stages import Ranker
from endcap.tables.dataset import Asked
from endcap.types import Bools, Candidates, Floats, Int32s, Int64s, Ranking

WAYS = {"places": (True, False), "scores": (False, True), "places and scores": (True, True)}
"""What each learned join adds up: (places, scores)."""

ASKED = 10_000
"""Questions that decide."""

PULL = 1e-3
"""How strongly a weight is drawn towards 0, beside a question's log-likelihood of 1."""


@dataclass(frozen=True)
class Lessons:
    """Candidates, and which of them were taken: query, taken [rows], votes [rows, columns]."""

    query: Int32s
    votes: Floats
    taken: Bools

    def keep(self, rows: Bools) -> Lessons:
        return Lessons(self.query[rows], self.votes[rows], self.taken[rows])

    def weights(self) -> Floats:
        """[columns] the weights under which what was taken is likeliest; the largest is 1.

        A conditional logit (McFadden, 1974) without negative weights. Questions of which
        nothing was taken teach nothing.
        """
        useful = self.keep(np.isin(self.query, self.query[self.taken]))
        columns = self.votes.shape[1]
        if not len(useful.query):
            return np.ones(columns, np.float32)
        found = minimize(
            useful._loss(),
            np.ones(columns),
            jac=True,
            method="L-BFGS-B",
            bounds=[(0, None)] * columns,
        )
        best = (found.x / max(found.x.max(), 1e-9)).round(4).astype(np.float32)
        return best if best.any() else np.ones(columns, np.float32)

    def _loss(self) -> Any:
        """weights → mean negative log-likelihood with its pull, and the slope."""
        starts = np.flatnonzero(np.r_[True, np.diff(self.query) != 0])
        sizes = np.diff(np.r_[starts, len(self.query)])
        aim = _shares(self.taken.astype(np.float32), starts, sizes)
        spread = self.votes.var(axis=0)

        def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
            score = self.votes @ weights.astype(np.float32)
            score -= np.repeat(np.maximum.reduceat(score, starts), sizes)
            odds = np.exp(score)
            miss = np.log(np.add.reduceat(odds, starts)).sum() - aim @ score
            slope = (_shares(odds, starts, sizes) - aim) @ self.votes
            pull = PULL * spread * weights
            return miss / len(starts) + pull @ weights / 2, slope / len(starts) + pull

        return loss


def _shares(values: Floats, starts: Int64s, sizes: Int64s) -> Floats:
    """Each value's share of its question's sum."""
    shares: Floats = values / np.repeat(np.add.reduceat(values, starts), sizes)
    return shares


def learn_weights(
    recommender: Recommender, asked: Asked, placement: str
) -> tuple[Recommender, dict[str, Any]]:
    """The same system with the join that the questions favour, and the gain of each step to it.

    First, who takes part with equal weights of the places: one after the other, the retriever
    without which the lists are best is left out. Then the ways to learn weights, against that. A
    step is taken where its gain is more than chance: the 95 % interval of the paired difference
    must lie above 0. Weights that the configuration gives stay as they are.
    """
    place = recommender.placement(placement)
    if place.weights or place.score_weights:
        return recommender, {}
    asked = asked.sample(ASKED, recommender.config.seed)
    candidates = recommender.propose(recommender.ask(asked.queries, place, False), place)
    names, judge = candidates.retrievers, _Judge(recommender, candidates, asked)
    votes = candidates.votes(recommender.config.join.constant)
    equal, report = _taking_part(judge, names, votes)
    lessons = Lessons(candidates.ranking.query, votes, candidates.ranking.hits(asked.truth))
    alike = judge.each(votes @ equal)
    gains = {way: judge.gain(judge.each(_crossed(_columns(lessons, way))), alike) for way in WAYS}
    report |= {way: gain.as_dict() for way, gain in gains.items()}
    sure = {way: gain.value for way, gain in gains.items() if gain.value and (gain.low or 0) > 0}
    weights = equal
    if sure:
        way = max(sure, key=sure.__getitem__)
        weights = np.zeros_like(equal)
        weights[np.repeat(WAYS[way], len(names))] = _columns(lessons, way).weights()
    places, scores = (dict(zip(names, own.tolist(), strict=True)) for own in np.split(weights, 2))
    return recommender.reweighted(placement, places, scores if sure else {}), report


@dataclass(frozen=True)
class _Judge:
    """Holds two orders of the same candidates against each other."""

    recommender: Recommender
    candidates: Candidates
    asked: Asked

    def each(self, score: Floats) -> Floats:
        """[Q] NDCG@10 of an order. score: [rows]"""
        return _each(self.candidates.score(score), self.asked, self.recommender)

    def gain(self, one: Floats, other: Floats) -> Difference:
        """Of one order over another, by what `each` says of them."""
        config = self.recommender.config
        return paired(one, other, config.evaluate.samples, config.seed)


def _taking_part(
    judge: _Judge, names: tuple[str, ...], votes: Floats
) -> tuple[Floats, dict[str, Any]]:
    """[2 × retrievers] 1 for the places of those who take part, and the gain of each step."""
    weights = np.repeat(np.array([1, 0], np.float32), len(names))
    steps: dict[str, Any] = {}
    left: list[str] = []
    while weights.sum() > 1:
        together, gains = judge.each(votes @ weights), {}
        for one in np.flatnonzero(weights):
            without = weights.copy()
            without[one] = 0
            gains[one] = judge.gain(judge.each(votes @ without), together)
        best = max(gains, key=lambda one: gains[one].value or 0.0)
        if (gains[best].low or 0) <= 0:
            break
        weights[best] = 0
        left.append(names[best])
        steps[f"places without {' and '.join(left)}"] = gains[best].as_dict()
    return weights, steps


def _columns(lessons: Lessons, way: str) -> Lessons:
    """Only the votes that a way adds up."""
    used = np.repeat(WAYS[way], lessons.votes.shape[1] // 2)
    return replace(lessons, votes=lessons.votes[:, used])


def _crossed(lessons: Lessons) -> Floats:
    """[rows] scores by weights learned from the other half of the questions."""
    score = np.zeros(len(lessons.query), np.float32)
    first = lessons.query % 2 == 0
    for half in (first, ~first):
        score[~half] = lessons.votes[~half] @ lessons.keep(half).weights()
    return score


def choose_ranker(
    recommender: Recommender, rankers: Mapping[str, Ranker[Any]], asked: Asked, placement: str
) -> Recommender:
    """The system with the ranker whose lists are best on the validation part, and no other among
    its settings.

    It stays only where its order beats the joined lists by more than chance: the 95 % interval
    of the paired difference lies above 0. Else there is none.
    """
    asked = asked.sample(ASKED, recommender.config.seed + 1)
    joined = _answered(recommender, asked, placement)
    ranked = {
        name: _answered(replace(recommender, ranker=ranker), asked, placement)
        for name, ranker in rankers.items()
    }
    best = max(ranked, key=lambda name: np.nanmean(ranked[name]), default=None)
    if best is None:
        return recommender
    gap = paired(ranked[best], joined, recommender.config.evaluate.samples, recommender.config.seed)
    if gap.low is None or gap.low <= 0:
        return recommender
    stages = {name: stage for name, stage in recommender.config.rankers.items() if name == best}
    config = recommender.config.model_copy(update={"rankers": stages})
    return replace(recommender, config=config, ranker=rankers[best])


def _answered(recommender: Recommender, asked: Asked, placement: str) -> Floats:
    """[Q] NDCG@10 of what is answered."""
    return _each(recommender.answer(asked.queries, 50, placement).ranking, asked, recommender)


def _each(ranking: Ranking, asked: Asked, recommender: Recommender) -> Floats:
    """[Q] NDCG@10"""
    return metrics.every()["ndcg"](ranking, asked.truth, recommender.catalogue, 10)
