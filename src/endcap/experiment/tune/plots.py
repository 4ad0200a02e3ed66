"""Trials on plots: places from 0 to 100 across and upwards, which the page draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from endcap.config import Between, Search
from endcap.experiment.tune.proposals import PRESENT


@dataclass(frozen=True)
class Axis:
    """Numbers → places from 0 to 100; what lies outside stands at the edge."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return round(100 * min(1.0, max(0.0, (value - low) / ((high - low) or 1.0))), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The ends and the middle: (place, what is written there)."""
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        return [(self.at(value), f"{value:.3g}") for value in (self.low, middle, self.high)]


@dataclass(frozen=True)
class Dot:
    """A trial. kind: judged, best, present or lost."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True)
class Plot:
    """ticks: below. path: a line over the plot's 100 × 100, from the top, as SVG has it."""

    dots: list[Dot]
    ticks: list[tuple[float, str]]
    path: str = ""


@dataclass(frozen=True)
class Plots:
    """All trials that are finished, and the best of them."""

    trials: Sequence[FrozenTrial]
    best: FrozenTrial

    @cached_property
    def scores(self) -> Axis:
        """Wide enough for all but the worst tenth."""
        known = [score_of(trial) for trial in self.trials if judged(trial)]
        low, high = float(np.quantile(known, 0.1)), max(known)
        room = 0.08 * (high - low) or 0.1 * high or 0.1
        return Axis(low - room, high + room)

    def history(self) -> Plot:
        """Trial by trial, with the line of the best score so far."""
        width = 100 / len(self.trials)
        dots = [self._dot(trial, (i + 0.5) * width) for i, trial in enumerate(self.trials)]
        best = np.maximum.accumulate([score_of(trial) for trial in self.trials])
        heights = [round(100 - self.scores.at(score), 2) for score in best]
        steps = (f"V{y} H{(i + 1) * width:.2f}" for i, y in enumerate(heights))
        ends = [(0.0, "trial 1"), (100.0, f"trial {len(self.trials)}")]
        return Plot(dots, ends, " ".join((f"M0 {heights[0]}", *steps)))

    def by_value(self, key: str, search: Search, trials: Iterable[FrozenTrial]) -> Plot:
        """Some trials by the values that they gave a setting."""
        at, ticks = _places(search)
        return Plot([self._dot(trial, at(trial.params[key])) for trial in trials], ticks)

    def _dot(self, trial: FrozenTrial, x: float) -> Dot:
        group = trial.user_attrs["group"]
        about = f"Trial {trial.number}, {group}"
        if not judged(trial):
            return Dot(x, 0, "lost", f"{about}: given up")
        kinds = {self.best.number: "best"}
        kind = kinds.get(trial.number, "present" if group == PRESENT else "judged")
        score = score_of(trial)
        return Dot(x, self.scores.at(score), kind, f"{about}: {score:.4f}")


def judged(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE


def score_of(trial: FrozenTrial) -> float:
    """What it was judged by, 0 where it was given up."""
    return (trial.value or 0.0) if judged(trial) else 0.0


def short(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


def _places(search: Search) -> tuple[Callable[[Any], float], list[tuple[float, str]]]:
    """Where a value stands, and the ticks."""
    if isinstance(search, Between):
        axis = Axis(search.low, search.high, search.log)
        return axis.at, axis.ticks
    step = 100 / len(search.values)
    places = {value: (i + 0.5) * step for i, value in enumerate(search.values)}
    return places.__getitem__, [(x, short(value)) for value, x in places.items()]
