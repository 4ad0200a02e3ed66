"""What to try next: new values for one group of settings, and the best known ones of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, create_trial

from endcap.config import Between, Search, Value
from endcap.experiment.tune.space import Setting, Space

FIRST = 4
"""Trials of a group by chance, before what was found says where to look."""

PRESENT = "present"
"""In place of a group: the trial that changes nothing."""


Proposal: TypeAlias = tuple[dict[str, Value], dict[str, Any]]
"""Values, and why they are tried: the `group` that changes, and the `best` known score."""


def first(space: Space) -> Proposal:
    """The configuration as it is."""
    return space.present, {"group": PRESENT, "best": 0.0}


def following(
    space: Space, trials: Sequence[FrozenTrial], best: FrozenTrial, groups: Sequence[str], seed: int
) -> Proposal:
    """New values for the group that had the fewest trials by the number of its settings."""
    group = min(groups, key=lambda name: _tried(trials, name) / len(space.groups[name]))
    values = {**best.params, **_new(space, trials, group, seed)}
    if (flag := space.flag(group.partition(".")[2])) in values:
        values[flag] = True  # else its settings would not matter
    return values, {"group": group, "best": best.value}


def _new(space: Space, trials: Sequence[FrozenTrial], group: str, seed: int) -> dict[str, Value]:
    drawn = np.random.SeedSequence([seed, len(trials)]).generate_state(1)
    view, settings = view_of(space, trials, group), space.groups[group]
    view.sampler = TPESampler(n_startup_trials=FIRST, seed=int(drawn[0]))
    found = view.ask(distributions_of(settings)).params
    return {key: _tidy(settings[key].search, value) for key, value in found.items()}


def view_of(space: Space, trials: Sequence[FrozenTrial], group: str) -> optuna.Study:
    """The present configuration and the trials of one group, by their gains over the best that was
    known when each was tried."""
    view = optuna.create_study(direction="maximize")
    distributions = distributions_of(space.groups[group])
    for trial in trials:
        if trial.user_attrs["group"] in (PRESENT, group):
            view.add_trial(_seen(trial, distributions))
    return view


def distributions_of(settings: Mapping[str, Setting]) -> dict[str, BaseDistribution]:
    return {key: _distribution(one.search) for key, one in settings.items()}


def _distribution(search: Search) -> BaseDistribution:
    if isinstance(search, Between):
        if search.whole:
            return IntDistribution(int(search.low), int(search.high), search.log)
        return FloatDistribution(search.low, search.high, search.log)
    return CategoricalDistribution(search.values)


def _tried(trials: Sequence[FrozenTrial], group: str) -> int:
    return sum(trial.user_attrs["group"] == group for trial in trials)


def _seen(trial: FrozenTrial, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    """A trial as the settings of one group explain it."""
    present = trial.user_attrs["group"] == PRESENT
    gain = None if trial.value is None else trial.value - trial.user_attrs["best"]
    return create_trial(
        state=trial.state,
        value=0.0 if present else gain,
        params={key: trial.params[key] for key in distributions},
        distributions=distributions,
        intermediate_values={} if present else trial.intermediate_values,
    )


def _tidy(search: Search, value: Value) -> Value:
    """Four digits say enough, and read better."""
    if isinstance(search, Between) and isinstance(value, float):
        return min(max(float(f"{value:.4g}"), search.low), search.high)
    return value
