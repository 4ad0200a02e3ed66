"""Arrays by the type of their values, and the arithmetic of ragged ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Int8s: TypeAlias = NDArray[np.int8]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]

N = TypeVar("N", bound=np.integer)

Pairs: TypeAlias = tuple[NDArray[np.integer], NDArray[np.integer]]
"""Rows, and a code for each: the query and the item of a list's lines, say."""

Report: TypeAlias = Callable[[str, float], None]
"""How long work tells whoever watches: (what is being done, share done from 0 to 1)."""

DAY = 86_400_000_000
"""Microseconds of a day."""

HOUR = 3_600_000_000
"""Microseconds of an hour."""

MINUTE = 60_000_000
"""Microseconds of a minute."""

NOBODY = 0
"""The code of a visitor whom no table knows."""


UNIT = 1 << 24
"""What one counts as in sums of whole numbers: see `whole`."""


def silent(step: str, share: float) -> None:
    """A `Report` that nobody reads."""


def spans(starts: Int64s, stops: Int64s) -> Int64s:
    """
    >>> spans(np.array([3, 8]), np.array([6, 9]))
    array([3, 4, 5, 8])
    """
    lengths = stops - starts
    before = lengths.cumsum() - lengths
    places: Int64s = (starts - before).repeat(lengths) + np.arange(lengths.sum())
    return places


def ranges(offsets: Int64s, rows: Int64s | Int32s) -> Int64s:
    """Positions of the values of several ragged rows, one after the other."""
    return spans(offsets[rows], offsets[np.asarray(rows) + 1])


def whole(values: NDArray[np.floating]) -> Int64s:
    """Values in whole units of 2^-24, so that sums of them are exact, in whatever order.

    >>> whole(np.array([0.5])).tolist() == [UNIT // 2]
    True
    """
    return np.rint(values.astype(np.float64) * UNIT).astype(np.int64)


def pair_keys(*columns: Pairs) -> tuple[Int64s, ...]:
    """For each column of pairs, one number a pair: the same for the same pair in all columns,
    and ordered as pairs are, row first.

    >>> pair_keys((np.array([0, 1]), np.array([2, 0])), (np.array([1]), np.array([0])))
    (array([2, 3]), array([3]))
    """
    width = np.int64(1 + max(int(codes.max(initial=0)) for _, codes in columns))
    return tuple(rows * width + codes for rows, codes in columns)


def distinct(values: NDArray[N]) -> NDArray[N]:
    """Each whole number once, in order: numpy's own `unique` takes up to 60 times as long.

    >>> distinct(np.array([3, 1, 3]))
    array([1, 3])
    """
    rising = np.sort(values, axis=None)
    return rising[firsts(rising)]


def firsts(rising: NDArray[np.integer]) -> Bools:
    """Of sorted values, which differ from the one before.

    >>> firsts(np.array([1, 1, 3]))
    array([ True, False,  True])
    """
    new = np.ones(len(rising), np.bool_)
    np.not_equal(rising[1:], rising[:-1], out=new[1:])
    return new


def among(pairs: Pairs, others: Pairs) -> Bools:
    """[pairs] whether each stands among the others, which mostly are far fewer."""
    own, theirs = pair_keys(pairs, others)
    theirs = np.sort(theirs)
    return np.asarray(np.append(theirs, -1)[np.searchsorted(theirs, own)] == own)


def offsets_of(lengths: NDArray[np.integer]) -> Int64s:
    """Row lengths → the offsets of a ragged array, one longer, from 0."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
