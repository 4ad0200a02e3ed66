"""Gradient-boosted trees that learn to order: the strongest ranker on small data."""

from __future__ import annotations

from typing import Any, Self

import lightgbm
import numpy as np
from pydantic import Field

from endcap import config
from endcap.errors import DataError
from endcap.stages import Ranker, Run, State
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.pairs import pair_features
from endcap.tables.visitors import visitor_features
from endcap.types import Candidates, Floats, Queries, Ranking

PLACE = "place_"


class Settings(config.Settings):
    """The trees and what they are shown."""

    trees: int = Field(400, gt=0, description="trees at most; they stop when no longer better")
    leaves: int = Field(31, gt=1, description="leaves of a tree")
    learning_rate: float = Field(0.05, gt=0, description="weight of each tree")
    min_leaf: int = Field(100, gt=0, description="candidates that a leaf must hold")
    patience: int = Field(30, gt=0, description="trees without a better NDCG before stopping")
    cutoff: int = Field(20, gt=0, description="places at the top whose order counts")
    queries: int = Field(8_000, gt=1, description="questions learnt from, at most")
    depth: int = Field(200, gt=0, description="candidates of a question that are learnt from")


class LambdaMART(Ranker[Settings]):
    """LambdaMART (Burges, MSR-TR-2010-82) by LightGBM over the places that the retrievers gave
    and the features of item, visitor, pair and moment.

    state: `model` the text of the trees, as bytes.
    """

    settings_type = Settings
    search = config.space(
        leaves=config.Choice(7, 15, 31, 63),
        learning_rate=config.Between(0.02, 0.2, log=True),
        min_leaf=config.Between(20, 500, log=True),
        cutoff=config.Choice(10, 20, 50),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self._trees = lightgbm.Booster(model_str=bytes(state["model"]).decode())
        self._retrievers = tuple(
            name.removeprefix(PLACE)
            for name in self._trees.feature_name()
            if name.startswith(PLACE)
        )

    @classmethod
    def fit(
        cls, settings: Settings, dataset: Dataset, asked: Asked, candidates: Candidates, run: Run
    ) -> Self:
        labels = candidates.ranking.hits(asked.truth).astype(np.float32)
        names, rows = features(asked.queries, candidates, candidates.retrievers, dataset.catalogue)
        query = candidates.ranking.query
        useful = _useful(settings, query, labels, run.seed)
        if len(useful) < 2:
            raise DataError(
                f"Of {len(asked)} questions {len(useful)} have an answer among their candidates",
                expected="at least two, one to learn from and one to watch",
            )
        watched = np.isin(query, useful[: max(1, len(useful) // 5)])
        learnt = np.isin(query, useful) & ~watched
        shape: dict[str, Any] = {"feature_name": names, "free_raw_data": False}
        train, check = (
            lightgbm.Dataset(rows[mask], labels[mask], group=_sizes(query[mask]), **shape)
            for mask in (learnt, watched)
        )
        trees = lightgbm.train(
            _parameters(settings, run.seed),
            train,
            settings.trees,
            valid_sets=[check],
            callbacks=[
                lightgbm.early_stopping(settings.patience, verbose=False),
                lambda state: run.report("lambdamart", state.iteration / settings.trees),
            ],
        )
        model = trees.model_to_string(num_iteration=trees.best_iteration).encode()
        return cls(settings, {"model": np.frombuffer(model, np.uint8)})

    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        if not len(candidates.ranking):
            return candidates.ranking
        _, rows = features(queries, candidates, self._retrievers, catalogue)
        return candidates.score(np.asarray(self._trees.predict(rows), np.float32))

    def importance(self) -> dict[str, float]:
        """The share of all gain that each feature brought."""
        gain = self._trees.feature_importance("gain")
        shares = gain / max(gain.sum(), 1e-9)
        return dict(zip(self._trees.feature_name(), shares.tolist(), strict=True))


def features(
    queries: Queries, candidates: Candidates, retrievers: tuple[str, ...], catalogue: Catalogue
) -> tuple[list[str], Floats]:
    """Names, and [rows, features] what the trees see of each candidate.

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


def _useful(settings: Settings, query: np.ndarray, labels: Floats, seed: int) -> np.ndarray:
    """Questions with a right answer among their candidates, in an order by chance."""
    some = np.unique(query[labels > 0])
    return np.random.default_rng(seed).permutation(some)[: settings.queries]


def _sizes(query: np.ndarray) -> np.ndarray:
    """Rows of each question, in their order."""
    return np.unique(query, return_counts=True)[1]


def _parameters(settings: Settings, seed: int) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "lambdarank_truncation_level": settings.cutoff,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_leaf,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
