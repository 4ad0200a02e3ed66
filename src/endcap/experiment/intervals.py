"""How sure a figure is: bootstrap intervals, and a paired test of two systems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.types import Floats

BLOCK = 2_000_000
"""Random draws that are held at once: it bounds the memory, whatever the number of questions."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval; None where there is no spread to tell one from."""

    value: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Difference(Interval):
    """The mean of A − B over the same questions, its 95 % interval and two-sided p-value."""

    p: float | None
    queries: int


def bootstrap(values: Floats, samples: int, seed: int) -> Interval:
    """The mean of the values that are numbers, with its percentile interval.

    >>> bootstrap(np.array([0, 1, 1, 0, np.nan], np.float32), samples=1000, seed=1)
    Interval(value=0.5, low=0.0, high=1.0)
    """
    return intervals({"": values}, samples, seed)[""]


def intervals(columns: Mapping[str, Floats], samples: int, seed: int) -> dict[str, Interval]:
    """Like `bootstrap` for each column, at little more than the cost of one.

    Questions are drawn anew, as many as there are and with replacement, and the columns that
    ask the same number of them share the draws. The interval goes from the 2.5th to the
    97.5th percentile of the resampled means (Efron & Tibshirani, An Introduction to the
    Bootstrap, 1993, ch. 13). A column with a single number has no interval.
    """
    found = {}
    for size in {len(values) for values in columns.values()}:
        names = [name for name, values in columns.items() if len(values) == size]
        table = np.stack([columns[name] for name in names], axis=1).astype(np.float64)
        bounds = _percentiles(_means(table, samples, seed)) if size > 1 else None
        for place, name in enumerate(names):
            known = table[np.isfinite(table[:, place]), place]
            edges = bounds[:, place].tolist() if bounds is not None and len(known) else [None] * 2
            found[name] = Interval(float(known.mean()) if len(known) else None, *edges)
    return {name: found[name] for name in columns}


def ratios(
    parts: Doubles, wholes: Doubles, samples: int, seed: int
) -> tuple[Doubles, Doubles, Doubles]:
    """(Σ part + ½) / (Σ whole + 1) of each column, and the ends of its bootstrap interval.

    parts, wholes: [rows, columns]; rows are drawn anew. ½ of 1, Jeffreys' prior of a share,
    keeps what is rare from looking impossible.

    >>> ratios(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]]), samples=1000, seed=1)
    (array([0.375]), array([0.16666667]), array([0.5]))
    """
    sums = np.hstack([parts, wholes])
    drawn = np.vstack([sums.sum(0), len(sums) * _means(sums, samples, seed)])
    some, every = np.hsplit(drawn, 2)
    shares = (some + 0.5) / (every + 1)
    low, high = np.quantile(shares[1:], [0.025, 0.975], axis=0)
    return shares[0], low, high


def paired(a: Floats, b: Floats, samples: int, seed: int) -> Difference:
    """Whether A is better than B, question by question.

    a, b: [Q] one number for each question, the same questions in both. The interval is the
    bootstrap's. The p-value is that of a test in which each question's difference has its sign
    by chance (Fisher's randomisation test; Smucker, Allan & Carterette, CIKM 2007); it is at
    least 1 / (samples + 1).

    >>> better, worse = np.array([[3, 2, 4, 3], [1, 1, 2, 2]], np.float32)
    >>> paired(better, worse, samples=1000, seed=1).value
    1.5
    """
    gaps = (a - b)[np.isfinite(a) & np.isfinite(b)]
    if not len(gaps):
        return Difference(None, None, None, None, 0)
    mean = bootstrap(gaps, samples, seed)
    flipped = np.abs(_flipped(gaps.astype(np.float64), samples, seed))
    p = (1 + np.count_nonzero(flipped >= abs(gaps.mean(dtype=np.float64)) - 1e-12)) / (samples + 1)
    return Difference(mean.value, mean.low, mean.high, float(p), len(gaps))


def _means(table: Doubles, samples: int, seed: int) -> Doubles:
    """[samples, columns] means of resampled rows; NaN where all that was drawn is NaN.

    How often each row was drawn, times the table, gives the sums of all columns at once.
    """
    rng, out = np.random.default_rng(seed), []
    known = np.isfinite(table)
    sums_of = np.hstack([np.where(known, table, 0), known])
    rows = len(table)
    for size in _blocks(samples, rows):
        drawn = rng.integers(0, rows, (size, rows), dtype=np.int32)
        drawn += np.arange(size, dtype=np.int32)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)
        sums, numbers = np.hsplit(counts.astype(np.float64) @ sums_of, 2)
        out.append(np.divide(sums, numbers, out=np.full_like(sums, np.nan), where=numbers > 0))
    return np.concatenate(out)


def _percentiles(means: Doubles) -> Doubles:
    """[2, columns] of what is a number; NaN where nothing is."""
    bounds = np.full((2, means.shape[1]), np.nan)
    for place, column in enumerate(means.T):
        if np.isfinite(column).any():
            bounds[:, place] = np.quantile(column[np.isfinite(column)], [0.025, 0.975])
    return bounds


def _flipped(gaps: Doubles, samples: int, seed: int) -> Doubles:
    """[samples] means when each difference has its sign by chance."""
    rng, out = np.random.default_rng(seed + 1), []
    for size in _blocks(samples, len(gaps)):
        signs = rng.integers(0, 2, (size, len(gaps)), dtype=np.int8)
        out.append((2.0 * (signs @ gaps) - gaps.sum()) / len(gaps))
    return np.concatenate(out)


def _blocks(samples: int, width: int) -> Iterator[int]:
    size = max(1, BLOCK // width)
    return (min(size, samples - start) for start in range(0, samples, size))
