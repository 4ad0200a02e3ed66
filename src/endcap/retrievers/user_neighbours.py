"""What those took who took the same as the visitor.

For logs of visitors with much in common and catalogues that change faster than tastes. A question
costs more than with the other neighbours, as all who share an item are compared.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from endcap import config
from endcap.nn.interactions import ONE, interactions, rises, saying
from endcap.nn.scoring import batch_of
from endcap.nn.votes import best_of, by_share, votes_of
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Floats, History, Int8s, Int32s, Int64s, Queries, Ragged, Ranking
from endcap.types.sparse import Matrix, pack, row_of, strongest, sums, unpack
from endcap.types.state import State, parted, under

BY_ITEM = "by_item"


class Settings(config.Settings):
    """Who counts as alike."""

    neighbours: int = Field(100, gt=0, description="visitors most like the one who asks who vote")
    shrink: float = Field(1.0, ge=0, description="items added to what two visitors are divided by")
    most: int = Field(500, gt=0, description="different items of a visitor that count, the first")
    history: int = Field(50, gt=0, description="newest events of the one who asks that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")


class UserNeighbours(Retriever[Settings]):
    """User-based collaborative filtering: the items of the visitors nearest to the history, by a
    shrunk cosine.

    Resnick et al., CSCW 1994; Herlocker et al., SIGIR 1999. A visitor's value for an item is the
    weight of their strongest event.

    Visitors have no names here. One who does something more is found by what they had done so far,
    which then is replaced; whoever had done just the same will do as well. So those can be learnt
    from who have no code yet.
    state: the values as a packed matrix [visitors, items] in units of 2^-16, its rows in the order
    of their marks; `items` [1] how many there are; `weight` [event types] how much each says.
    """

    personal = "what single visitors did, without their ids, until the next fit"
    settings_type = Settings
    search = config.space(
        neighbours=config.Between(20, 500, log=True),
        shrink=config.Between(0.1, 20.0, log=True),
        history=config.Choice(10, 20, 50, 100, 200),
        recency=config.Between(0.4, 1.0),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        """state: may hold `by_item` as well, where that has been worked out."""
        state, by_item = parted(state, BY_ITEM)
        super().__init__(settings, state)
        self.items = int(state["items"][0])
        self.taken = unpack(state, self.items)
        if by_item:
            vars(self)[BY_ITEM] = unpack(by_item, self.taken.shape[0])

    @property
    def arrays(self) -> State:
        return {**self.state, **under(BY_ITEM, pack(self.by_item))}

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        weight, items = dataset.kind_weights, len(dataset.catalogue)
        taken = interactions(dataset.history, weight, settings.most, items)
        return cls._of(settings, _balanced(taken, np.ones(len(dataset.users), np.int64)), weight)

    @classmethod
    def _of(cls, settings: Settings, taken: Matrix, weight: Floats) -> Self:
        return cls(settings, {**pack(taken), "items": np.array(taken.shape[1:]), "weight": weight})

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        weight, most = self.state["weight"], self.settings.most
        gone = interactions(queries.history, weight, most, self.items)
        before, after = rises(gone, items, saying(weight)[kinds], most)
        come = gone + sums(np.arange(len(items)), items, after - before, gone.shape)
        rows = sparse.vstack([self.taken, come, gone], format="csr")
        count = np.repeat([1, 1, -1], [self.taken.shape[0], len(items), len(items)])
        return self._of(self.settings, _balanced(rows, count), weight)

    @cached_property
    def values(self) -> Matrix:
        """[visitors, items]"""
        value = (self.state["value"] / ONE).astype(np.float32)
        return unpack({**self.state, "value": value}, self.items)

    @cached_property
    def by_item(self) -> Matrix:
        """[items, visitors]"""
        by_item: Matrix = self.values.T.tocsr()
        return by_item

    @cached_property
    def size(self) -> Floats:
        """[visitors] the lengths of the rows as vectors."""
        return _size(self.values)

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        parts = [
            (rows, best_of(self._nearest(self._votes(part.history)) @ self.values, part, n))
            for rows, part in queries.batches(batch_of(self.taken.shape[0]))
        ]
        return Ranking.concat(parts)

    def because(self, queries: Queries, ranking: Ranking) -> Ragged:
        """The items that the visitor has in common with those neighbours who took the row's."""
        votes = self._votes(queries.history)
        takers = self._nearest(votes)[ranking.query].multiply(self.by_item[ranking.item])
        common = (takers.tocsr() @ self.values).multiply(votes[ranking.query])
        return by_share(common.tocsr())

    def _votes(self, history: History) -> Matrix:
        return votes_of(history, self.settings.history, self.settings.recency, self.items)

    def _nearest(self, votes: Matrix) -> Matrix:
        """[queries, visitors] how alike the nearest ones are."""
        alike = (votes @ self.by_item).tocsr()
        alike.data /= _size(votes)[row_of(alike)] * self.size[alike.indices] + self.settings.shrink
        return strongest(alike, self.settings.neighbours)


def _size(rows: Matrix) -> Floats:
    """[rows] lengths of vectors."""
    return np.sqrt(rows.power(2).sum(axis=1), dtype=np.float32)


def _balanced(rows: Matrix, count: Int64s) -> Matrix:
    """Each different row as often as its counts add up to, in the order of marks; none empty."""
    _marked, first, place = np.unique(_marks(rows), return_index=True, return_inverse=True)
    times = np.bincount(place, count).astype(np.int64)
    times[np.diff(rows.indptr)[first] == 0] = 0
    return rows[np.repeat(first, np.maximum(times, 0))]


def _marks(rows: Matrix) -> NDArray[np.uint64]:
    """[rows] a number that is the same for the same items and values, and by all odds no other.

    The sum of a scramble of each value with its column (SplitMix64, Steele et al., 2014).
    """
    mark = (rows.indices.astype(np.uint64) << 32) ^ rows.data.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mark = (mark ^ (mark >> shift)) * np.uint64(factor)
    so_far = np.r_[np.uint64(0), np.cumsum(mark ^ (mark >> 31))]
    marks: NDArray[np.uint64] = so_far[rows.indptr[1:]] - so_far[rows.indptr[:-1]]
    return marks
