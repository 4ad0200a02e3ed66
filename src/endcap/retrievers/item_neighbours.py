"""Items that the same visitors took, in whatever order.

For logs in which the order says little. Where it says something, `neighbours` sees more.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.nn.interactions import ONE, interactions, rises, saying
from endcap.nn.votes import Votes, Voting
from endcap.stages import Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Int8s, Int32s, Queries
from endcap.types.sparse import Matrix, both_ways, pack, products, row_of, strongest, sums, unpack
from endcap.types.state import State


class Settings(Votes):
    """Who counts as alike, and who votes."""

    shrink: float = Field(
        10.0, ge=0, description="visitors added to the size of each pair's audience"
    )
    keep: int = Field(200, gt=0, description="neighbours that are kept of each item")
    most: int = Field(500, gt=0, description="different items of a visitor that count, the first")


class ItemNeighbours(Voting[Settings]):
    """Item-based collaborative filtering: the cosine between items as vectors of visitors,
    shrunk where few took both.

    Sarwar et al., WWW 2001. A visitor's value for an item is the weight of their strongest event.
    state: the products of all items that some visitor took both, as a packed matrix
    [items, items], no column before its row, in units of 2^-32; each event adds to them.
    `weight` [event types] how much each says.
    """

    settings_type = Settings
    search = config.space(
        shrink=config.Between(1.0, 100.0, log=True),
        history=config.Choice(10, 20, 50, 100, 200),
        recency=config.Between(0.4, 1.0),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.items = len(state["offsets"]) - 1
        self.products = unpack(state, self.items)

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        weight, items = dataset.kind_weights, len(dataset.catalogue)
        taken = interactions(dataset.history, weight, settings.most, items)
        return cls(settings, {**pack(products(taken)), "weight": weight})

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        weight, most = self.state["weight"], self.settings.most
        taken = interactions(queries.history, weight, most, self.items)
        before, after = rises(taken, items, saying(weight)[kinds], most)
        row = row_of(taken)
        item, other = items[row], taken.indices
        product = np.where(item == other, 0, (after - before)[row] * taken.data)
        new = sums(
            np.r_[items, np.minimum(item, other)],
            np.r_[items, np.maximum(item, other)],
            np.r_[after**2 - before**2, product],
            self.products.shape,
        )
        return type(self)(self.settings, {**pack(self.products + new), "weight": weight})

    @cached_property
    def similarity(self) -> Matrix:
        """[items, items] the shrunk cosines of different items."""
        size, both = np.sqrt(self.products.diagonal()), both_ways(self.products)
        audience = size[row_of(both)] * size[both.indices] + self.settings.shrink * ONE**2
        both.data = (both.data / audience).astype(np.float32)
        return strongest(both, self.settings.keep)
