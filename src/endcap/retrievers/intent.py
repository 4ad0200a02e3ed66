"""What the visitor came near to taking."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Int32s, Queries, Ranking


class Settings(config.Settings):
    """How fast an intent fades."""

    recency: float = Field(0.95, gt=0, le=1, description="what each later event leaves of it")


class Intent(Retriever[Settings]):
    """Each item of the history by its strongest event: how much the type says × recency^age,
    the age counted in later events. What lies in the cart comes before what was only viewed,
    until enough has happened since.

    state: `weight` [kinds] how much an event of each type says.
    """

    settings_type = Settings
    search = config.space(recency=config.Between(0.7, 1.0))

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        return cls(settings, {"weight": dataset.kind_weights})

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        return self

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        weight = self.state["weight"]
        history = queries.history.keep(weight[queries.history.kinds] > 0)
        # As a logarithm, for an old event's score is too small a number for a float.
        score = np.log(weight[history.kinds]) + np.log(self.settings.recency) * history.ages
        lists = Ranking.sort(history.rows, history.items, score.astype(np.float32)).once()
        return lists.keep(queries.permits(lists.query, lists.item)).top(n)
