"""Only items of the categories that the question is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np

from endcap.config import Settings
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Queries, Ragged, Ranking, offsets_of


class SameCategory(Rule[Settings]):
    """Keeps items of the anchors' categories; a query whose anchors have none keeps all.

    state: `category` [items] codes.
    """

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        return cls(settings, {"category": catalogue.category})

    def restrict(self, queries: Queries) -> Queries:
        """Where all ask about the same categories, as one who asks alone does, that is one mask for
        all of them; else each excludes the rest of the catalogue."""
        category, anchors = self.state["category"], queries.anchors
        named = anchors.keep(category[anchors.values] > 0)
        about = [frozenset(category[named[row]].tolist()) for row in range(len(queries))]
        inside = {these: np.isin(category, list(these)) for these in set(about) if these}
        if len(set(about)) == 1:
            return queries.allow(inside[about[0]]) if inside else queries
        none = np.zeros(0, np.int32)
        outside = {these: np.flatnonzero(~mask).astype(np.int32) for these, mask in inside.items()}
        rows = [outside.get(these, none) for these in about]
        offsets = offsets_of(np.array([len(row) for row in rows], np.int64))
        rest = Ragged(offsets, np.concatenate([none, *rows]))
        return replace(queries, exclude=queries.exclude.union(rest))

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        return ranking.keep(queries.permits(ranking.query, ranking.item))
