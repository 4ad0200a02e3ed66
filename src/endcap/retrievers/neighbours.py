"""Items that follow one another in what visitors do.

A one-second model that respects order beats most deep ones on next-item data, so it is both
a retriever and the bar that others must clear.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from endcap import config
from endcap.stages import Retriever, Run, State
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Floats, History, Int32s, Int64s, Queries, Ragged, Ranking, offsets_of


class Settings(config.Settings):
    """How much order and distance count."""

    window: int = Field(10, gt=0, description="events apart at which two items still belong")
    decay: float = Field(0.8, gt=0, le=1, description="what each further step of distance keeps")
    backward: float = Field(0.35, ge=0, description="weight of what came before against after")
    source_power: float = Field(0.5, ge=0, description="discount of frequent items in the history")
    target_power: float = Field(0.25, ge=0, description="discount of frequent items as answers")
    shrink: float = Field(5.0, ge=0, description="events added to each item's count")
    keep: int = Field(300, gt=0, description="neighbours that are kept of each item")
    history: int = Field(50, gt=0, description="newest events of a visitor that vote")
    recency: float = Field(0.75, gt=0, le=1, description="what the vote of each older event keeps")


class Neighbours(Retriever[Settings]):
    """Item-to-item counts that decay with the distance in the sequence, in both directions,
    shrunk, and summed over a history whose newest events count most.

    In spirit of item-based collaborative filtering (Sarwar et al., WWW 2001) with the
    sequence-aware weights of session neighbours (Ludewig & Jannach, UMUAI 2018).
    state: the similarity as CSR: `offsets` [items + 1], `item`, `score`.
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

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        size = len(dataset.catalogue)
        follow = _follow(settings, dataset.user, dataset.item, size)
        both = (follow + settings.backward * follow.T).tocsr()
        both.setdiag(0)
        both.eliminate_zeros()
        count = np.bincount(dataset.item, minlength=size) + settings.shrink + 1e-9
        left = sparse.diags(count**-settings.source_power)
        right = sparse.diags(count**-settings.target_power)
        run.report("neighbours", 0.7)
        similar = _strongest((left @ both @ right).tocsr().astype(np.float32), settings.keep)
        state: State = {
            "offsets": similar.indptr.astype(np.int64),
            "item": similar.indices.astype(np.int32),
            "score": similar.data,
        }
        return cls(settings, state)

    @property
    def similarity(self) -> sparse.csr_array:
        """[items, items] how much a row's item speaks for each column's."""
        size = len(self.state["offsets"]) - 1
        parts = (self.state["score"], self.state["item"], self.state["offsets"])
        return sparse.csr_array(parts, shape=(size, size))

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        similarity = self.similarity
        parts = [(rows, self._retrieve(similarity, part, n)) for rows, part in queries.batches(256)]
        return Ranking.concat(parts)

    def _retrieve(self, similarity: sparse.csr_array, queries: Queries, n: int) -> Ranking:
        votes = (self._votes(queries.history, similarity.shape[0]) @ similarity).tocsr()
        query = np.repeat(np.arange(len(queries), dtype=np.int32), np.diff(votes.indptr))
        free = queries.permits(query, votes.indices)
        votes.data[~free] = 0
        places = np.concatenate([_top(votes, row, n) for row in range(len(queries))])
        return Ranking.sort(query[places], votes.indices[places], votes.data[places])

    def _votes(self, history: History, size: int) -> sparse.csr_array:
        """[queries, items] the weight of each item of the histories."""
        last = history.last(self.settings.history)
        weight = self.settings.recency ** last.ages.astype(np.float32)
        return sparse.csr_array((weight, last.items, last.offsets), shape=(len(last), size))

    def because(self, queries: Queries, ranking: Ranking) -> Ragged:
        """The items of the history by their share of the row's score."""
        similarity, reasons = self.similarity, []
        for query, item in zip(ranking.query, ranking.item, strict=True):
            last = queries.history.take(np.array([query])).last(self.settings.history)
            weight = self.settings.recency ** last.ages.astype(np.float32)
            share = weight * similarity[last.items][:, [item]].toarray()[:, 0]
            order = np.argsort(-share, kind="stable")
            strong = last.items[order[share[order] > 0]]
            reasons.append(list(dict.fromkeys(strong.tolist())))
        return Ragged.of(reasons)


def _follow(
    settings: Settings, user: Int32s, item: Int32s, size: int
) -> sparse.csr_array[Any, tuple[int, int]]:
    """[items, items] how often the column's item came after the row's, nearby counting most."""
    total: Any = sparse.csr_array((size, size), dtype=np.float32)
    for step in range(1, settings.window + 1):
        same = user[step:] == user[:-step]
        pairs = (item[:-step][same], item[step:][same])
        weight = np.full(len(pairs[0]), settings.decay ** (step - 1), np.float32)
        total = total + sparse.coo_array((weight, pairs), shape=(size, size)).tocsr()
    followed: sparse.csr_array[Any, tuple[int, int]] = total
    return followed


def _strongest(matrix: sparse.csr_array, keep: int) -> sparse.csr_array:
    """The `keep` largest values of each row."""
    places = [_top(matrix, row, keep) for row in range(matrix.shape[0])]
    chosen = np.concatenate(places)
    offsets = offsets_of(np.array([len(place) for place in places]))
    size = matrix.shape[0]
    parts = (matrix.data[chosen], matrix.indices[chosen], offsets)
    return sparse.csr_array(parts, shape=(size, size))


def _top(matrix: sparse.csr_array, row: int, n: int) -> Int64s:
    """Where the n largest positive values of a row stand, in the order of columns."""
    start, stop = matrix.indptr[row], matrix.indptr[row + 1]
    values: Floats = matrix.data[start:stop]
    positive = np.flatnonzero(values > 0)
    if len(positive) > n:
        best = np.argpartition(-values[positive], n - 1)[:n]
        positive = np.sort(positive[best])
    places: Int64s = start + positive.astype(np.int64)
    return places
