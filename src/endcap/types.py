"""The values that travel: Query, Ranking, Candidates.

A batch of questions is `Queries`, one column for each property, so that one visitor at the
shop's door and fifty thousand in an evaluation take the same path. Users and items travel
as integer codes (see `endcap.tables.dataset`); moments are UTC microseconds.

    Queries ──retrieve──▶ Ranking (one a retriever) ──join──▶ Candidates ──rank──▶ Ranking
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Int8s: TypeAlias = NDArray[np.int8]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]

Report: TypeAlias = Callable[[str, float], None]
"""How long work tells whoever watches: (what is being done, share done from 0 to 1)."""

NOBODY = 0
"""The code of a visitor whom no table knows."""


def silent(step: str, share: float) -> None:
    """A `Report` that nobody reads."""


def spans(starts: Int64s, stops: Int64s) -> Int64s:
    """
    >>> spans(np.array([3, 8]), np.array([6, 9]))
    array([3, 4, 5, 8])
    """
    lengths = stops - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def ranges(offsets: Int64s, rows: Int64s | Int32s) -> Int64s:
    """Positions of the values of several ragged rows, one after the other."""
    return spans(offsets[rows], offsets[np.asarray(rows) + 1])


def offsets_of(lengths: NDArray[np.integer]) -> Int64s:
    """Row lengths → the offsets of a ragged array, one longer, from 0."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different lengths: row r is ``values[offsets[r] : offsets[r + 1]]``."""

    offsets: Int64s
    values: Int32s

    @classmethod
    def empty(cls, rows: int) -> Self:
        return cls(np.zeros(rows + 1, np.int64), np.zeros(0, np.int32))

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        """
        >>> Ragged.of([[7], [], [2, 3]]).offsets
        array([0, 1, 1, 3])
        """
        lengths = np.array([len(row) for row in rows], np.int64)
        flat = [value for row in rows for value in row]
        return cls(offsets_of(lengths), np.array(flat, np.int32))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> Int32s:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> Int64s:
        return np.diff(self.offsets)

    @property
    def rows(self) -> Int32s:
        """For each value, the row it stands in."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.lengths)

    def take(self, rows: Int64s | Int32s) -> Ragged:
        return Ragged(offsets_of(self.lengths[rows]), self.values[ranges(self.offsets, rows)])

    def keep(self, mask: Bools) -> Ragged:
        """The values where `mask` is true, in the same rows."""
        lengths = np.bincount(self.rows[mask], minlength=len(self))
        return Ragged(offsets_of(lengths), self.values[mask])

    def union(self, other: Ragged) -> Ragged:
        """Row by row, what stands in either, without repeats."""
        pairs = np.unique(
            np.stack([np.r_[self.rows, other.rows], np.r_[self.values, other.values]]), axis=1
        )
        return Ragged(offsets_of(np.bincount(pairs[0], minlength=len(self))), pairs[1])


@dataclass(frozen=True, slots=True)
class History:
    """What visitors did, oldest first: row r is the slice ``offsets[r] : offsets[r + 1]``."""

    offsets: Int64s
    items: Int32s
    kinds: Int8s
    times: Int64s

    @classmethod
    def empty(cls, rows: int) -> Self:
        none = np.zeros(0, np.int64)
        return cls(np.zeros(rows + 1, np.int64), none.astype(np.int32), none.astype(np.int8), none)

    @classmethod
    def concat(cls, parts: Sequence[History]) -> History:
        """The rows of all parts, one after the other."""
        return History(
            offsets_of(np.concatenate([part.lengths for part in parts])),
            np.concatenate([part.items for part in parts]),
            np.concatenate([part.kinds for part in parts]),
            np.concatenate([part.times for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Int64s:
        return np.diff(self.offsets)

    @property
    def rows(self) -> Int32s:
        """For each event, the row it stands in."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.lengths)

    @property
    def ages(self) -> Int64s:
        """For each event, how many events of its row came later: 0 is the newest."""
        return np.repeat(self.offsets[1:], self.lengths) - 1 - np.arange(len(self.items))

    def select(self, positions: Int64s, lengths: NDArray[np.integer]) -> History:
        """The events at `positions`, in new rows of the given `lengths`."""
        return History(
            offsets_of(lengths),
            self.items[positions],
            self.kinds[positions],
            self.times[positions],
        )

    def take(self, rows: Int64s | Int32s) -> History:
        return self.select(ranges(self.offsets, rows), self.lengths[rows])

    def keep(self, mask: Bools) -> History:
        """The events where `mask` is true, in the same rows."""
        lengths = np.bincount(self.rows[mask], minlength=len(self))
        return self.select(np.flatnonzero(mask), lengths)

    def last(self, n: int) -> History:
        """The newest `n` events of each row."""
        return self.keep(self.ages < n)

    def ragged(self) -> Ragged:
        return Ragged(self.offsets, self.items)


