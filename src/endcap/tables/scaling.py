"""Numbers brought onto a common scale, as they were in the past."""

from __future__ import annotations

import numpy as np

from endcap.config import Scale
from endcap.types import Floats

KNOTS = 33
"""Quantiles that are remembered of a column."""

_LEVELS = np.linspace(0, 1, KNOTS)


def learned(way: Scale, values: Floats) -> Floats:
    """[columns, numbers] what is to be remembered of the past: least and greatest value, mean and
    standard deviation, or quantiles; zeros where a column has no value at all.

    values: [rows, columns]; NaN does not count.
    """
    return np.stack([_column(way, column[~np.isnan(column)]) for column in values.T])


def _column(way: Scale, known: Floats) -> Floats:
    known = known if len(known) else np.zeros(1, np.float32)
    if way == "min-max":
        numbers = [known.min(), known.max()]
    elif way == "standard":
        numbers = [known.mean(dtype=np.float64), known.std(dtype=np.float64)]
    else:
        numbers = [*np.quantile(known, _LEVELS)] if way == "quantile" else []
    return np.array(numbers, np.float32)


def scaled(way: Scale, past: Floats, values: Floats) -> Floats:
    """[rows, columns] on the scale that `learned` remembers; what is missing stays so.

    min-max: 0 to 1, what lies beyond clipped, a constant is 0. standard: mean 0, deviation 1.
    quantile: 0 to 1, the share of the past that was smaller or alike.
    """
    if way == "none":
        return values
    if way == "quantile":
        columns = zip(values.T, past, strict=True)
        found = np.stack([np.interp(column, knots, _LEVELS) for column, knots in columns], axis=1)
    elif way == "min-max":
        low, high = past.T
        found = np.clip((values - low) / _or_more(high - low), 0, 1)
    else:
        mean, deviation = past.T
        found = (values - mean) / _or_more(deviation)
    return found.astype(np.float32)


def _or_more(width: Floats) -> Floats:
    """What a constant is divided by, so that it is 0."""
    return np.where(width > 0, width, np.float32(np.inf))
