"""The largest of very many products, found while each block of them is still near the processor.

All products with a million items at once go to memory and come back, several times. Here a block
is multiplied, and only what may be among the best is kept of it: what reaches the least that was
among the best so far. The items stand on the left, since the right side of such a product is put
into an order of its own, each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from endcap.types import Bools, Floats, Int32s, Int64s
from endcap.types.ranking import in_steps, last_of, of_steps

LINE = 1 << 10
"""Products that are compared with the floor at once: of each item there are too few for that."""

FIRST = 1 << 12
"""Items of the first block, which says what must be reached at least."""

BLOCK = 128
"""Lines of a block at most: so many stay in the second cache."""

RISE = 3
"""How many times as much must be waiting as is kept, or wanted, for the floor to rise."""

FEW = 4
"""Where fewer than one of so many items are allowed, they are taken out and multiplied alone."""

Sums: TypeAlias = NDArray[Any]
"""Products of vectors of 8 bits, or of 32."""


class Kind(NamedTuple):
    """What products of vectors of some numbers are. least: what a product is at least; never: less
    than that."""

    sums: torch.dtype
    least: float
    never: float


KINDS = {
    torch.int8: Kind(torch.int32, np.iinfo(np.int32).min + 1, np.iinfo(np.int32).min),
    torch.float32: Kind(torch.float32, float(np.finfo(np.float32).min), -np.inf),
}


def products(items: int, count: int, kind: torch.dtype) -> Tensor:
    """[items, count] room for products of vectors of such numbers."""
    return torch.empty(items, count, dtype=KINDS[kind].sums)


def multiply(vectors: Tensor, asked: Tensor, out: Tensor) -> None:
    """[items, Q] all products. vectors: [items, dim] of 8 bits or of 32; asked: [Q, dim]."""
    if vectors.dtype == torch.int8:
        torch._int_mm(vectors, asked.t(), out=out)
    else:  # of so few questions numpy needs half of torch's time
        np.matmul(vectors.numpy(), asked.numpy().T, out=out.numpy())


def largest(
    vectors: Tensor, asked: Tensor, allowed: Bools | None, wanted: Int64s, slack: Int64s | Floats
) -> tuple[Int32s, Int32s]:
    """Queries and items, by items: the `wanted` largest products of each query, and all that are
    at most `slack` below the last of them.

    vectors: [items, dim] of 8 bits or of 32. asked: [Q, dim] likewise. allowed: [items] False
    where nothing may be found. wanted, slack: [Q]
    """
    if allowed is not None and FEW * np.count_nonzero(allowed) < len(allowed):
        return largest_among(np.flatnonzero(allowed), vectors, asked, wanted, slack)
    count, line, kind = len(asked), max(1, LINE // len(asked)), KINDS[vectors.dtype]
    space = products(BLOCK * line, count, vectors.dtype)
    floor = np.full(count, kind.least, space.numpy().dtype)
    leading = _Leading(allowed, wanted, slack, line, floor)
    for start, stop in _blocks(len(vectors), line):
        size = stop - start
        multiply(vectors[start:stop], asked, space[:size])
        whole = size + -size % line  # the last line may not be full
        space[size:whole] = kind.never
        if not start:
            leading.begin(space[:size].numpy())
        leading.add(start * count, space[:whole].numpy().reshape(-1, line * count))
    leading.settle()
    item, query = np.divmod(leading.place, count)
    return query.astype(np.int32), item.astype(np.int32)


def largest_among(
    rows: Int64s, vectors: Tensor, asked: Tensor, wanted: Int64s, slack: Int64s | Floats
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

    def __init__(
        self,
        allowed: Bools | None,
        wanted: Int64s,
        slack: Int64s | Floats,
        line: int,
        floor: Sums,
    ) -> None:
        self.allowed, self.wanted, self.slack, self.line = allowed, wanted, slack, line
        self.floor = floor
        self.floors = np.tile(self.floor, line)
        self.reaching = np.empty((BLOCK, len(self.floors)), np.bool_)
        self.place, self.score = np.zeros(0, np.int64), floor[:0]
        self.waiting: list[tuple[Int64s, Sums]] = []
        self.come = 0

    def begin(self, scores: Sums) -> None:
        """How high the first items reach. scores: [some, Q]"""
        if self.allowed is not None:
            scores = scores[self.allowed[: len(scores)]]
        last = len(scores) - int(self.wanted.max())
        if last >= 0:
            self._rise(np.partition(scores.T, last, axis=1)[:, last])

    def add(self, first: int, lines: Sums) -> None:
        """A block whose first product has this place."""
        reaching = np.greater_equal(lines, self.floors, out=self.reaching[: len(lines)])
        at = np.flatnonzero(reaching)
        self.waiting.append((at + first, lines.ravel().take(at)))
        self.come += len(at)
        if self.come > RISE * max(len(self.place), self.wanted.sum()):
            self.settle()

    def settle(self) -> None:
        """Of what was kept and what is waiting, what reaches the new floor is kept."""
        if not self.waiting:
            return
        places, scores = zip((self.place, self.score), *self.waiting, strict=True)
        place, score = np.concatenate(places), np.concatenate(scores)
        self.waiting, self.come = [], 0
        if self.allowed is not None:
            free = self.allowed.take(place // len(self.wanted))
            place, score = place.compress(free), score.compress(free)
        query = place % len(self.wanted)
        self._rise(_last_of(query, score, self.wanted))
        high = score >= self.floor.take(query)
        self.place, self.score = place.compress(high), score.compress(high)

    def _rise(self, last: Sums | Int64s) -> None:
        """last: [Q] the least of the best so far."""
        self.floor = np.maximum(self.floor, last - self.slack).astype(self.floor.dtype)
        self.floors = np.tile(self.floor, self.line)


def _last_of(query: Int64s, score: Sums, wanted: Int64s) -> Sums | Int64s:
    """[Q] the least of the `wanted` largest of each query."""
    if score.dtype == np.int32:
        return last_of(query, score, wanted)
    return of_steps(last_of(query, in_steps(score), wanted))
