"""Scores → probabilities, by what they turned out to mean on questions that came later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from endcap.types import Bools, Floats
from endcap.types.state import State

TILT = 0.01
"""How much the log-odds rise with one standard deviation of the score wherever the steps say
nothing: too little to change a probability, enough that no two scores become one."""


@dataclass(frozen=True)
class Calibration:
    """A line that rises from knot to knot, so that the order of scores stays.

    score, log_odds: [knots]; tilt: [1] of the log-odds, for one more of the score.
    """

    score: Floats
    log_odds: Floats
    tilt: Floats

    @classmethod
    def fit(cls, score: Floats, taken: Bools) -> Self:
        """Isotonic regression (Zadrozny & Elkan, KDD 2002): each of its steps becomes a knot at
        its mean score, and its share of hits is drawn a little towards that of all.

        score, taken: [rows] that the scores have not learned from; some were taken.
        """
        order = np.argsort(score, kind="stable")
        score, hit = score[order].astype(np.float64), taken[order].astype(np.float64)
        blocks = isotonic_regression(hit).blocks
        size = np.diff(blocks)
        hits, total = (np.add.reduceat(values, blocks[:-1]) for values in (hit, score))
        share = (hits + hit.mean()) / (size + 1)
        rising = np.maximum.accumulate(logit(share))
        columns = (total / size, rising, [TILT / max(score.std(), 1e-9)])
        return cls(*(np.array(column, np.float32) for column in columns))

    def __call__(self, score: Floats) -> Floats:
        """[rows] how likely each row is taken."""
        level = np.interp(score, self.score, self.log_odds)
        rise = self.tilt * (score - self.score.mean())
        return np.asarray(expit(level + rise), np.float32)

    @property
    def state(self) -> State:
        return {"score": self.score, "log_odds": self.log_odds, "tilt": self.tilt}

    @classmethod
    def of(cls, state: State) -> Self:
        """The same one, from a state that holds its own."""
        return cls(state["score"], state["log_odds"], state["tilt"])
