"""Items that had no events to learn from, and warm up as events come.

A network's vector of an item says whom it is for. Of a new item its content says so, until those
who take it say it better. So its vector goes where a fit would have it go, were all else to stay
as it is:

    content ●────────▶○    towards who takes it, away from who comes and does not

It is the one of largest likelihood under the network's softmax, where that is drawn to what content
says as weights are to zero: warming up (Pan et al., SIGIR 2019), in closed form but for some steps
of Newton's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from endcap.nn.pairs import pasts
from endcap.nn.scoring import AT_ONCE, batch_of
from endcap.tables.dataset import Dataset
from endcap.types import Bools, Floats, Int32s, Int64s, Queries, distinct, spans
from endcap.types.state import State

Sums = NDArray[np.float64]

VISITORS = 1_000
"""Visitors of a crowd at most. By 256 an item is popular more easily, as those few who want it most
are missing: on Amazon Beauty new items have .083 of the places then, by 1,000 .051."""

STEPS, CLOSE = 30, 1e-3
"""Of Newton's method at most, and the change of a logarithm that is small enough to be the last."""

Read: TypeAlias = Callable[[Queries], Floats]
"""Visitors with a past → [queries, dim] what a network reads of them."""


@dataclass(frozen=True)
class Crowd:
    """Who comes: visitors of the log, drawn by chance.

    read: [visitors, dim] what the network reads of each.
    total: [visitors] the logarithm of what all known items weigh for each in its softmax.
    items: [1] how many those are.
    """

    read: Floats
    total: Floats
    items: Int64s

    @classmethod
    def of(cls, dataset: Dataset, length: int, read: Read, known: Tensor, seed: int) -> Self:
        """length: of the pasts. known: [items, dim] the vectors of items with events."""
        start, stop = pasts(dataset, length)
        weight = dataset.weight.astype(np.float64) * (stop > start)
        size = min(VISITORS, int(np.count_nonzero(weight)))
        if not size:
            return cls.nobody()
        rng = np.random.default_rng(seed)
        places = rng.choice(len(weight), size, replace=False, p=weight / weight.sum())
        begin, end = start[places], stop[places]
        past = dataset.history.select(spans(begin, end), end - begin)
        queries = Queries.of(dataset.user[places], dataset.time[places], past)
        found = _each(read, queries)
        few, crowd = batch_of(len(known)), torch.from_numpy(found)
        firsts = range(0, len(found), few)
        total = torch.cat([(crowd[at : at + few] @ known.t()).logsumexp(1) for at in firsts])
        return cls(found, total.numpy(), np.array([len(known)]))

    @classmethod
    def nobody(cls) -> Self:
        """Of whom nothing can be learned."""
        none = np.zeros(0, np.float32)
        return cls(none.reshape(0, 1), none, np.zeros(1, np.int64))

    def settled(self, start: Floats, taken: Sums, count: float, worth: float) -> Sums:
        """[dim] where an item stands of which so little is known that it is taken to be as popular
        as known ones are on average.

        start: [dim] where it stands without events; worth: how many events that is worth.
        taken: [dim] the sum of what was read of who took it; count: of how many.
        """
        read, total = self.read.astype(np.float64), self.total.astype(np.float64)
        came, pull = count * self.items[0] / len(read), worth * np.mean(read**2)
        vector = start.astype(np.float64)
        for _ in range(STEPS):
            share = came * np.exp(read @ vector - total)
            slope = taken - share @ read - pull * (vector - start)
            bend = (read.T * share) @ read + pull * np.eye(len(start))
            step = np.linalg.solve(bend, slope)
            change = np.abs(read @ step).max()
            vector = vector + step / max(1.0, change)  # beyond, an exponential is another
            if change < CLOSE:
                break
        return vector


