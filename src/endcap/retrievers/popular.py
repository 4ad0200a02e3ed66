"""What everybody takes, the newest events counting most."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import DAY, Queries, Ranking


class Settings(config.Settings):
    """How fast popularity fades."""

    half_life_days: float = Field(30.0, gt=0, description="days after which an event counts half")


class Popular(Retriever[Settings]):
    """Events of each item, each weighted by 2^(−age / half-life). The same list for everyone.

    state: `item` [items with events] codes, best first, and their `score`.
    """

    settings_type = Settings
    search = config.space(half_life_days=config.Between(1.0, 365.0, log=True))

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        age = (dataset.end - dataset.time) / DAY
        weight = np.exp2(-age / settings.half_life_days)
        score = np.bincount(dataset.item, weight, minlength=len(dataset.catalogue))
        order = np.argsort(-score, kind="stable")[: np.count_nonzero(score)]
        state = {"item": order.astype(np.int32), "score": score[order].astype(np.float32)}
        return cls(settings, state)

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        item, score = self.state["item"], self.state["score"]
        if queries.allowed is not None:
            allowed = queries.allowed[item]
            item, score = item[allowed], score[allowed]
        # So many that n remain even where everything excluded is popular.
        head = min(len(item), n + int(queries.exclude.lengths.max(initial=0)))
        query = np.repeat(np.arange(len(queries), dtype=np.int32), head)
        ranking = Ranking(
            query, np.tile(item[:head], len(queries)), np.tile(score[:head], len(queries))
        )
        return ranking.keep(queries.permits(ranking.query, ranking.item)).top(n)
