"""The trials of a search, which Optuna keeps in a file, and what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from endcap.config import Between, Search, Value
from endcap.experiment.tune.space import Setting, Space

optuna.logging.set_verbosity(optuna.logging.ERROR)

FIRST = 4
"""Trials of a group by chance, before what was found says where to look."""

PEERS = 4
"""Trials that must have come as far before the worse half of them is given up."""

WARM = 3
"""Epochs that each trial may learn, however it begins."""

EPOCHS = 100_000
"""More than any model has, so that the epochs of each retriever have numbers of their own."""

PRESENT = "present"
"""In place of a group: the trial that changes nothing."""

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Study:
    """Each trial changes the settings of one group, and has the best known ones of the others: so
    it costs one fit at most, and a difference has one cause.

    Within a group the values come from a tree-structured Parzen estimator (Bergstra et al.,
    NeurIPS 2011), by the gain over the best that was known when each was tried. Trials that learn
    are given up where the score of an epoch is below the median of what others had.
    """

    space: Space
    seed: int
    kept: optuna.Study

    @classmethod
    def open(cls, folder: Path, space: Space, seed: int) -> Study:
        """The study in a folder, from where it was left."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(folder / "study.log"))),
            study_name="tune",
            direction="maximize",
            pruner=MedianPruner(n_startup_trials=1, n_min_trials=PEERS),
            load_if_exists=True,
        )
        study = cls(space, seed, kept)
        study._take_up()
        return study

    @property
    def finished(self) -> list[FrozenTrial]:
        """What was judged or given up."""
        return self.kept.get_trials(deepcopy=False, states=FINISHED)

    @property
    def judged(self) -> list[FrozenTrial]:
        return self.kept.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    @property
    def best(self) -> FrozenTrial:
        """The earliest of equals. Raises ValueError where nothing was judged."""
        return max(self.judged, key=lambda trial: trial.value or 0.0)

    def ask(self, groups: Sequence[str]) -> Trial:
        """The next trial: what was interrupted, or the present configuration, which comes first,
        or new values for one of the groups."""
        if not self.kept.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self.kept.enqueue_trial(*self._proposal(groups))
        return self.kept.ask(_distributions(self.space.settings))

    def watch(self, trial: Trial, name: str, epoch: int, score: float) -> None:
        """Raises optuna.TrialPruned where others were better after as many epochs."""
        place = [*self.space.config.retrievers].index(name)
        trial.report(score, place * EPOCHS + epoch)
        if epoch >= WARM and trial.should_prune():
            raise optuna.TrialPruned

    def view(self, group: str) -> optuna.Study:
        """The trials of one group, and the present configuration, as gains: the values are those
        over the best that was known when each was tried."""
        number = len(self.finished)
        sampler = TPESampler(n_startup_trials=FIRST, seed=self.seed * 1_000 + number)
        view = optuna.create_study(direction="maximize", sampler=sampler)
        distributions = _distributions(self.space.groups[group])
        for trial in self.finished:
            if trial.user_attrs["group"] in (PRESENT, group):
                view.add_trial(_seen(trial, distributions))
        return view

    def leave(self) -> None:
        """The trial under way is the first of the next search."""
        for trial in self._cut_off():
            self.kept.enqueue_trial(trial.params, trial.user_attrs)

    def _take_up(self) -> None:
        """What a killed search was trying is tried again; once, since it may have been why."""
        for trial in self._cut_off():
            if "again" not in trial.user_attrs:
                self.kept.enqueue_trial(trial.params, {**trial.user_attrs, "again": True})

    def _cut_off(self) -> list[FrozenTrial]:
        """What was never finished, and is from now on no trial of its own."""
        running = self.kept.get_trials(states=(TrialState.RUNNING,))
        for trial in running:
            self.kept.tell(trial.number, state=TrialState.FAIL)
        return running

    def done(self, trial: Trial, value: float | None) -> None:
        """value: what the trial was judged by; None where it was given up."""
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        self.kept.tell(trial, value, state)

    def _proposal(self, groups: Sequence[str]) -> tuple[dict[str, Value], dict[str, Any]]:
        """Values, and why they are tried."""
        if not self.judged:
            return self.space.present, {"group": PRESENT, "best": 0.0}
        best, group = self.best, min(groups, key=self._share)
        values = {**best.params, **self._new(group)}
        if (flag := self.space.flag(group.partition(".")[2])) in values:
            values[flag] = True  # or its settings would not matter
        return values, {"group": group, "best": best.value}

    def _new(self, group: str) -> dict[str, Value]:
        settings = self.space.groups[group]
        found = self.view(group).ask(_distributions(settings)).params
        return {key: _tidy(settings[key].search, value) for key, value in found.items()}

    def _share(self, group: str) -> float:
        """Trials of a group by the number of its settings."""
        tried = [trial for trial in self.finished if trial.user_attrs["group"] == group]
        return len(tried) / len(self.space.groups[group])


def _seen(trial: FrozenTrial, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    """A trial as the settings of one group explain it."""
    first = trial.user_attrs["group"] == PRESENT
    gain = None if trial.value is None else trial.value - trial.user_attrs["best"]
    return create_trial(
        state=trial.state,
        value=0.0 if first else gain,
        params={key: trial.params[key] for key in distributions},
        distributions=distributions,
        intermediate_values={} if first else trial.intermediate_values,
    )


def _tidy(search: Search, value: Value) -> Value:
    """Four digits say enough, and read better."""
    if isinstance(search, Between) and isinstance(value, float):
        return min(max(float(f"{value:.4g}"), search.low), search.high)
    return value


def _distributions(settings: Mapping[str, Setting]) -> dict[str, BaseDistribution]:
    return {key: _distribution(one.search) for key, one in settings.items()}


def _distribution(search: Search) -> BaseDistribution:
    if isinstance(search, Between):
        if search.whole:
            return IntDistribution(int(search.low), int(search.high), search.log)
        return FloatDistribution(search.low, search.high, search.log)
    return CategoricalDistribution(search.values)
