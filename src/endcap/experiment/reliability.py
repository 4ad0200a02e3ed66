"""Whether what is called likely happens as often as it is said."""

from __future__ import annotations

from typing import Any

import numpy as np

from endcap.recommender import Recommender
from endcap.stages import Rule
from endcap.types import Bools, Ranking

BINS = 10


def gives_probabilities(recommender: Recommender, placement: str) -> bool:
    """Whether the scores of a placement's lists are probabilities: a ranker's, which no rule
    weighs."""
    place, ranker = recommender.placement(placement), recommender.ranker
    if not place.rank or ranker is None or not ranker.probability:
        return False
    return all(type(recommender.rules[name]).weigh is Rule.weigh for name in place.rules)


def reliability(ranking: Ranking, taken: Bools) -> dict[str, Any]:
    """The error of the probabilities of listed items, and the bins behind it.

    What only fills a list up has a score below 0, and is not counted.
    """
    listed = ranking.score >= 0
    predicted, taken = ranking.score[listed].astype(np.float64), taken[listed]
    bins = _bins(predicted, taken) if len(predicted) else []
    size = max(1, len(predicted))
    apart = sum(one["count"] * abs(one["predicted"] - one["observed"]) for one in bins)
    return {
        "items": len(predicted),
        "predicted": float(predicted.sum() / size),
        "observed": float(taken.sum() / size),
        "expected_calibration_error": float(apart / size),
        "brier": float(((predicted - taken) ** 2).sum() / size),
        "bins": bins,
    }


def _bins(predicted: np.ndarray, taken: Bools) -> list[dict[str, Any]]:
    """From the least likely to the likeliest; each holds about a tenth of the hits that are
    promised, and equal promises stand together.

    Bins of equal width would put all but a few items, which are the ones that matter, into the
    first.
    """
    order = np.argsort(predicted, kind="stable")
    predicted, taken = predicted[order], taken[order]
    promised = np.cumsum(predicted)
    levels = np.linspace(0, promised[-1], BINS, endpoint=False)[1:]
    edges = np.searchsorted(predicted, predicted[np.searchsorted(promised, levels)])
    return [
        {"predicted": float(ours.mean()), "observed": float(theirs.mean()), "count": len(ours)}
        for ours, theirs in zip(np.split(predicted, edges), np.split(taken, edges), strict=True)
        if len(ours)
    ]
