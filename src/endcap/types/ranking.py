"""The only thing that passes between stages, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from endcap.types.arrays import Bools, Floats, Int32s, Int64s, among, firsts, pair_keys
from endcap.types.ragged import Ragged

LEAST = np.finfo(np.float32).min
"""Of what may be answered; −inf is below it."""

NOTHING = -0x7F800001
"""The step of −inf: see `in_steps`."""

BLOCK = 1 << 22
"""Scores that are compared at once: it bounds the memory."""

SLICE = 64
"""Scores of which only the peak is looked at first."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """A long table (query, item, score), sorted by query, best first. Each column is [rows].

    propensity: how likely each item was to stand where it does, given those above it; None where
        nothing was left to chance.
    """

    query: Int32s
    item: Int32s
    score: Floats
    propensity: Floats | None = None

    @classmethod
    def sort(cls, query: Int32s, item: Int32s, score: Floats) -> Self:
        """Any order of rows → a ranking. Equal scores stand in the order of item codes."""
        order = best_first(query, item, score)
        return cls(query[order], item[order], score[order])

    @classmethod
    def best(cls, scores: Floats, n: int) -> Ranking:
        """The best `n` of each row of a full score matrix [Q, items]; −inf is left out.

        >>> Ranking.best(np.array([[1, 3, -np.inf, 2]], np.float32), 2).item
        array([1, 3], dtype=int32)
        """
        query, item = _reaching(scores, n)
        return cls.sort(query, item, scores[query, item]).top(n)

    @classmethod
    def concat(cls, parts: Sequence[tuple[Int64s, Ranking]]) -> Ranking:
        """Rankings of batches, each with the row numbers of its queries, as one."""
        if not parts:
            return Ranking(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
        chance = any(part.propensity is not None for _, part in parts)
        return Ranking(
            np.concatenate([rows[part.query] for rows, part in parts]).astype(np.int32),
            np.concatenate([part.item for _, part in parts]),
            np.concatenate([part.score for _, part in parts]),
            np.concatenate([part.chances for _, part in parts]) if chance else None,
        )

    def __len__(self) -> int:
        return len(self.query)

    def keep(self, rows: Bools | Int64s | slice) -> Ranking:
        """Some rows, or all in another order."""
        propensity = None if self.propensity is None else self.propensity[rows]
        return Ranking(self.query[rows], self.item[rows], self.score[rows], propensity)

    @property
    def chances(self) -> Floats:
        """[rows] `propensity`, 1 where nothing was left to chance."""
        return np.ones(len(self), np.float32) if self.propensity is None else self.propensity

    @property
    def places(self) -> Int32s:
        """[rows] the place of each row in its query's list, from 1."""
        lengths = np.bincount(self.query)
        first = lengths.cumsum() - lengths
        return (np.arange(1, len(self) + 1) - first[self.query]).astype(np.int32)

    @property
    def worst_places(self) -> Int32s:
        """[rows] like `places`, but equal scores all stand at the last place they share.

        >>> scores = np.array([3, 2, 2, 1], np.float32)
        >>> Ranking(np.zeros(4, np.int32), np.arange(4, dtype=np.int32), scores).worst_places
        array([1, 3, 3, 4], dtype=int32)
        """
        new = np.ones(len(self), np.bool_)
        new[1:] = (np.diff(self.query) != 0) | (np.diff(self.score) != 0)
        last = np.r_[np.flatnonzero(new)[1:], len(self)] - 1
        worst: Int32s = self.places[last[np.cumsum(new) - 1]]
        return worst

    @property
    def scaled(self) -> Floats:
        """[rows] the score from 1 at the top of its query's list to 0 at the end; what scores of
        two models have in common.

        >>> scores = np.array([9, 7, 5, 2], np.float32)
        >>> Ranking(np.array([0, 0, 0, 1]), np.arange(4, dtype=np.int32), scores).scaled
        array([1. , 0.5, 0. , 1. ], dtype=float32)
        """
        lengths = np.bincount(self.query)
        ends = lengths.cumsum() - 1
        first, last = (ends - lengths + 1)[self.query], ends[self.query]
        span = self.score[first] - self.score[last]
        above = self.score - self.score[last]
        scaled: Floats = np.divide(above, span, out=np.ones_like(above), where=span > 0)
        return scaled

    def hits(self, truth: Ragged) -> Bools:
        """[rows] whether the item stands in its query's row of `truth`."""
        return among((self.query, self.item), (truth.rows, truth.values))

    def found(self, truth: Ragged, k: int) -> tuple[Int32s, Int32s]:
        """[hits] the query and the place of each right answer among the first `k` of its list;
        ties count against the list, see `worst_places`."""
        place = self.worst_places
        found = self.hits(truth) & (place <= k)
        return self.query[found], place[found]

    def find(self, query: Int32s, item: Int32s) -> Int64s:
        """[pairs] the row of each item in its query's list, −1 where it is not there.

        >>> Ranking(*np.array([[0, 0, 1], [7, 8, 7], [2, 1, 1]])).find([1, 1], [7, 8])
        array([ 2, -1])
        """
        own, asked = pair_keys((self.query, self.item), (np.asarray(query), np.asarray(item)))
        order = np.argsort(own)
        places = np.searchsorted(own, asked, sorter=order)
        rows = np.append(order, -1)[places]
        return np.where(np.append(own, -1)[rows] == asked, rows, -1)

    def once(self) -> Ranking:
        """Each item of a list at its best place only.

        >>> lists = Ranking.sort(*np.array([[0, 0, 0], [7, 8, 7]]), np.array([1.0, 2.0, 3.0]))
        >>> lists.once().item, lists.once().score
        (array([7, 8]), array([3., 2.]))
        """
        (keys,) = pair_keys((self.query, self.item))
        best = np.zeros(len(self), np.bool_)
        best[np.unique(keys, return_index=True)[1]] = True
        return self.keep(best)

    def top(self, n: int) -> Ranking:
        return self if np.bincount(self.query).max(initial=0) <= n else self.keep(self.places <= n)

    def extended(self, other: Ranking) -> Ranking:
        """The lists going on with the items of others that they do not hold yet, by scores below
        0 and all others of the list."""
        extra = other.keep(~among((other.query, other.item), (self.query, self.item)))
        if not len(extra):
            return self
        least = np.zeros(1 + max(self.query.max(initial=0), extra.query.max()), np.float32)
        np.minimum.at(least, self.query, self.score)
        below = least[extra.query] - extra.places
        return Ranking.sort(
            np.append(self.query, extra.query),
            np.append(self.item, extra.item),
            np.append(self.score, below).astype(np.float32),
        )

    def weighed(self, factor: Floats) -> Ranking:
        """By scores times factors, best first. What is below 0 is divided, so that a larger factor
        always lifts. factor: [rows] above 0."""
        score = np.where(self.score > 0, self.score * factor, self.score / factor)
        return Ranking.sort(self.query, self.item, score.astype(np.float32))

    def rearranged(self, arrange: Callable[[int, Ranking], Int64s]) -> Ranking:
        """Each list in an order of its own. arrange: told a query and its list, says which row
        of the list comes first, second, and so on."""
        queries, starts = np.unique(self.query, return_index=True)
        order = [
            start + arrange(int(query), self.of(int(query)))
            for query, start in zip(queries, starts, strict=True)
        ]
        return self.keep(np.concatenate(order)) if order else self

    def of(self, query: int) -> Ranking:
        """The list of one query."""
        return self.keep(self.span(query))

    def span(self, query: int) -> slice:
        """The rows of one query."""
        start, stop = np.searchsorted(self.query, [query, query + 1])
        return slice(int(start), int(stop))


