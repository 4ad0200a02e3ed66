"""Features of any size → numbers that a network can add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from endcap.types import Floats, Int64s
from endcap.types.state import State

KNOTS = 33
"""Quantiles that are remembered of each feature."""


@dataclass(frozen=True)
class Scale:
    """Each feature by its place among those of the past, from −1 to 1: a network then sees more
    and less as trees do. What is missing is 0, and marked in a column of its own.

    knots: [features, KNOTS] quantiles; marked: features that were missing at times.
    """

    knots: Floats
    marked: Int64s

    @classmethod
    def fit(cls, values: Floats) -> Self:
        """values: [rows, features] of the past; NaN is missing, and what is without end."""
        absent = ~np.isfinite(values)
        knots = np.zeros((values.shape[1], KNOTS), np.float32)
        for place in np.flatnonzero(~absent.all(axis=0)):
            known = values[~absent[:, place], place]
            knots[place] = np.quantile(known, np.linspace(0, 1, KNOTS))
        return cls(knots, np.flatnonzero(absent.any(axis=0)))

    @property
    def width(self) -> int:
        """Columns of what comes out."""
        return len(self.knots) + len(self.marked)

    def __call__(self, values: Floats) -> Floats:
        """[rows, features] → [rows, width]"""
        scaled = np.empty((len(values), self.width), np.float32)
        levels, absent = np.linspace(-1, 1, KNOTS), ~np.isfinite(values)
        for place, knots in enumerate(self.knots):
            scaled[:, place] = np.interp(values[:, place], knots, levels)
        scaled[:, : len(self.knots)][absent] = 0
        scaled[:, len(self.knots) :] = absent[:, self.marked]
        return scaled

    @property
    def state(self) -> State:
        return {"knots": self.knots, "marked": self.marked}

    @classmethod
    def of(cls, state: State) -> Self:
        """The same one, from a state that holds its own."""
        return cls(state["knots"], state["marked"])
