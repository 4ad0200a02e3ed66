"""The items whose vectors have the largest products with what a network has read, of all items.

Products with all of them are taken roughly at first, as is fastest here; by how much such a product
may be wrong is known. Whatever may be among the best is then multiplied exactly. The lists are
those of exact products alone.

Of very many items an index says which may be among the best, if that is wanted, and these are
multiplied exactly. What moved or came since it was made is gone through one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Self

import numpy as np
import torch
from torch import Tensor

from endcap.nn.index import Index
from endcap.nn.products import FEW, largest, largest_among
from endcap.nn.rough import Rough, faster, known
from endcap.nn.scoring import batch_of
from endcap.types import Bools, Floats, Int32s, Int64s, Queries, Ranking, distinct
from endcap.types.state import State


class Nearest:
    """vectors: [items, dim] in the memory of the processor. index: of them, where there is one.
    rough: how products are taken at first.
    moved: [some] items of which the index knows nothing, or something else, rising."""

    def __init__(
        self,
        vectors: Tensor,
        index: Index | None = None,
        rough: Callable[[Tensor], Rough] = faster,
    ) -> None:
        self.vectors, self.index, self.rough = vectors, index, rough(vectors)
        self.moved = np.zeros(0, np.int64)

    @property
    def arrays(self) -> State:
        """What `of` makes the same one of."""
        return {"all": self.vectors.numpy(), "moved": self.moved, **self.rough.arrays}

    @classmethod
    def of(cls, arrays: State, index: Index | None = None) -> Self:
        """The same, and no copy of its arrays. index: what it was made with."""
        found = cls.__new__(cls)
        found.vectors, found.index = torch.from_numpy(arrays["all"]), index
        found.rough, found.moved = known(found.vectors, arrays), arrays["moved"]
        return found

    def changed(self, vectors: Tensor, rows: Tensor) -> Nearest:
        """The same over vectors of which these rows are others, or new behind all that were."""
        found = copy(self)
        found.vectors, found.rough = vectors, self.rough.changed(vectors, rows)
        if self.index is not None:
            there = rows[rows < len(self.vectors)]
            other = (vectors[there] != self.vectors[there]).any(1)
            came = np.arange(len(self.vectors), len(vectors))
            found.moved = distinct(np.r_[self.moved, there[other].numpy(), came])
        return found

    def best(self, read: Tensor, queries: Queries, n: int) -> Ranking:
        """The best `n` items for each query, none that it excludes. read: [queries, dim]"""
        at_once = batch_of(len(self.vectors))
        parts = [
            (rows, self._best(read[torch.from_numpy(rows)], part, n))
            for rows, part in queries.batches(at_once)
        ]
        return Ranking.concat(parts)

    def _best(self, read: Tensor, queries: Queries, n: int) -> Ranking:
        wanted = max(n, 1) + queries.exclude.lengths  # so many are left, whatever is excluded
        found = self._indexed(read, queries.allowed, wanted)
        query, item = found or self._near(read, queries.allowed, wanted)
        score = self._exactly(read, query, item)
        ranking = Ranking.sort(query, item, score)
        return ranking.keep(queries.permits(ranking.query, ranking.item)).top(n)

    def _near(
        self, read: Tensor, allowed: Bools | None, wanted: Int64s, rows: Int64s | None = None
    ) -> tuple[Int32s, Int32s]:
        """Queries and items: the best that are wanted, and few others. rows: of which items."""
        asked, slack = self.rough.asked(read)
        if rows is None:
            return largest(self.rough.vectors, asked, allowed, wanted, slack)
        rows = rows if allowed is None else rows[allowed[rows]]
        return largest_among(rows, self.rough.vectors, asked, wanted, slack)

    def _indexed(
        self, read: Tensor, allowed: Bools | None, wanted: Int64s
    ) -> tuple[Int32s, Int32s] | None:
        """Queries and items that hold the best, by the index; None where there is none, or it
        finds too few that are allowed."""
        items = len(self.vectors)
        free = items if allowed is None else np.count_nonzero(allowed)
        if self.index is None or FEW * free < items:
            return None
        query, item = self.index.near(read.numpy(), -(-wanted * items // free))
        if allowed is not None:
            query, item = query[allowed[item]], item[allowed[item]]
        if len(self.moved):
            stays = np.isin(item, self.moved, invert=True)
            parts = (query[stays], item[stays]), self._near(read, allowed, wanted, self.moved)
            query, item = map(np.concatenate, zip(*parts, strict=True))
        enough = np.bincount(query, minlength=len(read)) >= np.minimum(wanted, free)
        return (query, item) if enough.all() else None

    def _exactly(self, read: Tensor, query: Int32s, item: Int32s) -> Floats:
        """[pairs] products in full. numpy needs a fifth of torch's time for them."""
        one, other = read.numpy().take(query, 0), self.vectors.numpy().take(item, 0)
        scores: Floats = np.einsum("ij,ij->i", one, other)
        return scores