def best_first(query: Int32s, item: Int32s, score: Floats) -> Int64s:
    """[rows] their order in a ranking: by query, then score, then item code.

    Query and score are sorted as one number, and only rows of which that is the same by item: where
    these are few it takes a tenth of the time.

    >>> best_first(*np.array([[1, 0, 0, 0], [3, 9, 7, 8]]), np.array([1, 2, 2, 5], np.float32))
    array([3, 2, 1, 0])
    """
    if score.dtype != np.float32:
        return np.lexsort((item, -score, query))
    keys = _falling(query, in_steps(score))
    order = np.argsort(keys)
    rising = keys[order]
    again = ~firsts(rising)
    tied = again.copy()
    tied[:-1] |= again[1:]
    equal = np.flatnonzero(tied)
    rows = order[equal]
    order[equal] = rows[np.lexsort((item[rows], rising[equal]))]
    return order


def in_steps(score: Floats) -> Int32s:
    """Whole numbers that stand like scores of 32 bits do: the bits of a number, turned round where
    it is below 0."""
    bits = (score + np.float32(0)).view(np.int32)  # 0 and −0 are the same
    steps: Int32s = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    return steps


def of_steps(steps: Int64s) -> Floats:
    """The scores that `in_steps` made these of; −inf for what is below all.

    >>> of_steps(in_steps(np.array([-2.5, 7], np.float32)).astype(np.int64))
    array([-2.5,  7. ], dtype=float32)
    """
    bits = np.maximum(steps, NOTHING).astype(np.int32)
    scores: Floats = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).view(np.float32)
    return scores


def last_of(query: Int32s | Int64s, score: Int32s, wanted: Int64s) -> Int64s:
    """[Q] the least of the `wanted` largest scores of each query; below all where there are fewer.

    >>> last_of(*np.array([[0, 0, 0, 1], [7, 9, 8, 5]]), np.array([2, 2])).tolist()[0]
    8
    """
    keys = np.sort(_falling(query, score))
    counts = np.bincount(query, minlength=len(wanted))
    enough = np.flatnonzero(counts >= wanted)
    last = np.full(len(wanted), -(1 << 32), np.int64)
    last[enough] = (enough << 32) - keys[(counts.cumsum() - counts + wanted - 1)[enough]]
    return last


def _falling(query: Int32s | Int64s, score: Int32s) -> Int64s:
    """[rows] one number that rises with the query, and within it as scores fall."""
    falling: Int64s = (query.astype(np.int64) << 32) - score
    return falling


def _reaching(scores: Floats, n: int) -> tuple[Int32s, Int32s]:
    """Rows and columns of the `n` largest of each row, and of few others; −inf is left out.

    scores: [Q, items]
    """
    found, n = [np.zeros(0, np.int64)], min(n, scores.shape[1])
    rows = max(1, BLOCK // max(1, scores.shape[1]))
    for first in range(0, len(scores) if n else 0, rows):
        block = scores[first : first + rows]
        least = np.maximum(_edge(block, n), LEAST)
        found.append(np.flatnonzero(block >= least[:, None]) + first * scores.shape[1])
    query, item = np.divmod(np.concatenate(found), max(1, scores.shape[1]))
    return query.astype(np.int32), item.astype(np.int32)


def _edge(scores: Floats, n: int) -> Floats:
    """[Q] a score that at least `n` of each row reach: the n-th largest, or one close below.

    Where a row is long, it is the n-th largest of the peaks of its slices: as many slices have a
    peak that high. Peaks are found by going over the scores once, 5 times as fast as to part them.
    """
    width = scores.shape[1] // SLICE
    if width >= 2 * n:
        scores = scores[:, : SLICE * width].reshape(len(scores), SLICE, width).max(axis=1)
    edge: Floats = np.partition(scores, -n, axis=1)[:, -n]
    return edge
