"""The items whose vectors have the largest products with what a network has read, of all items.

One question is answered as fast as the vectors come out of memory, and many as fast as they are
multiplied. So they are kept as whole numbers of 8 bits as well: a quarter of the memory, and many
times the speed. By how much such a product may be wrong is known; whatever may be among the best
is then multiplied exactly. The lists are those of exact products alone.

Of very many items an index says which may be among the best, if that is wanted, and these are
multiplied exactly. What moved or came since it was made is gone through one by one.
"""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np
import torch
from torch import Tensor

from endcap.nn.index import Index
from endcap.nn.products import FEW, largest, largest_among
from endcap.nn.scoring import batch_of
from endcap.types import Bools, Floats, Int32s, Int64s, Queries, Ranking, distinct
from endcap.types.ranking import in_steps, last_of
from endcap.types.state import State

STEPS = 127
"""Of the whole numbers, to each side of 0."""

ROWS = 1 << 16
"""Vectors that are made whole at once: it bounds the memory."""


class Nearest:
    """vectors: [items, dim] in the memory of the processor. index: of them, where there is one.
    moved: [some] items of which it knows nothing, or something else, rising."""

    def __init__(self, vectors: Tensor, index: Index | None = None) -> None:
        self.vectors, self.index, self.moved = vectors, index, np.zeros(0, np.int64)
        self.unit = max(_reach(vectors), 1e-15) / STEPS
        self.whole = torch.empty(vectors.shape, dtype=torch.int8)
        self.length = self.rest = 0.0
        for first in range(0, len(vectors), ROWS):
            some, whole = (all_[first : first + ROWS] for all_ in (vectors, self.whole))
            whole.copy_((some / self.unit).round())
            self.length = max(self.length, _longest(some))
            self.rest = max(self.rest, _longest(some - whole * self.unit))

    @property
    def arrays(self) -> State:
        """What `of` makes the same one of."""
        sizes = np.array([self.unit, self.length, self.rest])
        vectors, whole = self.vectors.numpy(), self.whole.numpy()
        return {"all": vectors, "whole": whole, "sizes": sizes, "moved": self.moved}

    @classmethod
    def of(cls, arrays: State, index: Index | None = None) -> Self:
        """The same, and no copy of its arrays. index: what it was made with."""
        found = cls.__new__(cls)
        found.index, found.moved = index, arrays["moved"]
        found.vectors, found.whole = (torch.from_numpy(arrays[name]) for name in ("all", "whole"))
        found.unit, found.length, found.rest = arrays["sizes"].tolist()
        return found

    def changed(self, vectors: Tensor, rows: Tensor) -> Nearest:
        """The same over vectors of which these rows are others, or new behind all that were."""
        found = self._but(vectors, rows)
        if self.index is not None:
            there = rows[rows < len(self.vectors)]
            other = (vectors[there] != self.vectors[there]).any(1)
            came = np.arange(len(self.vectors), len(vectors))
            found.moved = distinct(np.r_[self.moved, there[other].numpy(), came])
        return found

    def _but(self, vectors: Tensor, rows: Tensor) -> Nearest:
        new = vectors[rows]
        if _reach(new) > STEPS * self.unit:
            return Nearest(vectors, self.index)  # the steps would not reach that far
        whole = (new / self.unit).round().to(torch.int8)
        found, more = copy(self), whole.new_zeros(len(vectors) - len(self.whole), vectors.shape[1])
        found.vectors, found.whole = vectors, torch.cat([self.whole, more])
        found.whole[rows] = whole
        found.length = max(self.length, _longest(new))
        found.rest = max(self.rest, _longest(new - whole * self.unit))
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
        steps = in_steps(score)
        rows = np.flatnonzero(steps >= last_of(query, steps, wanted).take(query))
        ranking = Ranking.sort(query[rows], item[rows], score[rows])
        return ranking.keep(queries.permits(ranking.query, ranking.item)).top(n)

    def _near(
        self, read: Tensor, allowed: Bools | None, wanted: Int64s, rows: Int64s | None = None
    ) -> tuple[Int32s, Int32s]:
        """Queries and items: the best that are wanted, and few others. rows: of which items."""
        unit = read.abs().amax(1, keepdim=True).clamp(min=1e-15) / STEPS
        whole = (read / unit).round().to(torch.int8)
        slack = self._slack(read, whole * unit, unit)
        if rows is None:
            return largest(self.whole, whole, allowed, wanted, slack)
        rows = rows if allowed is None else rows[allowed[rows]]
        return largest_among(rows, self.whole, whole, wanted, slack)

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

    def _slack(self, read: Tensor, rough: Tensor, unit: Tensor) -> Int64s:
        """[queries] twice what a product may be wrong by, since the n-th best may be so too:
        |q·v − q'·v'| ≤ |q − q'| |v| + |q'| |v − v'|, in steps."""
        wrong = (read - rough).norm(dim=1) * self.length + rough.norm(dim=1) * self.rest
        steps: Floats = (2 * wrong / (unit[:, 0] * self.unit)).numpy()
        return np.asarray(np.ceil(1.001 * steps + 1), np.int64)


def _reach(vectors: Tensor) -> float:
    """How far from 0 the numbers reach; of no vectors, 0."""
    if not len(vectors):
        return 0.0
    low, high = vectors.aminmax()
    return max(-float(low), float(high))


def _longest(vectors: Tensor) -> float:
    """Of no vectors, 0."""
    return float(vectors.norm(dim=1).max()) if len(vectors) else 0.0
