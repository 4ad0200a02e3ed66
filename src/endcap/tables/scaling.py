"""Numbers brought onto a common scale, as they were in the past."""

from __future__ import annotations

from typing import Literal

import numpy as np

from endcap.types import Floats

Way = Literal["none", "min-max", "standard", "quantile"]

KNOTS = 33
"""Quantiles that are remembered of a column."""

_LEVELS = np.linspace(0, 1, KNOTS)


def learned(way: Way, values: Floats) -> Floats:
    """[columns, numbers] what is to be remembered of the past: least and greatest value, mean and
    standard deviation, or quantiles; zeros where a column has no value at all.

    values: [rows, columns]; NaN does not count.
    """
    return np.stack([_column(way, column[~np.isnan(column)]) for column in values.T])


def _column(way: Way, known: Floats) -> Floats:
    known = known if len(known) else np.zeros(1, np.float32)
    numbers = {
        "none": lambda: [],
        "min-max": lambda: [known.min(), known.max()],
        "standard": lambda: [known.mean(dtype=np.float64), known.std(dtype=np.float64)],
        "quantile": lambda: np.quantile(known, _LEVELS),
    }
    return np.asarray(numbers[way](), np.float32)


def scaled(way: Way, past: Floats, values: Floats) -> Floats:
    """[rows, columns] on the scale that `learned` remembers; what is missing stays so.

    min-max: 0 to 1, what lies beyond clipped, a constant is 0. standard: mean 0, deviation 1.
    quantile: 0 to 1, the share of the past that was smaller or alike.
    """
    if way == "none":
        return values
    low, second = past[:, 0], past[:, 1]
    if way == "quantile":
        columns = [
            np.interp(column, knots, _LEVELS)
            for column, knots in zip(values.T, past, strict=True)
        ]
        return np.stack(columns, axis=1).astype(np.float32)
    width = second - low if way == "min-max" else second
    found = (values - low) / np.where(width > 0, width, np.inf)
    return np.clip(found, 0, 1) if way == "min-max" else found
