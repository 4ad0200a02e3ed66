"""Some places go to items that would not be shown, so that something is learned of them.

How likely each item was to be shown where it was is written down with it (`propensity`), which
makes it possible to judge other ways of choosing by what was clicked (Horvitz & Thompson, JASA
1952; for lists, Swaminathan et al., NeurIPS 2017).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Rule
from endcap.types import Floats, Int64s, Queries, Ranking


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


class Explore(Rule[Settings]):
    """Each place up to the cut goes, with the chance `share`, to an item behind the cut, drawn
    by a softmax over its place; else to the next of the list. What is drawn out moves the others
    down. Questions without a seed, as evaluation asks them, are left alone.
    """

    settings_type = Settings

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        if queries.seeds is None or not len(ranking):
            return ranking
        asked, starts = np.unique(ranking.query, return_index=True)
        lengths = np.diff(np.r_[starts, len(ranking)])
        drawn = [
            self._drawn(int(length), int(seed))
            for length, seed in zip(lengths, queries.seeds[asked], strict=True)
        ]
        order = [start + order for start, (order, _) in zip(starts, drawn, strict=True)]
        chances = np.concatenate([chance for _, chance in drawn])
        arranged = ranking.keep(np.concatenate(order))
        return replace(arranged, propensity=arranged.chances * chances)

    def _drawn(self, length: int, seed: int) -> tuple[Int64s, Floats]:
        """Rows of a list in their new order, and how likely each was, given those above it."""
        chance, cut = np.random.default_rng(seed), min(self.settings.cut, length)
        weights = np.exp(-np.arange(length - cut) / self.settings.reach)
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
