"""The largest of very many products, found while each block of them is still near the processor.

All products with a million items at once go to memory and come back, several times. Here a block
is multiplied, and only what may be among the best is kept of it: what reaches the least that was
among the best so far. The items stand on the left, since the right side of such a product is put
into an order of its own, each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from endcap.types import Bools, Int32s, Int64s
from endcap.types.ranking import last_of

BLOCK = 1 << 17
"""Products of a block: they stay in the second cache."""

FIRST = 1 << 14
"""Products of the first block, of which all is kept; each is as long as all before it together."""

FEW = 4
"""Where fewer than one of so many items are allowed, they are taken out and multiplied alone."""

NEVER = np.iinfo(np.int32).min


def largest(
    vectors: Tensor, asked: Tensor, allowed: Bools | None, wanted: Int64s, slack: Int64s
) -> tuple[Int32s, Int32s]:
    """Queries and items, by items: the `wanted` largest products of each query, and all that are
    at most `slack` below the last of them.

    vectors: [items, dim] of 8 bits. asked: [Q, dim] likewise. allowed: [items] False where nothing
    may be found. wanted, slack: [Q]
    """
    if allowed is not None and FEW * np.count_nonzero(allowed) < len(allowed):
        rows = np.flatnonzero(allowed)
        query, item = largest(vectors[torch.from_numpy(rows)], asked, None, wanted, slack)
        return query, rows[item].astype(np.int32)
    count = len(asked)
    leading = _Leading(allowed, wanted, slack, np.full(count, NEVER, np.int32))
    space = torch.empty(max(1, BLOCK // count), count, dtype=torch.int32)
    for start, stop in _blocks(len(vectors), count):
        products = torch._int_mm(vectors[start:stop], asked.t(), out=space[: stop - start])
        leading.add(start * count, products.numpy().ravel())
    leading.settle()
    item, query = np.divmod(leading.place, count)
    return query.astype(np.int32), item.astype(np.int32)


def _blocks(items: int, count: int) -> Iterator[tuple[int, int]]:
    first, longest, start = max(1, FIRST // count), max(1, BLOCK // count), 0
    while start < items:
        stop = min(start + min(max(first, start), longest), items)
        yield start, stop
        start = stop


@dataclass
class _Leading:
    """What may still be among the best.

    floor: [Q] what the next must reach. place: [kept] item · Q + query. score: [kept]
    waiting: places and scores that reached the floor when they came.
    """

    allowed: Bools | None
    wanted: Int64s
    slack: Int64s
    floor: Int32s
    place: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    score: Int32s = field(default_factory=lambda: np.zeros(0, np.int32))
    waiting: list[tuple[Int64s, Int32s]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.floors = self._tiled()

    def add(self, first: int, products: Int32s) -> None:
        """A block whose first product has this place. The floor rises whenever more is waiting
        than is kept."""
        at = np.flatnonzero(products >= self.floors[: len(products)])
        self.waiting.append((at + first, products[at]))
        if sum(len(place) for place, _ in self.waiting) > len(self.place):
            self.settle()

    def settle(self) -> None:
        """Of what was kept and what is waiting, what reaches the new floor is kept."""
        places, scores = zip((self.place, self.score), *self.waiting, strict=True)
        place, score, self.waiting = np.concatenate(places), np.concatenate(scores), []
        if self.allowed is not None:
            free = self.allowed.take(place // len(self.wanted))
            place, score = place.compress(free), score.compress(free)
        query = place % len(self.wanted)
        last = last_of(query, score, self.wanted) - self.slack
        self.floor = np.maximum(self.floor, last).astype(np.int32)
        self.floors = self._tiled()
        high = score >= self.floor.take(query)
        self.place, self.score = place.compress(high), score.compress(high)

    def _tiled(self) -> Int32s:
        """The floor of each product of a block: to compare in rows of few numbers is slow."""
        return np.tile(self.floor, max(1, BLOCK // len(self.floor)))
