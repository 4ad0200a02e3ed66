"""What the visitor took before, the often and lately taken first: buy it again."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.scene import EventTypes
from endcap.tables.schema import kind
from endcap.types import DAY, Int32s, Queries, Ranking


class Settings(config.Settings):
    """How fast a habit fades."""

    half_life_days: float = Field(60.0, gt=0, description="days after which an event counts half")
    kinds: EventTypes = Field(("purchase", "rate"), description="event types that count as taking")


class Repeat(Retriever[Settings]):
    """Each item of the history, scored by Σ 2^(−age / half-life). It has nothing to learn."""

    settings_type = Settings
    search = config.space(half_life_days=config.Between(2.0, 730.0, log=True))

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        return cls(settings, {})

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        return self

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        history = queries.history
        counts = np.isin(history.kinds, [kind(name) for name in self.settings.kinds])
        history = history.keep(counts)
        age = (queries.times[history.rows] - history.times) / DAY
        pairs, place = np.unique(
            np.stack([history.rows, history.items]), axis=1, return_inverse=True
        )
        score = np.bincount(place, np.exp2(-age / self.settings.half_life_days))
        ranking = Ranking.sort(pairs[0], pairs[1], score.astype(np.float32))
        return ranking.keep(queries.permits(ranking.query, ranking.item)).top(n)
