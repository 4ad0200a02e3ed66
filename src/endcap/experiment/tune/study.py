"""The trials of a search, which Optuna keeps in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.pruners import MedianPruner
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from endcap.experiment.tune import proposals
from endcap.experiment.tune.space import Space

optuna.logging.set_verbosity(optuna.logging.ERROR)

PEERS = 4
"""Trials that must have come as far before the worse half of them is given up."""

WARM = 3
"""Epochs that each trial may learn, however it begins."""

EPOCHS = 100_000
"""More than any model has, so that the epochs of each retriever have numbers of their own."""


@dataclass(frozen=True)
class Study:
    """Each trial changes the settings of one group, and has the best known ones of the others: so
    it costs one fit at most, and a difference has one cause.

    Within a group the values come from a tree-structured Parzen estimator (Bergstra et al.,
    NeurIPS 2011). A network is given up where its best score so far is below the median of what
    others had after as many epochs.
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
        for trial in study._cut_off():
            # What a killed search was trying is tried again; once, since it may have been why.
            if "again" not in trial.user_attrs:
                study._put_back(trial, again=True)
        return study

    @property
    def finished(self) -> list[FrozenTrial]:
        """What was judged or given up."""
        return self._trials(TrialState.COMPLETE, TrialState.PRUNED)

    @property
    def judged(self) -> list[FrozenTrial]:
        return self._trials(TrialState.COMPLETE)

    @property
    def best(self) -> FrozenTrial:
        """The earliest of equals. Raises ValueError where nothing was judged."""
        return max(self.judged, key=lambda trial: trial.value or 0.0)

    def ask(self, groups: Sequence[str]) -> Trial:
        """The next trial: what was interrupted, or the configuration as it is, which comes first,
        or new values for one of the groups."""
        if not self._trials(TrialState.WAITING):
            self.kept.enqueue_trial(*self._proposal(groups))
        trial = self.kept.ask(proposals.distributions_of(self.space.settings))
        for step, score in trial.user_attrs.get("seen", {}).items():
            trial.report(score, int(step))
        return trial

    def watch(self, trial: Trial, name: str, epoch: int, score: float) -> None:
        """Raises optuna.TrialPruned where others were better after as many epochs."""
        place = [*self.space.config.retrievers].index(name)
        trial.report(score, place * EPOCHS + epoch)
        if epoch >= WARM and trial.should_prune():
            raise optuna.TrialPruned

    def done(self, trial: Trial, value: float | None) -> None:
        """value: what the trial was judged by; None where it was given up."""
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        self.kept.tell(trial, value, state)

    def leave(self) -> None:
        """The trial under way is the first of the next search."""
        for trial in self._cut_off():
            self._put_back(trial)

    def _proposal(self, groups: Sequence[str]) -> proposals.Proposal:
        if not self.judged:
            return proposals.first(self.space)
        return proposals.following(self.space, self.finished, self.best, groups, self.seed)

    def _cut_off(self) -> list[FrozenTrial]:
        """What was never finished, and is no trial any more."""
        running = self._trials(TrialState.RUNNING)
        for trial in running:
            self.kept.tell(trial.number, state=TrialState.FAIL)
        return running

    def _put_back(self, trial: FrozenTrial, **why: bool) -> None:
        """To be tried next, with the scores of the epochs that it has learned."""
        attributes = {**trial.user_attrs, "seen": trial.intermediate_values, **why}
        self.kept.enqueue_trial(trial.params, attributes)

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.kept.get_trials(deepcopy=False, states=states)
