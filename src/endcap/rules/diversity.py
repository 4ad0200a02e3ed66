"""A list of different things: what resembles the items above it moves down.

Maximal marginal relevance: Carbonell & Goldstein, SIGIR 1998. Each place goes to the item with
the highest (1 − weight) · relevance − weight · (likeness to the most alike item above it). A
determinantal point process does no better here, where items are alike by a few labels, and costs
more.
"""

from __future__ import annotations

from typing import Literal, Self, TypeAlias

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Int64s, Queries, Ranking

Label: TypeAlias = Literal["category", "department", "brand"]

CONSTANT = 10.0
"""As in the join of lists: the larger, the less the first places count."""

REACH = 4
"""Times as many items are looked at as there are places to arrange."""


class Settings(config.Settings):
    """How different, and by what."""

    weight: float = Field(
        0.2, ge=0, le=1, description="what being different counts, beside a good place: 0 nothing"
    )
    by: tuple[Label, ...] = Field(
        ("category", "brand"),
        min_length=1,
        description="items are as alike as the share of these that they have in common: category "
        "(the finest), department (its root), brand",
    )
    first: int = Field(50, gt=0, description="places that are arranged; those behind stay")


class Diversity(Rule[Settings]):
    """Relevance is (1 + 10) / (place + 10) by score, so that it means the same of any model.

    state: `labels` [items, by] codes, 0 where an item has none.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        columns = [getattr(catalogue, name) for name in settings.by]
        return cls(settings, {"labels": np.stack(columns, axis=1)})

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        return ranking.rearranged(lambda _, listed: self._arranged(listed))

    def _arranged(self, listed: Ranking) -> Int64s:
        looked_at = listed.keep(slice(self.settings.first * REACH))
        weight, labels = self.settings.weight, self.state["labels"][looked_at.item]
        gain = (1 - weight) * _relevance(looked_at.score)
        likeness = np.zeros(len(gain), np.float32)
        chosen = np.zeros(min(self.settings.first, len(gain)), np.int64)
        for place in range(len(chosen)):
            best = int(np.argmax(gain - weight * likeness))
            chosen[place], gain[best] = best, -np.inf
            shared = (labels == labels[best]) & (labels > 0)
            np.maximum(likeness, shared.mean(axis=1, dtype=np.float32), out=likeness)
        rest = np.ones(len(listed), np.bool_)
        rest[chosen] = False
        order: Int64s = np.r_[chosen, np.flatnonzero(rest)]
        return order


def _relevance(score: Floats) -> Floats:
    """By the place of each score; equal ones share the best place of theirs."""
    above = np.searchsorted(np.sort(-score), -score, side="left")
    return np.asarray((1 + CONSTANT) / (1 + above + CONSTANT), np.float32)
