"""The page about a search: one file that needs nothing else."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import optuna
from jinja2 import Environment
from optuna.trial import FrozenTrial, TrialState

from endcap.config import Between, Search
from endcap.experiment.tune.space import Setting
from endcap.experiment.tune.study import PRESENT, Study

ENOUGH = 6
"""Trials of a group from which can be told which of its settings matter."""


@dataclass(frozen=True)
class Axis:
    """Numbers → places from 0 to 100 along a plot."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return round(100 * min(1.0, max(0.0, (value - low) / ((high - low) or 1.0))), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        return [(self.at(value), f"{value:.3g}") for value in (self.low, middle, self.high)]


@dataclass(frozen=True)
class Dot:
    """A trial on a plot. x, y: from 0 to 100. kind: judged, best, present or lost."""

    x: float
    y: float
    kind: str
    title: str


def page(shop: str, study: Study, best: FrozenTrial, figures: Mapping[str, Any]) -> str:
    """The HTML."""
    trials = study.finished
    scores = _axis([trial.value for trial in trials if _judged(trial)])
    return _PAGE.render(
        shop=shop,
        said=_short,
        figures=figures,
        scores=scores,
        present=scores.at(figures["present"]["value"]),
        dots=[_dot(t, 100 * (i + 0.5) / len(trials), scores, best) for i, t in enumerate(trials)],
        steps=_steps(trials, scores),
        numbers=[(0, "trial 1"), (100, f"trial {len(trials)}")],
        groups=[_group(study, name, scores, best) for name in study.space.groups],
        rows=[_row(study, trial, best) for trial in trials],
    )


def _axis(values: Sequence[float | None]) -> Axis:
    """Wide enough for all but the worst tenth, which stand at the edge."""
    known = np.array([value for value in values if value is not None])
    low, high = float(np.quantile(known, 0.1)), float(known.max())
    room = 0.08 * (high - low) or 0.1 * high or 0.1
    return Axis(low - room, high + room)


def _judged(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE


def _dot(trial: FrozenTrial, x: float, scores: Axis, best: FrozenTrial) -> Dot:
    group = trial.user_attrs["group"]
    if not _judged(trial):
        return Dot(x, 0, "lost", f"Trial {trial.number}, {group}: given up")
    kind = "best" if trial.number == best.number else "present" if group == PRESENT else "judged"
    return Dot(x, scores.at(_value(trial)), kind, f"Trial {trial.number}, {group}: {_score(trial)}")


def _value(trial: FrozenTrial) -> float:
    return trial.value or 0.0


def _score(trial: FrozenTrial) -> str:
    return f"{_value(trial):.4f}" if _judged(trial) else ""


def _steps(trials: Sequence[FrozenTrial], scores: Axis) -> str:
    """The line of the best score so far, as an SVG path over 100 × 100."""
    judged = [_value(trial) if _judged(trial) else 0.0 for trial in trials]
    heights = [100 - scores.at(best) for best in np.maximum.accumulate(judged)]
    width = 100 / len(trials)
    steps = (f"V{y:.2f} H{(i + 1) * width:.2f}" for i, y in enumerate(heights))
    return " ".join((f"M0 {heights[0]:.2f}", *steps))


def _group(study: Study, name: str, scores: Axis, best: FrozenTrial) -> dict[str, Any]:
    """The settings of a group, those that matter most first."""
    trials = [t for t in study.finished if t.user_attrs["group"] in (PRESENT, name)]
    matters = _importances(study, name)
    plots = [
        _slice(key, setting, trials, scores, best, matters.get(key))
        for key, setting in study.space.groups[name].items()
    ]
    plots.sort(key=lambda plot: -(plot["matters"] or 0))
    return {"name": name, "trials": len(trials) - 1, "plots": plots}


def _importances(study: Study, group: str) -> dict[str, float]:
    """The share of each setting in what tells good trials from others (PED-ANOVA, Watanabe et
    al., IJCAI 2023); nothing where there is too little to tell."""
    view = study.view(group)
    gains = [trial.value for trial in view.trials if _judged(trial)]
    if len(gains) < ENOUGH or len(set(gains)) == 1 or len(study.space.groups[group]) == 1:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.get_param_importances(view)


def _slice(
    key: str,
    setting: Setting,
    trials: Iterable[FrozenTrial],
    scores: Axis,
    best: FrozenTrial,
    matters: float | None,
) -> dict[str, Any]:
    """Each trial's score by the value that it gave the setting."""
    at, ticks = _places(setting.search)
    return {
        "key": key,
        "title": key.rpartition(".")[2],
        "matters": matters,
        "dots": [_dot(trial, at(trial.params[key]), scores, best) for trial in trials],
        "ticks": ticks,
    }


def _places(search: Search) -> tuple[Callable[[Any], float], list[tuple[float, str]]]:
    """Where a value stands from 0 to 100, and what is written there."""
    if isinstance(search, Between):
        axis = Axis(search.low, search.high, search.log)
        return axis.at, axis.ticks
    step = 100 / len(search.values)
    places = {value: (i + 0.5) * step for i, value in enumerate(search.values)}
    return places.__getitem__, [(x, _short(value)) for value, x in places.items()]


def _row(study: Study, trial: FrozenTrial, best: FrozenTrial) -> dict[str, Any]:
    """A line of the table of trials."""
    group = trial.user_attrs["group"]
    tried = study.space.groups.get(group, {})
    return {
        "number": trial.number,
        "best": trial.number == best.number,
        "group": group,
        "score": _score(trial) or "given up",
        "seconds": trial.duration.total_seconds() if trial.duration else 0.0,
        "values": {key.rpartition(".")[2]: _short(trial.params[key]) for key in tried},
        "error": trial.user_attrs.get("error", ""),
    }


def _short(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("endcap.experiment.tune").joinpath("page.html").read_text(encoding="utf-8")
)
