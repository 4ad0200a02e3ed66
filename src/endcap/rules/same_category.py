"""Only items of the categories that the question is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np

from endcap.config import Settings
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Queries, Ragged, Ranking


class SameCategory(Rule[Settings]):
    """Keeps items of the anchors' categories; a query without anchors keeps all.

    state: `category` [items] codes.
    """

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        return cls(settings, {"category": catalogue.category})

    def restrict(self, queries: Queries) -> Queries:
        category = self.state["category"]
        outside = [
            np.flatnonzero(~np.isin(category, category[anchors]) & (len(anchors) > 0)).tolist()
            for anchors in (queries.anchors[row] for row in range(len(queries)))
        ]
        return replace(queries, exclude=queries.exclude.union(Ragged.of(outside)))

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        return ranking.keep(queries.permits(ranking.query, ranking.item))
