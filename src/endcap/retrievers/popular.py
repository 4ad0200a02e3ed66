"""What everybody takes, the newest events counting most."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import (
    DAY,
    UNIT,
    Bools,
    Floats,
    Int8s,
    Int32s,
    Int64s,
    Queries,
    Ranking,
    spans,
    whole,
)
from endcap.types.state import State, parted, under

RANKED = "ranked"


class Settings(config.Settings):
    """How fast popularity fades."""

    half_life_days: float = Field(30.0, gt=0, description="days after which an event counts half")


class Popular(Retriever[Settings]):
    """Events of each item by their weights, halved every half-life. The same list for everyone.

    An event counts 2^(how far its half-life had gone), from 1 to 2, and all events of a half-life
    fade together. So their sums are whole numbers, which events that come later only add to.
    state: for each item and half-life with events, `item`, `half_life` (since 1970) and `sum`, in
    units of 2^-24. `weight` [event types] how much each says. `new`, once there are any, the items
    that came since the fit, which stand at the end, the newest first.
    """

    settings_type = Settings
    search = config.space(half_life_days=config.Between(1.0, 365.0, log=True))

    def __init__(self, settings: Settings, state: State) -> None:
        """state: may hold `ranked` as well, where that has been worked out."""
        state, ranked = parted(state, RANKED)
        super().__init__(settings, state)
        if ranked:
            vars(self)[RANKED] = ranked["item"], ranked["score"]

    @property
    def arrays(self) -> State:
        item, score = self.ranked
        return {**self.state, **under(RANKED, {"item": item, "score": score})}

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        none = np.zeros(0, np.int64)
        state: State = {"item": none.astype(np.int32), "half_life": none, "sum": none}
        empty = cls(settings, {**state, "weight": dataset.kind_weights})
        return empty._with(dataset.item, dataset.kind, dataset.time)

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        return self._with(items, kinds, queries.times)

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        return type(self)(self.settings, {**self.state, "new": np.r_[self._new, new]})

    @property
    def _new(self) -> Int32s:
        return np.asarray(self.state.get("new", np.zeros(0)), np.int32)

    def _with(self, items: Int32s, kinds: Int8s, times: Int64s) -> Self:
        """The same with more events."""
        lives = times / (self.settings.half_life_days * DAY)
        begun = np.floor(lives).astype(np.int64)
        value = whole(self.state["weight"][kinds] * np.exp2(lives - begun))
        item, half_life = np.r_[self.state["item"], items], np.r_[self.state["half_life"], begun]
        width = 1 + half_life.max(initial=0)
        keys, place = np.unique(item * width + half_life, return_inverse=True)
        total = np.zeros(len(keys), np.int64)
        np.add.at(total, place, np.r_[self.state["sum"], value])
        state = {"item": (keys // width).astype(np.int32), "half_life": keys % width, "sum": total}
        return type(self)(self.settings, {**self.state, **state})

    @cached_property
    def ranked(self) -> tuple[Int32s, Floats]:
        """All items with events, best first, then new ones, and what they count now."""
        half_life = self.state["half_life"]
        left = self.state["sum"] * np.exp2(half_life - half_life.max(initial=0.0))
        score = np.bincount(self.state["item"], left)
        order = np.argsort(-score, kind="stable")[: np.count_nonzero(score)].astype(np.int32)
        untaken = self._new[~np.isin(self._new, order)][::-1]
        value = (score[order] / UNIT).astype(np.float32)
        return np.r_[order, untaken], np.r_[value, np.zeros(len(untaken), np.float32)]

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        # So many that n remain even where everything excluded is popular.
        heads = n + queries.exclude.lengths
        rows = self._first(int(heads.max(initial=0)), queries.allowed)
        lengths = np.minimum(heads, len(rows))
        query = np.arange(len(queries), dtype=np.int32).repeat(lengths)
        own = rows[spans(np.zeros_like(lengths), lengths)]
        item, score = self.ranked
        ranking = Ranking(query, item[own], score[own])
        return ranking.keep(queries.permits(ranking.query, ranking.item)).top(n)

    def _first(self, head: int, allowed: Bools | None) -> Int64s:
        """The first rows of the list that are allowed, found without going through all of it."""
        items, reach = self.ranked[0], head
        if allowed is None:
            return np.arange(min(head, len(items)))
        while np.count_nonzero(allowed[items[:reach]]) < head and reach < len(items):
            reach *= 4
        return np.flatnonzero(allowed[items[:reach]])[:head]
