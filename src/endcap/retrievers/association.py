"""Frequently bought together.

For the pages of products and for the cart: what else lies in the baskets that hold this.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.nn.votes import Votes, Voting
from endcap.stages import Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import MINUTE, History, Int8s, Int32s, Int64s, Queries
from endcap.types.sparse import Matrix, both_ways, pack, products, row_of, strongest, sums, unpack
from endcap.types.state import State


class Settings(Votes):
    """What a basket is, and which rules count."""

    pause_minutes: float = Field(30.0, ge=0, description="a pause that ends a basket")
    support: int = Field(3, gt=0, description="baskets that must hold both items")
    lift: float = Field(
        1.0, ge=0, description="how often both must lie together, by how often chance would do it"
    )
    power: float = Field(
        0.5, ge=0, le=1, description="discount of frequent answers: 0 is confidence, 1 is lift"
    )
    keep: int = Field(200, gt=0, description="rules that are kept of each item")
    history: int = Field(20, gt=0, description="newest events of a visitor that vote")


class Association(Voting[Settings]):
    """Rules "who took this takes that", from items that lie in one basket.

    Agrawal, Imieliński & Swami, SIGMOD 1993, with the lift of Brin et al., SIGMOD 1997, for rules
    of two items. A basket is what a visitor took without a long pause; only events of the types
    to predict take.
    state: the baskets that hold both items, as a packed matrix [items, items], no column before
    its row, on the diagonal those of one item; `baskets` [1] how many there are; `takes`
    [event types] which count.
    """

    settings_type = Settings
    search = config.space(
        support=config.Between(1, 20, log=True),
        lift=config.Between(0.0, 4.0),
        power=config.Between(0.0, 1.0),
        history=config.Choice(5, 10, 20, 50),
        recency=config.Between(0.4, 1.0),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.items = len(state["offsets"]) - 1
        self.together = unpack(state, self.items)

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        takes = np.isin(np.arange(len(dataset.kind_weights)), dataset.meaning.targets)
        took = dataset.history.keep(takes[dataset.history.kinds])
        basket = _baskets(settings, took)
        count = np.array([basket.max(initial=-1) + 1])
        holds = _holding(basket, took.items, (int(count[0]), len(dataset.catalogue)))
        return cls(settings, {**pack(products(holds)), "baskets": count, "takes": takes})

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        takes = self.state["takes"]
        counted = np.flatnonzero(takes[kinds])
        took = _with(queries.take(counted), items[counted], kinds[counted])
        took = took.keep(takes[took.kinds])
        basket = _baskets(self.settings, took)
        took = took.keep(basket == basket[took.offsets[1:] - 1][took.rows])
        earlier, shape = took.keep(took.ages > 0), (len(took), self.items)
        before, after = (_holding(one.rows, one.items, shape) for one in (earlier, took))
        together = self.together + (products(after) - products(before))
        count = self.state["baskets"] + np.count_nonzero(earlier.lengths == 0)
        return type(self)(self.settings, {**pack(together), "baskets": count, "takes": takes})

    @cached_property
    def similarity(self) -> Matrix:
        """[items, items] how much a row's item speaks for each column's."""
        single, pairs = self.together.diagonal(), both_ways(self.together)
        taken, taking = single[row_of(pairs)], single[pairs.indices]
        lift = pairs.data * self.state["baskets"] / (taken * taking)
        holds = (pairs.data >= self.settings.support) & (lift >= self.settings.lift)
        score = np.where(holds, pairs.data / (taken * taking**self.settings.power), 0)
        pairs.data = score.astype(np.float32)
        return strongest(pairs, self.settings.keep)


def _with(queries: Queries, items: Int32s, kinds: Int8s) -> History:
    """The histories, each with the event that comes after it."""
    past, ends = queries.history, queries.history.offsets[1:]
    return History(
        past.offsets + np.arange(len(past.offsets)),
        np.insert(past.items, ends, items),
        np.insert(past.kinds, ends, kinds),
        np.insert(past.times, ends, queries.times),
    )


def _baskets(settings: Settings, took: History) -> Int64s:
    """[events] the number of the basket that each lies in, from 0."""
    pause = np.diff(took.times) > settings.pause_minutes * MINUTE
    begins = pause | (np.diff(took.rows) != 0)
    basket: Int64s = np.r_[0, np.cumsum(begins)][: len(took.items)]
    return basket


def _holding(basket: Int64s | Int32s, items: Int32s, shape: tuple[int, int]) -> Matrix:
    """[baskets, items] 1 where the basket holds the item."""
    holds = sums(basket, items, np.ones(len(items), np.int64), shape)
    holds.data[:] = 1
    return holds
