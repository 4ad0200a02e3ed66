"""What the visitor looked at last, newest first."""

from __future__ import annotations

from typing import Self

import numpy as np

from endcap import config
from endcap.stages import Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Int32s, Queries, Ranking


class Settings(config.Settings):
    """There is nothing to set."""


class Recent(Retriever[Settings]):
    """The items of the history in the order of their last event. It has nothing to learn."""

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        return cls(settings, {})

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        return self

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        history = queries.history
        age = history.ages.astype(np.float32)
        newest = Ranking.sort(history.rows, history.items, -age).once()
        return newest.keep(queries.permits(newest.query, newest.item)).top(n)
