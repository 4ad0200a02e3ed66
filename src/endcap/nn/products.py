"""The largest of very many products, found while each block of them is still near the processor.

All products with a million items at once go to memory and come back, several times. Here a block
is multiplied, and only what may be among the best is kept of it: what reaches the least that was
among the best so far. The items stand on the left, since the right side of such a product is put
into an order of its own, each time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from endcap.types import Bools, Int32s, Int64s
from endcap.types.ranking import last_of

LINE = 1 << 10
"""Products that are compared with the floor at once: of each item there are too few for that."""

FIRST = 1 << 12
"""Items of the first block, which says what must be reached at least."""

BLOCK = 128
"""Lines of a block at most: so many stay in the second cache."""

RISE = 3
"""How many times as much must be waiting as is kept for the floor to rise."""

FEW = 4
"""Where fewer than one of so many items are allowed, they are taken out and multiplied alone."""

NEVER = np.iinfo(np.int32).min
"""Less than any product."""


def largest(
    vectors: Tensor, asked: Tensor, allowed: Bools | None, wanted: Int64s, slack: Int64s
) -> tuple[Int32s, Int32s]:
    """Queries and items, by items: the `wanted` largest products of each query, and all that are
    at most `slack` below the last of them.

    vectors: [items, dim] of 8 bits. asked: [Q, dim] likewise. allowed: [items] False where nothing
    may be found. wanted, slack: [Q]
    """
    if allowed is not None and FEW * np.count_nonzero(allowed) < len(allowed):
        return largest_among(np.flatnonzero(allowed), vectors, asked, wanted, slack)
    count, line = len(asked), max(1, LINE // len(asked))
    leading = _Leading(allowed, wanted, slack, line)
    space = torch.empty(BLOCK * line, count, dtype=torch.int32)
    for start, stop in _blocks(len(vectors), line):
        size = stop - start
        torch._int_mm(vectors[start:stop], asked.t(), out=space[:size])
        whole = size + -size % line  # the last line may not be full
        space[size:whole] = NEVER
        if not start:
            leading.begin(space[:size].numpy())
        leading.add(start * count, space[:whole].numpy().reshape(-1, line * count))
    leading.settle()
    item, query = np.divmod(leading.place, count)
    return query.astype(np.int32), item.astype(np.int32)


def largest_among(
    rows: Int64s, vectors: Tensor, asked: Tensor, wanted: Int64s, slack: Int64s
) -> tuple[Int32s, Int32s]:
    """The same where only some items may be found. rows: [some] which."""
    query, place = largest(vectors[torch.from_numpy(rows)], asked, None, wanted, slack)
    return query, rows[place].astype(np.int32)


def _blocks(items: int, line: int) -> Iterator[tuple[int, int]]:
    """Where each begins and ends. line: items of a line."""
    start, stop = 0, min(FIRST, BLOCK * line, items)
    while start < items:
        yield start, stop
        start, stop = stop, min(stop + BLOCK * line, items)


class _Leading:
    """What may still be among the best.

    floor: [Q] what the next must reach; floors: the same for each product of a line.
    place: [kept] item · Q + query. score: [kept]
    waiting: places and scores that reached the floor when they came; come: how many those are.
    """

    def __init__(self, allowed: Bools | None, wanted: Int64s, slack: Int64s, line: int) -> None:
        self.allowed, self.wanted, self.slack, self.line = allowed, wanted, slack, line
        self.floor = np.full(len(wanted), NEVER + 1, np.int32)
        self.floors = np.tile(self.floor, line)
        self.reaching = np.empty((BLOCK, len(self.floors)), np.bool_)
        self.place, self.score = np.zeros(0, np.int64), np.zeros(0, np.int32)
        self.waiting: list[tuple[Int64s, Int32s]] = []
        self.come = 0

    def begin(self, scores: Int32s) -> None:
        """How high the first items reach. scores: [some, Q]"""
        if self.allowed is not None:
            scores = scores[self.allowed[: len(scores)]]
        last = len(scores) - int(self.wanted.max())
        if last >= 0:
            self._rise(np.partition(scores.T, last, axis=1)[:, last] - self.slack)

    def add(self, first: int, lines: Int32s) -> None:
        """A block whose first product has this place."""
        reaching = np.greater_equal(lines, self.floors, out=self.reaching[: len(lines)])
        at = np.flatnonzero(reaching)
        self.waiting.append((at + first, lines.ravel().take(at)))
        self.come += len(at)
        if self.come > RISE * len(self.place):
            self.settle()

    def settle(self) -> None:
        """Of what was kept and what is waiting, what reaches the new floor is kept."""
        places, scores = zip((self.place, self.score), *self.waiting, strict=True)
        place, score = np.concatenate(places), np.concatenate(scores)
        self.waiting, self.come = [], 0
        if self.allowed is not None:
            free = self.allowed.take(place // len(self.wanted))
            place, score = place.compress(free), score.compress(free)
        query = place % len(self.wanted)
        self._rise(last_of(query, score, self.wanted) - self.slack)
        high = score >= self.floor.take(query)
        self.place, self.score = place.compress(high), score.compress(high)

    def _rise(self, floor: Int64s) -> None:
        self.floor = np.maximum(self.floor, floor).astype(np.int32)
        self.floors = np.tile(self.floor, self.line)
