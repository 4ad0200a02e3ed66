"""Gradient-boosted trees that learn to order: the strongest ranker on small data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import lightgbm
import numpy as np
from pydantic import Field

from endcap import config
from endcap.features import Features
from endcap.nn.calibration import Calibration
from endcap.stages import Ranker, Run
from endcap.tables.asked import Asked
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.lessons import lessons
from endcap.types import Bools, Candidates, Floats, Int32s, Queries, Ranking
from endcap.types.state import State


class Settings(config.Settings):
    """The trees and what they are shown."""

    trees: int = Field(400, gt=0, description="trees at most; they stop when no longer better")
    leaves: int = Field(31, gt=1, description="leaves of a tree")
    learning_rate: float = Field(0.05, gt=0, description="weight of each tree")
    min_leaf: int = Field(100, gt=0, description="candidates that a leaf must hold")
    patience: int = Field(30, gt=0, description="trees without a better NDCG before stopping")
    cutoff: int = Field(20, gt=0, description="places at the top whose order counts")


class LambdaMART(Ranker[Settings]):
    """LambdaMART (Burges, MSR-TR-2010-82) by LightGBM over the places that the retrievers gave
    and the features that are declared.

    state: `model` the text of the trees, as bytes; the features; and what their scores mean.
    """

    settings_type = Settings
    probability = True
    search = config.space(
        leaves=config.Choice(7, 15, 31, 63),
        learning_rate=config.Between(0.02, 0.2, log=True),
        min_leaf=config.Between(20, 500, log=True),
        cutoff=config.Choice(10, 20, 50),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self._trees = lightgbm.Booster(model_str=bytes(state["model"]).decode())
        self._features = Features.of(state)
        self._calibration = Calibration.of(state)

    @classmethod
    def fit(
        cls, settings: Settings, dataset: Dataset, asked: Asked, candidates: Candidates, run: Run
    ) -> Self:
        learnt, held = lessons(asked, candidates, dataset, run.seed)
        query = candidates.ranking.query
        past = candidates.keep(np.isin(query, learnt))
        features = Features.fit(run.features, asked.queries, past, dataset.catalogue)
        told, chosen = partial(Told.of, features, asked, dataset), _parameters(settings, run.seed)
        taught = told(past).lessons(chosen)
        seen = told(candidates.keep(np.isin(query, held)))
        trees = lightgbm.train(
            chosen,
            taught,
            settings.trees,
            valid_sets=[seen.answered().lessons(chosen, taught)],
            callbacks=[
                lightgbm.early_stopping(settings.patience, verbose=False),
                lambda state: run.report("lambdamart", state.iteration / settings.trees),
            ],
        )
        model = trees.model_to_string(num_iteration=trees.best_iteration).encode()
        calibration = Calibration.fit(_scores(trees, seen.values), seen.taken)
        state = {"model": np.frombuffer(model, np.uint8), **features.state, **calibration.state}
        return cls(settings, state)

    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        if not len(candidates.ranking):
            return candidates.ranking
        _, rows = self._features(queries, candidates, catalogue)
        return candidates.score(self._calibration(_scores(self._trees, rows)))

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        return self

    def importance(self) -> dict[str, float]:
        """The share of all gain that each feature brought."""
        gain = self._trees.feature_importance("gain")
        shares = gain / max(gain.sum(), 1e-9)
        return dict(zip(self._trees.feature_name(), shares.tolist(), strict=True))


def _scores(trees: lightgbm.Booster, rows: Floats) -> Floats:
    # Row after row, as the trees read them: columns beside each other take half as long again.
    return np.asarray(trees.predict(np.ascontiguousarray(rows)), np.float32)


@dataclass(frozen=True)
class Told:
    """What the trees are told of candidates, sorted by question.

    names: of the columns; values: [rows, columns]; query, taken: [rows].
    """

    names: list[str]
    values: Floats
    query: Int32s
    taken: Bools

    @classmethod
    def of(cls, features: Features, asked: Asked, dataset: Dataset, candidates: Candidates) -> Self:
        names, values = features(asked.queries, candidates, dataset.catalogue)
        ranking = candidates.ranking
        return cls(names, values, ranking.query, ranking.hits(asked.truth))

    def answered(self) -> Told:
        """Only the questions that have an answer among their candidates."""
        kept = np.isin(self.query, self.query[self.taken])
        return Told(self.names, self.values[kept], self.query[kept], self.taken[kept])

    def lessons(
        self, parameters: dict[str, Any], like: lightgbm.Dataset | None = None
    ) -> lightgbm.Dataset:
        """LightGBM's own form of it, a quarter as large, made at once so that this one can go.

        like: those that are learned from, by whose steps others are told.
        """
        sizes = np.unique(self.query, return_counts=True)[1]
        return lightgbm.Dataset(
            self.values,
            self.taken,
            reference=like,
            group=sizes,
            feature_name=self.names,
            params=parameters,
        ).construct()


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
