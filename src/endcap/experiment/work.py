"""A fit under way: its stages, each kept as soon as it is done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from endcap.class_paths import load_stage, resolve, save_stage
from endcap.config import Config, Settings, Task
from endcap.errors import ConfigError, DataError, FilterError, ReleaseError
from endcap.experiment.origin import Origin
from endcap.experiment.shortage import shortage
from endcap.nn import processes
from endcap.recommender import Recommender
from endcap.stages import Earlier, Ranker, Retriever, Rule, Run, Stage
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.types import Candidates, Report

T = TypeVar("T", bound=Stage[Any])

FEWEST = 20
"""Questions below which a part decides nothing."""

LESSONS = 8_000
"""Questions that the ranker learns from, at most."""


@dataclass(frozen=True)
class Work:
    """One fit of a configuration on a dataset, with its folder.

    content: where encoders keep what they made; None keeps nothing.
    origin: the release that it goes on from, None to begin anew.
    """

    config: Config
    dataset: Dataset
    folder: Path
    report: Report
    content: Path | None = None
    origin: Origin | None = None

    def keep(self, kind: type[Any], path: str, make: Callable[[Run], T]) -> T:
        """The stage that an earlier, interrupted run left whole at `path`, or a newly made one."""
        done = self.folder / path
        if not processes.told(lambda: _whole(kind, done)):
            curves = self.folder.parent / "curves" / self.folder.name / path
            seed, steps = self.config.seed, self._steps(path)
            project = self.config.track.wandb
            run = Run(
                self.folder / f".{path}",
                curves,
                seed,
                steps,
                project=project,
                cache=self.content,
                features=self.config.features,
            )
            with shortage(f"Fitting {path}"):
                stage = make(run)
                if processes.rank() == 0:
                    _write(stage, done)
            processes.meet()
        # What was written is the same for all processes.
        loaded: T = load_stage(kind, done)
        return loaded

    def retrievers(
        self, part: Part, known: Mapping[str, Retriever[Any]] | None = None
    ) -> dict[str, Retriever[Any]]:
        """All retrievers, fitted on what was known before the part.

        known: fits whose settings (the epochs above all) are to be repeated; without them the
        epochs are chosen by what is asked about the part.
        """
        past = self.dataset.before(part)
        judge = None if known else self._judge(part)
        fitted = {}
        for name, stage in self.config.retrievers.items():
            cls, settings = resolve(Retriever, stage, f"retrievers.{name}")
            if known:
                settings = known[name].settings
            make: Callable[[Run], Any] = partial(cls.fit, settings, past, judge)
            if self.origin is not None:
                earlier = self.origin.earlier(part, name, cls, settings, past)
                make = partial(_going_on, make, earlier)
            fitted[name] = self.keep(Retriever, f"{part.name.lower()}-{name}", make)
        return fitted

    def _judge(self, part: Part) -> Asked | None:
        """What the first task asks about a part, as its placement asks it: what that would not
        answer must not decide how long a model learns."""
        asked = self.asked(part, self.task)
        return None if asked is None else self._placed(asked, self.system(part, {}))

    def asked(self, part: Part, task: Task) -> Asked | None:
        """What a task asks about a part, None where that is too little to decide by."""
        asked = self.dataset.asked(part, task.moment).scope(task.scope)
        return asked if len(asked) >= FEWEST else None

    def validation(self) -> Asked:
        """What the first task asks about the validation part. Raises DataError where that is too
        little to choose by."""
        asked = self.asked(Part.VALIDATION, self.task)
        if asked is None:
            raise DataError(
                f"Fewer than {FEWEST} questions can be asked about the validation part",
                expected="visitors who took something in it",
                mend="Import more events, or lengthen split.validation_days",
            )
        return asked

    @property
    def task(self) -> Task:
        return next(iter(self.config.evaluate.tasks.values()))

    def system(self, part: Part, retrievers: Mapping[str, Retriever[Any]]) -> Recommender:
        """Retrievers and rules over the catalogue as known before the part; no ranker yet."""
        past = self.dataset.before(part)
        rules = rules_of(self.config, past)
        return Recommender(self.config, past.catalogue, retrievers, None, rules)

    def rankers(self, system: Recommender) -> dict[str, Ranker[Any]]:
        """The rankers, taught by what came after what the retrievers know; none where that is too
        little to learn from."""
        asked = self.asked(Part.RANKER, self.task)
        if asked is None:
            return {}
        asked = asked.sample(LESSONS, self.config.seed)
        lessons = cache(partial(self._lessons, system, asked))
        past, fitted = self.dataset.before(Part.RANKER), {}

        def make(cls: Any, settings: Settings, run: Run) -> Any:
            return cls.fit(settings, past, *lessons(), run)

        for name, stage in self.config.rankers.items():
            learn = partial(make, *resolve(Ranker, stage, f"rankers.{name}"))
            try:
                fitted[name] = self.keep(Ranker, f"order-{name}", learn)
            except DataError as error:
                self.report(f"No ranker: {error}", 1.0)
        return fitted

    def earlier_rankers(self) -> dict[str, Ranker[Any]]:
        """The one of the release that it goes on from; none where it begins anew."""
        if self.origin is None:
            return {}
        return self.origin.rankers(self.config, self.dataset.catalogue, Run(cache=self.content))

    def _lessons(self, system: Recommender, asked: Asked) -> tuple[Asked, Candidates]:
        """The questions as the first task's placement asks them, and what the retrievers
        propose."""
        place, asked = system.placement(self.task.placement), self._placed(asked, system)
        parts = [
            (rows, system.propose(queries, place)) for rows, queries in asked.queries.batches(1_024)
        ]
        return asked, Candidates.concat(parts)

    def _placed(self, asked: Asked, system: Recommender) -> Asked:
        place = system.placement(self.task.placement)
        return replace(asked, queries=system.ask(asked.queries, place, include_seen=False))

    def _steps(self, path: str) -> Report:
        return lambda step, share: self.report(f"{path}: {step}", share)


def rules_of(config: Config, known: Dataset) -> dict[str, Rule[Any]]:
    """The rules over a dataset's catalogue. Raises ConfigError where one does not fit it."""
    rules = {}
    for name, stage in config.rules.items():
        cls, settings = resolve(Rule, stage, f"rules.{name}")
        try:
            rule: Rule[Any] = cls.fit(settings, known.catalogue, Run(seed=config.seed))
            rules[name] = rule.counted(known)
        except FilterError as error:
            raise ConfigError(f"rules.{name}: {error}") from error
    return rules


def _going_on(make: Callable[[Run], T], earlier: Earlier | None, run: Run) -> T:
    return make(replace(run, earlier=earlier))


def _whole(kind: type[Any], folder: Path) -> bool:
    """Whether a stage can be read; what a power cut left is removed."""
    try:
        load_stage(kind, folder)
    except ReleaseError:
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def _write(stage: Stage[Any], folder: Path) -> None:
    """Whole or not at all."""
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        save_stage(stage, draft)
        os.replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
