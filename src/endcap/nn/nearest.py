"""The items whose vectors have the largest products with what a network has read, of all items.

One question is answered as fast as the vectors come out of memory, and many as fast as they are
multiplied. So they are kept as whole numbers of 8 bits as well: a quarter of the memory, and many
times the speed. By how much such a product may be wrong is known; whatever may be among the best
is then multiplied exactly. The lists are those of exact products alone.
"""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np
import torch
from torch import Tensor

from endcap.nn.products import largest
from endcap.nn.scoring import batch_of
from endcap.types import Floats, Int32s, Int64s, Queries, Ranking
from endcap.types.ranking import in_steps, last_of
from endcap.types.state import State

STEPS = 127
"""Of the whole numbers, to each side of 0."""

ROWS = 1 << 16
"""Vectors that are made whole at once: it bounds the memory."""


class Nearest:
    """vectors: [items, dim] in the memory of the processor."""

    def __init__(self, vectors: Tensor) -> None:
        self.vectors = vectors
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
        return {"all": self.vectors.numpy(), "whole": self.whole.numpy(), "sizes": sizes}

    @classmethod
    def of(cls, arrays: State) -> Self:
        """The same, and no copy of its arrays."""
        found = cls.__new__(cls)
        found.vectors, found.whole = (torch.from_numpy(arrays[name]) for name in ("all", "whole"))
        found.unit, found.length, found.rest = arrays["sizes"].tolist()
        return found

    def changed(self, vectors: Tensor, rows: Tensor) -> Nearest:
        """The same over vectors of which these rows are others, or new behind all that were."""
        new = vectors[rows]
        if _reach(new) > STEPS * self.unit:
            return Nearest(vectors)  # the steps would not reach that far
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
        unit = read.abs().amax(1, keepdim=True).clamp(min=1e-15) / STEPS
        whole = (read / unit).round().to(torch.int8)
        wanted = max(n, 1) + queries.exclude.lengths  # so many are left, whatever is excluded
        slack = self._slack(read, whole * unit, unit)
        query, item = largest(self.whole, whole, queries.allowed, wanted, slack)
        score = self._exactly(read, query, item)
        steps = in_steps(score)
        rows = np.flatnonzero(steps >= last_of(query, steps, wanted).take(query))
        found = Ranking.sort(query[rows], item[rows], score[rows])
        return found.keep(queries.permits(found.query, found.item)).top(n)

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
