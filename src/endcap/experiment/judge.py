"""How good are these lists? All metrics for each question, before any mean is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from endcap import metrics
from endcap.errors import ReleaseError
from endcap.experiment.intervals import Interval, intervals
from endcap.recommender import Recommender
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked
from endcap.types import Floats, Ranking, Report

BEYOND = 5
"""Lists are judged at this many times the longest cutoff, so that ties at its edge count."""


@dataclass(frozen=True)
class Judged:
    """values: for each metric@k, one number a question (or a single one for all lists)."""

    ranking: Ranking
    values: Mapping[str, Floats]

    def summary(self, samples: int, seed: int) -> dict[str, Interval]:
        return intervals(self.values, samples, seed)


def judge(
    recommender: Recommender,
    asked: Asked,
    placement: str,
    cutoffs: Iterable[int],
    *,
    include_seen: bool = False,
    report: Report,
    step: str,
) -> Judged:
    """Ask the recommender as the service does, and judge what it answers.

    Raises ReleaseError where a stage failed: figures of a fallback are not its figures.
    """
    depth, parts = BEYOND * max(cutoffs), []
    for rows, queries in asked.queries.batches(1_024):
        answer = recommender.answer(queries, depth, placement, include_seen)
        if answer.path != "full":
            raise ReleaseError(f"A stage failed and {answer.path!r} lists came instead")
        parts.append((rows, answer.ranking))
        report(step, (rows[-1] + 1) / len(asked))
    ranking = Ranking.concat(parts)
    return Judged(ranking, measure(ranking, asked, recommender.catalogue, cutoffs))


def measure(
    ranking: Ranking, asked: Asked, catalogue: Catalogue, cutoffs: Iterable[int]
) -> dict[str, Floats]:
    """Every metric at every cutoff."""
    return {
        f"{name}@{k}": metric(ranking, asked.truth, catalogue, k)
        for name, metric in metrics.every().items()
        for k in cutoffs
    }


def baseline(recommender: Recommender, retrievers: tuple[str, ...]) -> Recommender:
    """A system of retrievers alone, in which each list goes on where the one before ends."""
    steps = {name: 1e-6**place for place, name in enumerate(retrievers)}
    alone = {"retrievers": retrievers, "rank": False, "weights": steps, "score_weights": {}}
    placements = {
        name: place.model_copy(update=alone)
        for name, place in recommender.config.placements.items()
    }
    config = recommender.config.model_copy(update={"placements": placements})
    return replace(recommender, config=config)


def slices(asked: Asked, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Masks over the questions: who asks, and how well known the answers are.

    counts: [items] events of each item in what was learnt from.
    """
    length = asked.queries.history.lengths
    known = np.zeros(len(asked))
    np.maximum.at(known, asked.truth.rows, counts[asked.truth.values])
    return {
        "new visitors (no event yet)": length == 0,
        "visitors with 1 to 4 events": (length > 0) & (length < 5),
        "visitors with 5 events or more": length >= 5,
        "rare items (under 10 events)": known < 10,
        "common items (10 events or more)": known >= 10,
    }