@dataclass(frozen=True, slots=True)
class Queries:
    """Visitors at a moment: the questions.

    users: [Q] codes, `NOBODY` for someone unknown.
    times: [Q] the moments; nothing that happened at or after them may count.
    history: Q rows of what the visitors did before.
    anchors: Q rows of items that the question is about (the product page, the basket).
    exclude: Q rows of items that may not be answered.
    allowed: [items] False where no query may be answered with the item, None for all.
    """

    users: Int32s
    times: Int64s
    history: History
    anchors: Ragged
    exclude: Ragged
    allowed: Bools | None = None

    @classmethod
    def of(cls, users: Int32s, times: Int64s, history: History) -> Self:
        none = Ragged.empty(len(users))
        return cls(users, times, history, none, none)

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: Int64s | Int32s) -> Queries:
        return replace(
            self,
            users=self.users[rows],
            times=self.times[rows],
            history=self.history.take(rows),
            anchors=self.anchors.take(rows),
            exclude=self.exclude.take(rows),
        )

    def batches(self, size: int) -> Iterator[tuple[Int64s, Queries]]:
        """Row numbers and queries, `size` at a time."""
        for start in range(0, len(self), size):
            rows = np.arange(start, min(start + size, len(self)))
            yield rows, self.take(rows)

    def forbid(self, scores: Floats) -> Floats:
        """Set to −inf, in place, what may not be answered. scores: [Q, items]."""
        if self.allowed is not None:
            scores[:, ~self.allowed] = -np.inf
        scores[self.exclude.rows, self.exclude.values] = -np.inf
        return scores

    def permits(self, query: Int32s, item: Int32s) -> Bools:
        """[rows] whether each item may be answered to its query."""
        if not len(self):
            return np.zeros(0, np.bool_)
        width = np.int64(1 + max(item.max(initial=0), self.exclude.values.max(initial=0)))
        banned = self.exclude.rows * width + self.exclude.values
        free = ~np.isin(query * width + item, banned)
        return free if self.allowed is None else free & self.allowed[item]


@dataclass(frozen=True, slots=True)
class Ranking:
    """A long table (query, item, score), sorted by query, best first. Each column is [rows]."""

    query: Int32s
    item: Int32s
    score: Floats

    @classmethod
    def sort(cls, query: Int32s, item: Int32s, score: Floats) -> Self:
        """Any order of rows → a ranking. Equal scores stand in the order of item codes."""
        order = np.lexsort((item, -score, query))
        return cls(query[order], item[order], score[order])

    @classmethod
    def best(cls, scores: Floats, n: int) -> Self:
        """The best `n` of each row of a full score matrix [Q, items]; −inf is left out.

        >>> Ranking.best(np.array([[1, 3, -np.inf, 2]], np.float32), 2).item
        array([1, 3], dtype=int32)
        """
        n = min(n, scores.shape[1])
        top = np.argpartition(scores, -n, axis=1)[:, -n:] if n else np.zeros((len(scores), 0), int)
        kept = np.take_along_axis(scores, top, axis=1)
        query, column = np.nonzero(np.isfinite(kept))
        return cls.sort(
            query.astype(np.int32), top[query, column].astype(np.int32), kept[query, column]
        )

    @classmethod
    def concat(cls, parts: Sequence[tuple[Int64s, Ranking]]) -> Ranking:
        """Rankings of batches, each with the row numbers of its queries, as one."""
        if not parts:
            return Ranking(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
        return Ranking(
            np.concatenate([rows[part.query] for rows, part in parts]).astype(np.int32),
            np.concatenate([part.item for _, part in parts]),
            np.concatenate([part.score for _, part in parts]),
        )

    def __len__(self) -> int:
        return len(self.query)

    def keep(self, mask: Bools) -> Ranking:
        return Ranking(self.query[mask], self.item[mask], self.score[mask])

    @property
    def places(self) -> Int32s:
        """[rows] the place of each row in its query's list, from 1."""
        first = np.searchsorted(self.query, self.query, side="left")
        return (np.arange(len(self)) - first + 1).astype(np.int32)

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

    def hits(self, truth: Ragged) -> Bools:
        """[rows] whether the item stands in its query's row of `truth`."""
        width = np.int64(1 + max(self.item.max(initial=0), truth.values.max(initial=0)))
        return np.isin(self.query * width + self.item, truth.rows * width + truth.values)

    def top(self, n: int) -> Ranking:
        return self.keep(self.places <= n)

    def of(self, query: int) -> Ranking:
        """The list of one query."""
        start, stop = np.searchsorted(self.query, [query, query + 1])
        return Ranking(self.query[start:stop], self.item[start:stop], self.score[start:stop])


@dataclass(frozen=True, slots=True)
class Candidates:
    """A joined ranking, and the place that each retriever gave each row.

    Scores of two retrievers can't be compared, places can.
    places: [rows, retrievers], NaN where a retriever did not propose the item.
    """

    ranking: Ranking
    retrievers: tuple[str, ...]
    places: Floats = field(repr=False)

    def keep(self, mask: Bools) -> Candidates:
        return Candidates(self.ranking.keep(mask), self.retrievers, self.places[mask])

    def places_of(self, retrievers: Sequence[str]) -> Floats:
        """[rows, len(retrievers)] their places, NaN for one that did not take part."""
        column = {name: place for place, name in enumerate(self.retrievers)}
        nowhere = np.full(len(self.ranking), np.nan, np.float32)
        own = [self.places[:, column[name]] if name in column else nowhere for name in retrievers]
        return np.stack(own, axis=1) if own else np.zeros((len(self.ranking), 0), np.float32)

    def score(self, score: Floats) -> Ranking:
        """The same rows by new scores, best first."""
        return Ranking.sort(self.ranking.query, self.ranking.item, score)
