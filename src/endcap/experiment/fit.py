"""From prepared tables to a release.

    before RANKER      fit retrievers, choosing their epochs ─┐
    RANKER             fit the ranker on what they propose ◀──┘
    before VALIDATION  fit retrievers again, epochs known
    VALIDATION         choose the weights of the join, and whether the ranker stays
    TEST               measure: this is what the figures are about
    everything         fit once more: this goes live

Each fitted stage is kept in the run's folder as soon as it is done, so that an interrupted
fit goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from endcap.config import Config, Shop
from endcap.errors import DataError
from endcap.experiment.evaluate import Measured, evaluate
from endcap.experiment.weights import learn_weights, ranker_helps
from endcap.recommender import Recommender
from endcap.stages import Ranker, Retriever, Rule, Run, Stage, load_stage, resolve, save_stage
from endcap.store.releases import Releases
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Report, silent

T = TypeVar("T", bound=Stage[Any])

FEWEST = 20
"""Questions below which a part decides nothing."""


@dataclass(frozen=True)
class Fit:
    """One fit of a configuration on a dataset, with its folder."""

    config: Config
    dataset: Dataset
    folder: Path
    report: Report

    def keep(self, kind: type[Any], path: str, make: Callable[[Run], T]) -> T:
        """The stage that an earlier, interrupted run left at `path`, or a newly made one."""
        done = self.folder / path
        if done.is_dir():
            loaded: T = load_stage(kind, done)
            return loaded
        stage = make(Run(self.folder / f".{path}", self.config.seed, self._steps(path)))
        draft = self.folder / f"{path}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        save_stage(stage, draft)
        os.replace(draft, done)
        return stage

    def retrievers(
        self, part: Part, known: Mapping[str, Retriever[Any]] | None = None
    ) -> dict[str, Retriever[Any]]:
        """All retrievers, fitted on what was known before the part.

        known: fits whose settings (the epochs above all) are to be repeated; without them the
        epochs are chosen by what is asked about the part.
        """
        past = self.dataset.before(part)
        judge = None if known else self.asked(part)
        fitted = {}
        for name, stage in self.config.retrievers.items():
            cls, settings = resolve(Retriever, stage, f"retrievers.{name}")
            if known:
                settings = known[name].settings
            make = partial(cls.fit, settings, past, judge)
            fitted[name] = self.keep(Retriever, f"{part.name.lower()}-{name}", make)
        return fitted

    def asked(self, part: Part) -> Asked | None:
        """What is asked about a part, None where that is too little to decide by."""
        asked = self.dataset.asked(part).scope(self.task.scope)
        return asked if len(asked) >= FEWEST else None

    @property
    def task(self) -> Any:
        return next(iter(self.config.evaluate.tasks.values()))

    def system(self, part: Part, retrievers: Mapping[str, Retriever[Any]]) -> Recommender:
        """Retrievers and rules over the catalogue as known before the part; no ranker yet."""
        past = self.dataset.before(part)
        rules = {}
        for name, stage in self.config.rules.items():
            cls, settings = resolve(Rule, stage, f"rules.{name}")
            rules[name] = cls.fit(settings, past, Run(seed=self.config.seed))
        return Recommender(self.config, past.catalogue, retrievers, None, rules, {})

    def ranker(self, system: Recommender) -> Ranker[Any] | None:
        """The ranker, taught by what came after what the retrievers know."""
        asked = self.asked(Part.RANKER)
        if asked is None or not self.config.rankers:
            return None
        (name, stage), *_ = self.config.rankers.items()
        cls, settings = resolve(Ranker, stage, f"rankers.{name}")
        place = system.placement(self.task.placement)

        def make(run: Run) -> Ranker[Any]:
            few = asked.sample(settings.model_dump().get("queries", len(asked)), run.seed)
            queries = system.ask(few.queries, place, include_seen=False)
            candidates = system.propose(queries, place)
            past = self.dataset.before(Part.RANKER)
            made: Ranker[Any] = cls.fit(
                settings, past, replace(few, queries=queries), candidates, run
            )
            return made

        return self.keep(Ranker, f"order-{name}", make)

    def _steps(self, path: str) -> Report:
        return lambda step, share: self.report(f"{path}: {step}", share)


def fit(
    shop: Shop, *, refit: bool = True, resume: bool = True, report: Report = silent
) -> dict[str, Any]:
    """Train, choose, measure, and write a release; returns its manifest.

    The same data, settings and version give the release that is already there. Raises
    DataError where there are too few questions to choose and to measure by.
    """
    began = time.monotonic()
    dataset = Dataset.load(prepared(shop))
    name = fingerprint(shop.config, dataset, refit)
    releases = Releases(shop.releases)
    for release in releases.names():
        if release.endswith(name):
            return releases.manifest(release)
    work = Fit(shop.config, dataset, shop.runs / name, report)
    if not resume:
        shutil.rmtree(work.folder, ignore_errors=True)
    measured, live = _learn(work, refit)
    judged = Part.TEST if dataset.has(Part.TEST) else Part.VALIDATION
    figures = evaluate(measured, dataset, judged, report=report)
    manifest = _manifest(work, figures, refit, time.monotonic() - began)
    release = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{name}"

    def fill(folder: Path) -> None:
        measured.save(folder / "measured")
        figures.save(folder)
        if live is not None:
            live.save(folder / "live")

    releases.write(release, manifest, fill)
    shutil.rmtree(work.folder)
    return releases.manifest(release)


def _learn(work: Fit, refit: bool) -> tuple[Recommender, Recommender | None]:
    """The system that is measured, and the one that has learned from everything."""
    validation = work.asked(Part.VALIDATION)
    if validation is None:
        raise DataError(
            f"Fewer than {FEWEST} questions can be asked about the validation part",
            expected="visitors who took something in it",
            mend="Import more events, or lengthen split.validation_days",
        )
    if work.asked(Part.RANKER) is None:
        first, ranker = work.retrievers(Part.VALIDATION), None
        second = first
    else:
        first = work.retrievers(Part.RANKER)
        ranker = work.ranker(work.system(Part.RANKER, first))
        second = work.retrievers(Part.VALIDATION, known=first)
    placement = work.task.placement
    measured = work.system(Part.VALIDATION, second)
    work.report("choosing weights", 0.0)
    measured = replace(measured, weights=learn_weights(measured, validation, placement))
    ranked = replace(measured, ranker=ranker)
    if ranker is not None and ranker_helps(ranked, validation, placement):
        measured = ranked
    if not refit:
        return measured, None
    live = work.system(Part.LIVE, work.retrievers(Part.LIVE, known=second))
    return measured, replace(live, weights=measured.weights, ranker=measured.ranker)


def fingerprint(config: Config, dataset: Dataset, refit: bool) -> str:
    """Of all that decides what a fit gives."""
    seen = {
        "config": config.model_dump(mode="json"),
        "data": dataset.meaning.fingerprint,
        "version": version("endcap"),
        "refit": refit,
    }
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:8]


def _manifest(work: Fit, figures: Measured, refit: bool, seconds: float) -> dict[str, Any]:
    return {
        "metrics": figures.metrics,
        "protocol": figures.protocol,
        "refit": refit,
        "seconds": round(seconds, 1),
        "data": work.dataset.meaning.fingerprint,
        "version": version("endcap"),
    }
