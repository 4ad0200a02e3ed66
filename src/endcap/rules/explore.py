"""Some places go to items that would not be shown, so that something is learned of them.

How likely each item was to be shown where it was is written down with it (`propensity`), which
makes it possible to judge other ways of choosing by what was clicked (Horvitz & Thompson, JASA
1952; for lists, Swaminathan et al., NeurIPS 2017).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.types import DAY, Bools, Floats, Int32s, Int64s, Queries, Ragged, Ranking


class Settings(config.Settings):
    """How much, and how far down the list."""

    share: float = Field(0.1, ge=0, lt=1, description="share of the first places that explore")
    cut: int = Field(
        10, gt=0, description="places that count as shown: what stands behind them is explored"
    )
    reach: float = Field(
        20.0,
        gt=0,
        description="places behind the cut within which the chance of an item falls to 1/e",
    )
    new: int = Field(
        10,
        ge=0,
        description="how many new items are explored as well, the newest, as if they stood right "
        "behind the cut: those that came since the models were fitted, and those that have not "
        "graduated",
    )
    days: float = Field(28.0, ge=0, description="days since its first event that an item is new")
    graduates: int = Field(
        50, ge=0, description="events with which an item stands on its own, however new"
    )


class Explore(Rule[Settings]):
    """state: `young` the codes of the items of the log that are new and have not graduated, the
    newest first; `new` those that are explored: what came after the log, then they.

    Each place up to the cut goes, with the chance `share`, to an item behind the cut, drawn
    by a softmax over its place; else to the next of the list. What is drawn out moves the others
    down. Questions without a seed, as evaluation asks them, are left alone.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        return cls._of(settings, catalogue, np.zeros(0, np.int32))

    @classmethod
    def _of(cls, settings: Settings, catalogue: Catalogue, young: Int32s) -> Self:
        new = np.concatenate([catalogue.new[::-1], young])[: settings.new]
        return cls(settings, {"young": young, "new": new})

    def counted(self, dataset: Dataset) -> Self:
        """The same with the items that the log hardly knows yet."""
        items, settings = len(dataset.catalogue), self.settings
        events = np.bincount(dataset.item, minlength=items)
        first = np.full(items, dataset.end)
        np.minimum.at(first, dataset.item, dataset.time)
        fresh = (events > 0) & (dataset.end - first <= settings.days * DAY)
        young = np.flatnonzero(fresh & (events < settings.graduates)).astype(np.int32)
        young = young[np.argsort(-first[young], kind="stable")]
        return self._of(settings, dataset.catalogue, young)

    def renewed(self, catalogue: Catalogue, run: Run) -> Self:
        return self._of(self.settings, catalogue, self.state["young"])

    def wants(self, queries: Queries) -> Ragged | None:
        new = self.state["new"].tolist()
        return Ragged.of([new] * len(queries)) if new and queries.seeds is not None else None

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        if queries.seeds is None or not len(ranking):
            return ranking
        asked, starts = np.unique(ranking.query, return_index=True)
        lists = np.split(np.isin(ranking.item, self.state["new"]), starts[1:])
        drawn = [
            self._drawn(new, int(seed))
            for new, seed in zip(lists, queries.seeds[asked], strict=True)
        ]
        order = [start + order for start, (order, _) in zip(starts, drawn, strict=True)]
        chances = np.concatenate([chance for _, chance in drawn])
        arranged = ranking.keep(np.concatenate(order))
        return replace(arranged, propensity=arranged.chances * chances)

    def _drawn(self, new: Bools, seed: int) -> tuple[Int64s, Floats]:
        """Rows of a list in their new order, and how likely each was, given those above it.

        new: [rows] which are new items.
        """
        length = len(new)
        chance, cut = np.random.default_rng(seed), min(self.settings.cut, length)
        behind = np.where(new, np.cumsum(new) - 1, np.arange(length) - cut)[cut:]
        weights = np.exp(-behind / self.settings.reach)
        order, propensity, next_row = [], np.ones(length, np.float32), 0
        for place in range(cut):
            share = self.settings.share if np.any(weights) else 0.0
            if chance.random() < share:
                odds = weights / weights.sum()
                row = int(chance.choice(len(odds), p=odds))
                order.append(cut + row)
                propensity[place], weights[row] = share * odds[row], 0.0
            else:
                order.append(next_row)
                propensity[place], next_row = 1 - share, next_row + 1
        rest = np.ones(length, np.bool_)
        rest[order] = False
        return np.r_[np.array(order, np.int64), np.flatnonzero(rest)], propensity
