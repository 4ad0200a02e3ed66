"""Rows of different lengths: items, and what visitors did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from endcap.types.arrays import Bools, Int8s, Int32s, Int64s, distinct, offsets_of, ranges


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of different lengths: row r is the slice ``offsets[r] : offsets[r + 1]``."""

    offsets: Int64s

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Int64s:
        return self.offsets[1:] - self.offsets[:-1]

    @property
    def rows(self) -> Int32s:
        """For each value, the row it stands in."""
        return np.arange(len(self), dtype=np.int32).repeat(self.lengths)

    def _offsets_of(self, rows: Int64s | Int32s) -> Int64s:
        """Where some rows begin beside each other. Not of all rows: they may be many."""
        return offsets_of(self.offsets[rows + 1] - self.offsets[rows])

    def _offsets_where(self, mask: Bools) -> Int64s:
        """Where the rows begin with the values alone for which the mask is true."""
        return offsets_of(np.bincount(self.rows[mask], minlength=len(self)))


@dataclass(frozen=True, slots=True)
class Ragged(Rows):
    """Items: row r is ``values[offsets[r] : offsets[r + 1]]``."""

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

    @classmethod
    def concat(cls, parts: Sequence[Ragged]) -> Ragged:
        """The rows of all parts, one after the other.

        >>> Ragged.concat([Ragged.of([[7]]), Ragged.of([[], [2, 3]])]).offsets
        array([0, 1, 1, 3])
        """
        return cls(
            offsets_of(np.concatenate([part.lengths for part in parts])),
            np.concatenate([part.values for part in parts]),
        )

    def __getitem__(self, row: int) -> Int32s:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def take(self, rows: Int64s | Int32s) -> Ragged:
        return Ragged(self._offsets_of(rows), self.values[ranges(self.offsets, rows)])

    def keep(self, mask: Bools) -> Ragged:
        """The values where `mask` is true, in the same rows."""
        return Ragged(self._offsets_where(mask), self.values[mask])

    def union(self, other: Ragged) -> Ragged:
        """Row by row, what stands in either, without repeats."""
        if not len(other.values) and self._rising:
            return self
        values = np.append(self.values, other.values)
        width = 1 + int(values.max(initial=0))
        keys = distinct(np.append(self.rows, other.rows).astype(np.int64) * width + values)
        rows, found = np.divmod(keys, width)
        lengths = np.bincount(rows, minlength=len(self))
        return Ragged(offsets_of(lengths), found.astype(np.int32))

    @property
    def _rising(self) -> bool:
        """Whether each row is sorted and without repeats."""
        starts = np.diff(self.rows) != 0
        return bool(np.all(starts | (np.diff(self.values) > 0)))


@dataclass(frozen=True, slots=True)
class History(Rows):
    """What visitors did, oldest first."""

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

    @property
    def ages(self) -> Int64s:
        """For each event, how many events of its row came later: 0 is the newest."""
        return self.offsets[1:].repeat(self.lengths) - 1 - np.arange(len(self.items))

    def select(self, positions: Int64s, lengths: NDArray[np.integer]) -> History:
        """The events at `positions`, in new rows of the given `lengths`."""
        return self._at(positions, offsets_of(lengths))

    def take(self, rows: Int64s | Int32s) -> History:
        return self._at(ranges(self.offsets, rows), self._offsets_of(rows))

    def keep(self, mask: Bools) -> History:
        """The events where `mask` is true, in the same rows."""
        return self._at(np.flatnonzero(mask), self._offsets_where(mask))

    def _at(self, positions: Int64s, offsets: Int64s) -> History:
        return History(offsets, self.items[positions], self.kinds[positions], self.times[positions])

    def recode(self, codes: Int32s) -> History:
        """The same events under other item codes, without the items that have none there.

        codes: [items] the new code of each, −1 for none.
        """
        items = codes[self.items]
        return History(self.offsets, items, self.kinds, self.times).keep(items >= 0)

    def last(self, n: int) -> History:
        """The newest `n` events of each row."""
        return self if self.lengths.max(initial=0) <= n else self.keep(self.ages < n)

    def ragged(self) -> Ragged:
        return Ragged(self.offsets, self.items)
