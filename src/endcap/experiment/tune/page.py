"""The page about a search: one file that needs nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from endcap.experiment.tune.plots import Plots, judged, score_of, short
from endcap.experiment.tune.proposals import PRESENT, view_of
from endcap.experiment.tune.study import Study
from endcap.leaflet import template

ENOUGH = 6
"""Trials of a group from which can be told which of its settings matter."""

_PAGE = template("endcap.experiment.tune")


def page(shop: str, study: Study, figures: Mapping[str, Any]) -> str:
    """The HTML. figures: what the command answers."""
    plots = Plots(study.finished, study.best)
    return _PAGE.render(
        shop=shop,
        short=short,
        figures=figures,
        scores=plots.scores,
        present=plots.scores.at(figures["present"]["value"]),
        history=plots.history(),
        groups=[_group(study, name, plots) for name in study.space.groups],
        rows=[_row(study, trial) for trial in plots.trials],
    )


def _group(study: Study, name: str, plots: Plots) -> dict[str, Any]:
    """The settings of a group, those that matter most first."""
    trials = [trial for trial in plots.trials if trial.user_attrs["group"] in (PRESENT, name)]
    matters = _importances(study, name)
    slices: list[dict[str, Any]] = [
        {
            "key": key,
            "title": setting.title,
            "matters": matters.get(key),
            "plot": plots.by_value(key, setting.search, trials),
        }
        for key, setting in study.space.groups[name].items()
    ]
    slices.sort(key=lambda one: -(one["matters"] or 0))
    return {"name": name, "trials": len(trials) - 1, "slices": slices}


def _importances(study: Study, group: str) -> dict[str, float]:
    """The share of each setting in what tells good trials from others (PED-ANOVA, Watanabe et
    al., IJCAI 2023); nothing where there is too little to tell."""
    view = view_of(study.space, study.finished, group)
    gains = [trial.value for trial in view.trials if judged(trial)]
    if len(gains) < ENOUGH or len(set(gains)) == 1 or len(study.space.groups[group]) == 1:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.get_param_importances(view)


def _row(study: Study, trial: FrozenTrial) -> dict[str, Any]:
    """A line of the table of trials."""
    group = trial.user_attrs["group"]
    tried = study.space.groups.get(group, {})
    return {
        "number": trial.number,
        "best": trial.number == study.best.number,
        "group": group,
        "score": f"{score_of(trial):.4f}" if judged(trial) else "given up",
        "seconds": trial.duration.total_seconds() if trial.duration else 0.0,
        "tried": {setting.title: short(trial.params[key]) for key, setting in tried.items()},
        "error": trial.user_attrs.get("error", ""),
    }
