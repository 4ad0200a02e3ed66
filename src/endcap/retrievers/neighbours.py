"""Items that follow one another in what visitors do.

A one-second model that respects order beats most deep ones on next-item data, so it is both
a retriever and the bar that others must clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from endcap import config
from endcap.nn.votes import Votes, Voting
from endcap.stages import Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import (
    UNIT,
    Floats,
    Int8s,
    Int32s,
    Int64s,
    Queries,
    whole,
)
from endcap.types.sparse import BLOCK, Matrix, pack, row_of, strongest, sums, unpack
from endcap.types.state import State, parted, under

MORE = "more"
"""What the names of arrays begin with that hold what was learned since the fit."""


class Settings(Votes):
    """How much order and distance count."""

    window: int = Field(10, gt=0, description="events apart at which two items still belong")
    decay: float = Field(0.8, gt=0, le=1, description="what each further step of distance keeps")
    backward: float = Field(0.35, ge=0, description="weight of what came before against after")
    source_power: float = Field(0.5, ge=0, description="discount of frequent items in the history")
    target_power: float = Field(0.25, ge=0, description="discount of frequent items as answers")
    shrink: float = Field(5.0, ge=0, description="events added to each item's count")
    keep: int = Field(300, gt=0, description="neighbours that are kept of each item")
    recency: float = Field(0.75, gt=0, le=1, description="what the vote of each older event keeps")


class Neighbours(Voting[Settings]):
    """Item-to-item counts that decay with the distance in the sequence, in both directions,
    shrunk, and summed over a history whose newest events count most.

    In spirit of item-based collaborative filtering (Sarwar et al., WWW 2001) with the
    sequence-aware weights of session neighbours (Ludewig & Jannach, UMUAI 2018).

    The counts are whole numbers, so they come out the same whether events are learnt from one by
    one or all together. None may be left out for it, as any may grow: there are at most `window`
    an event. Only the similarity that is made of them keeps no more than `keep` an item.
    state: how often the column's item came after the row's, as a packed matrix [items, items];
    `events` [items]; both in units of 2^-24. `weight` [event types] how much each says.
    """

    settings_type = Settings
    search = config.space(
        window=config.Between(1, 20),
        decay=config.Between(0.5, 1.0),
        backward=config.Between(0.0, 1.0),
        source_power=config.Between(0.0, 1.0),
        target_power=config.Between(0.0, 1.0),
        shrink=config.Between(0.5, 50.0, log=True),
        history=config.Choice(10, 20, 50, 100, 200),
        recency=config.Between(0.4, 1.0),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        """state: may hold what was learned since the fit apart, as a matrix `more`."""
        state, more = parted(state, MORE)
        super().__init__(settings, state)
        self.items = len(state["events"])
        self.counted = unpack(state, self.items)
        self.more = unpack(more, self.items) if more else _nothing(self.items)

    @property
    def state(self) -> State:
        """Put together when it is asked for: what was learned since the fit is little beside what
        all processes of a service have in common."""
        if not self.more.nnz:
            return self._state
        return {**self._state, **pack(self.counted + self.more)}

    @state.setter
    def state(self, state: State) -> None:
        self._state = state

    @property
    def arrays(self) -> State:
        return {**self._state, **under(MORE, pack(self.more)), **self.worked_out}

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        user, item, kind = dataset.user, dataset.item, dataset.kind
        size, says = len(dataset.catalogue), _says(settings, dataset.kind_weights)
        follow = _nothing(size)
        for step in range(1, settings.window + 1):
            second = np.flatnonzero(user[step:] == user[:-step]) + step
            count = says[step - 1, kind[second]]
            follow = follow + _pairs(item[second - step], item[second], count, size)
            run.report("neighbours", step / settings.window)
        events = _events(np.zeros(size, np.int64), item, dataset.weight)
        return cls(settings, {**pack(follow), "events": events, "weight": dataset.kind_weights})

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        last = queries.history.last(self.settings.window)
        weight = self._state["weight"]
        count = _says(self.settings, weight)[last.ages, kinds[last.rows]]
        new = _pairs(last.items, items[last.rows], count, self.items)
        learned = {"events": _events(self._state["events"], items, weight[kinds])}
        learned |= under(MORE, pack(self.more + new))
        return type(self)(self.settings, {**self._state, **learned})

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        """Nothing has come before or after a new item yet."""
        size = self.items + len(new)
        events = np.r_[self._state["events"], np.zeros(len(new), np.int64)]
        wider = {"events": events, "offsets": _going_on(self._state["offsets"], size)}
        wider |= under(MORE, pack(_wider(self.more, size)))
        grown = type(self)(self.settings, {**self._state, **wider})
        if "similarity" in vars(self):  # which takes long to make
            vars(grown)["similarity"] = _wider(self.similarity, size)
        return grown

    @cached_property
    def similarity(self) -> Matrix:
        """[items, items] how much a row's item speaks for each column's. Made some rows at a time:
        all pairs take several times the memory of those that are kept."""
        blocks = [strongest(rows.astype(np.float32), self.settings.keep) for rows in self._both()]
        whole: Matrix = sparse.vstack(blocks, format="csr")
        return whole

    def _both(self) -> Iterator[Matrix]:
        """[some items, items] the same of all pairs, row after row."""
        count = self._state["events"] / UNIT + self.settings.shrink + 1e-9
        source = count**-self.settings.source_power / UNIT
        target = count**-self.settings.target_power
        counted, more = (one.T.tocsr() for one in (self.counted, self.more))
        for at in range(0, max(self.items, 1), BLOCK):
            some = slice(at, at + BLOCK)
            follow, before = self.counted[some] + self.more[some], counted[some] + more[some]
            both = (follow + self.settings.backward * before).tocsr()
            # Powers of the items, not of all pairs, which are many more.
            both.data *= source[at + row_of(both)]
            both.data *= target[both.indices]
            yield both


def _says(settings: Settings, weight: Floats) -> Int64s:
    """[window, event types] how much an event says of what came so many events before it."""
    return whole(np.multiply.outer(settings.decay ** np.arange(settings.window), weight))


def _nothing(items: int) -> Matrix:
    """[items, items] no count at all."""
    none = np.zeros(0, np.int64)
    return sums(none, none, none, (items, items))


def _wider(matrix: Matrix, size: int) -> Matrix:
    """[size, size] the same, and nothing of the items that came."""
    return unpack({**pack(matrix), "offsets": _going_on(matrix.indptr, size)}, size)


def _going_on(offsets: NDArray[np.integer], rows: int) -> Int64s:
    """[rows + 1] the offsets of a matrix with further rows, which are empty."""
    more = np.full(rows + 1 - len(offsets), offsets[-1])
    longer: Int64s = np.r_[offsets, more].astype(np.int64)
    return longer


def _pairs(before: Int32s, after: Int32s, count: Int64s, size: int) -> Matrix:
    """[items, items] the counts of pairs of two different items."""
    two = before != after
    return sums(before[two], after[two], count[two], (size, size))


def _events(so_far: Int64s, items: Int32s, weight: Floats) -> Int64s:
    """[items] the weights of the events of each, in whole units."""
    events = so_far.copy()
    np.add.at(events, items, whole(weight))
    return events
