"""How sure a figure is: bootstrap intervals, and a paired test of two systems."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.types import Floats

BLOCK = 4_000_000
"""Random draws that are held at once."""


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval; None where there is no spread to tell one from."""

    value: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """The mean of A − B over the same questions, its 95 % interval and two-sided p-value."""

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    queries: int

    def as_dict(self) -> dict[str, float | int | None]:
        return asdict(self)


def bootstrap(values: Floats, samples: int, seed: int) -> Interval:
    """The mean of the values that are numbers, with the percentile interval of resampled means
    (Efron & Tibshirani, 1993)."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Interval(None, None, None)
    if len(values) == 1:
        return Interval(float(known[0]), None, None)
    low, high = np.quantile(_means(known, samples, seed), [0.025, 0.975])
    return Interval(float(known.mean()), float(low), float(high))


def paired(a: Floats, b: Floats, samples: int, seed: int) -> Difference:
    """Whether A is better than B, question by question.

    a, b: one number for each question, the same questions in both. The p-value is that of a
    sign-flip permutation test (Smucker et al., CIKM 2007), at least 1 / (samples + 1).
    """
    gaps = (a - b)[np.isfinite(a) & np.isfinite(b)]
    if not len(gaps):
        return Difference(None, None, None, None, 0)
    low, high = np.quantile(_means(gaps, samples, seed), [0.025, 0.975])
    flipped = np.abs(_flipped(gaps, samples, seed))
    p = (1 + np.count_nonzero(flipped >= abs(gaps.mean()) - 1e-12)) / (samples + 1)
    return Difference(float(gaps.mean()), float(low), float(high), float(p), len(gaps))


def _means(values: Floats, samples: int, seed: int) -> NDArray[np.float64]:
    """Means of resamples. How often each value is drawn is close to Poisson(1), so the means
    are ratios of sums over such counts: exact in the limit, and far cheaper than indices."""
    rng, out = np.random.default_rng(seed), []
    for size in _blocks(samples, len(values)):
        counts = rng.poisson(1.0, (size, len(values))).astype(np.float32)
        out.append(counts @ values.astype(np.float64) / np.maximum(counts.sum(1), 1))
    return np.concatenate(out)


def _flipped(gaps: Floats, samples: int, seed: int) -> NDArray[np.float64]:
    """Means when each question's difference has its sign by chance."""
    rng, out = np.random.default_rng(seed + 1), []
    for size in _blocks(samples, len(gaps)):
        signs = rng.integers(0, 2, (size, len(gaps)), dtype=np.int8) * 2.0 - 1
        out.append(signs @ gaps.astype(np.float64) / len(gaps))
    return np.concatenate(out)


def _blocks(samples: int, width: int) -> list[int]:
    size = max(1, BLOCK // width)
    return [min(size, samples - start) for start in range(0, samples, size)]
