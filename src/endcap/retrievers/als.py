"""Factors of visitors and items by alternating least squares.

For logs in which visitors take many things and their order says little. Where what was done
last decides, the neighbours and the sequence network see more.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from endcap import config
from endcap.nn.scoring import best
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Floats, Int32s, Queries, Ranking
from endcap.types.state import State


class Settings(config.Settings):
    """The size of the factors and how far the events are trusted."""

    factors: int = Field(256, gt=0, description="numbers that describe each item")
    confidence: float = Field(40.0, gt=0, description="what an event adds to the confidence of 1")
    regularization: float = Field(10.0, ge=0, description="pull of the factors towards 0")
    iterations: int = Field(10, gt=0, description="times that visitors and items take turns")
    history: int = Field(50, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")


class ALS(Retriever[Settings]):
    """Whether a visitor takes an item, as the product of two vectors that fit all pairs: 1 where
    there were events, trusted the more the more they say, and 0 everywhere else.

    Hu, Koren & Volinsky, ICDM 2008, by the library `implicit`. The visitors' vectors are not
    kept: that of a question is the least-squares answer to its history, in which newer events
    are trusted more.
    state: `item` [items, factors], and `kind` [event types] how much an event of each says.
    """

    settings_type = Settings
    search = config.space(
        factors=config.Choice(64, 128, 256),
        confidence=config.Between(1.0, 100.0, log=True),
        regularization=config.Between(0.1, 100.0, log=True),
        history=config.Choice(20, 50, 100, 200),
        recency=config.Between(0.5, 1.0),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.model = _model(settings, seed=0)
        self.model.item_factors = state["item"]

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        model = _model(settings, run.seed)

        def report(iteration: int, *_: float | None) -> None:
            run.report(f"ALS: iteration {iteration + 1}", (iteration + 1) / settings.iterations)

        shape = (len(dataset.users), len(dataset.catalogue))
        trust = _trust(settings, dataset.weight, dataset.user, dataset.item, shape)
        with threadpool_limits(1, "blas"):  # many small products: threads of their own slow them
            model.fit(trust, show_progress=False, callback=report)
        return cls(settings, {"item": model.item_factors, "kind": dataset.kind_weights})

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return best(self._scores, queries, n, len(self.model.item_factors))

    def _scores(self, queries: Queries) -> Floats:
        """[queries, items]"""
        last = queries.history.last(self.settings.history)
        weight = self.state["kind"][last.kinds] * self.settings.recency**last.ages
        shape = (len(queries), len(self.state["item"]))
        trust = _trust(self.settings, weight, last.rows, last.items, shape)
        visitor = self.model.recalculate_user(np.arange(len(queries)), trust)
        scores: Floats = visitor @ self.state["item"].T
        return scores


def _model(settings: Settings, seed: int) -> AlternatingLeastSquares:
    with threadpool_limits(1, "blas"):  # it warns where there are more
        return AlternatingLeastSquares(
            settings.factors,
            settings.regularization,
            iterations=settings.iterations,
            random_state=seed,
        )


def _trust(
    settings: Settings, weight: Floats, row: Int32s, item: Int32s, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """The confidence in each pair that had events, 1 + `confidence` · their weights. An event that
    says nothing is none."""
    pairs = sparse.csr_matrix((weight.astype(np.float32), (row, item)), shape=shape)
    pairs.sum_duplicates()
    pairs.eliminate_zeros()
    pairs.data = 1 + settings.confidence * pairs.data
    return pairs