@dataclass(frozen=True)
class Warming:
    """Where such items stand. Sums are all that counts, so events may come one by one or all at
    once.

    worth: how many events content is worth.
    items: [m] codes, rising. All others are known, and stay where they are.
    said, told: [m, dim] where each stands before any event, and [m] whether anything says so.
    taken, count: [m, dim], [m] the sums of what was read of who took it, and of how much that
        counts.
    vectors: [m, dim] where they stand now.
    """

    crowd: Crowd
    worth: float
    items: Int32s
    said: Floats
    told: Bools
    taken: Sums
    count: Sums
    vectors: Floats

    @classmethod
    def of(cls, crowd: Crowd, worth: float, items: Int32s, said: Floats, told: Bools) -> Self:
        """Nobody has taken any of them yet."""
        taken, count = np.zeros(said.shape), np.zeros(len(items))
        return cls(crowd, worth, items, said, told, taken, count, said)

    def joined(self, items: Int32s, said: Floats, told: Bools) -> Warming:
        """With further items, whose codes follow."""
        more = self.of(self.crowd, self.worth, items, said, told)
        return Warming(
            self.crowd,
            self.worth,
            np.concatenate([self.items, more.items]),
            np.concatenate([self.said, more.said]),
            np.concatenate([self.told, more.told]),
            np.concatenate([self.taken, more.taken]),
            np.concatenate([self.count, more.count]),
            np.concatenate([self.vectors, more.vectors]),
        )

    def taught(self, queries: Queries, items: Int32s, weight: Floats, read: Read) -> Self:
        """After more events; itself where they teach it nothing.

        queries, items: for each event, its visitor at its moment, and what was taken.
        weight: [events] how much each counts.
        """
        rows = np.flatnonzero(np.isin(items, self.items) & (weight > 0))
        queries = queries.take(rows)
        past = queries.history
        past = past.keep(past.times < queries.times[past.rows])  # what shares a moment has no order
        with_past = np.flatnonzero(past.lengths > 0)
        rows = rows[with_past]
        if not len(rows) or not len(self.crowd.read):
            return self
        found = _each(read, replace(queries, history=past).take(with_past))
        return self.after(items[rows], found, weight[rows])

    def after(self, items: Int32s, read: Floats, weight: Floats) -> Self:
        """Once some of these have been taken: [events] which, [events, dim] by whom, and [events]
        how much that counts."""
        rows = np.searchsorted(self.items, items)
        taken, count, vectors = self.taken.copy(), self.count.copy(), self.vectors.copy()
        np.add.at(taken, rows, weight[:, None] * read.astype(np.float64))
        np.add.at(count, rows, weight)
        for row in distinct(rows):
            start = self.said[row] * self.told[row]
            vectors[row] = self.crowd.settled(start, taken[row], count[row], self.worth)
        return replace(self, taken=taken, count=count, vectors=vectors)

    @property
    def arrays(self) -> State:
        """What `told_by` makes the same one of."""
        return {name: one for name, one in vars(self).items() if isinstance(one, np.ndarray)}

    def told_by(self, arrays: State) -> Warming:
        """After what another of the same crowd was taught. arrays: the other's."""
        return Warming(self.crowd, self.worth, **arrays)

    @property
    def known(self) -> Bools:
        """[m] of which anything is known."""
        known: Bools = self.told | (self.count > 0)
        return known

    def over(self, known: Tensor) -> Tensor:
        """[items, dim] of all items, of which the first have been known with these vectors."""
        new = int(np.count_nonzero(self.items >= len(known)))
        vectors = torch.cat([known, known.new_zeros(new, known.shape[1])])
        vectors[torch.from_numpy(self.items)] = torch.from_numpy(self.vectors)
        return vectors

    def heard(self, known: int) -> Bools:
        """[items] which may be answered, of which so many have been known."""
        heard: Bools = np.r_[np.ones(known, np.bool_), self.known[self.items >= known]]
        return heard


def _each(read: Read, queries: Queries) -> Floats:
    return np.concatenate([read(part) for _, part in queries.batches(AT_ONCE)])
