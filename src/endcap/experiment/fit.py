"""From prepared tables to a release.

    before RANKER      learn what an event of each type says
                       fit retrievers, choosing their epochs by RANKER ─┐
    RANKER             fit rankers on what they propose ◀───────┘
    before VALIDATION  fit retrievers again, choosing their epochs by VALIDATION
    VALIDATION         choose the weights of the join, and the ranker, or none
    TEST               measure: this is what the figures are about
    everything         fit once more, epochs known: this goes live

Each fitted stage is kept in the run's folder as soon as it is done, so that an interrupted
fit goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from endcap.class_paths import check
from endcap.config import Config, Shop
from endcap.errors import ConfigError
from endcap.experiment.behaviour import weigh
from endcap.experiment.evaluate import Measured, evaluate, questions_of
from endcap.experiment.needs import check_memory
from endcap.experiment.origin import Origin
from endcap.experiment.shortage import shortage
from endcap.experiment.weights import choose_ranker, learn_weights
from endcap.experiment.work import Work, rules_of
from endcap.nn import processes
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Report, silent

SECOND = timedelta(seconds=1)


@shortage("The fit")
def fit(
    shop: Shop,
    *,
    refit: bool = True,
    resume: bool = True,
    go_on: bool = False,
    report: Report = silent,
) -> dict[str, Any]:
    """Train, choose, measure, and write a release; returns its manifest.

    resume: go on with what an interrupted fit left; the same data, settings and version give
    the release that is already there.
    go_on: from the live release. Deep models begin with its weights and learn what is new, the
    ranker is its own, count models are fitted as ever; all of it is measured as ever.

    Raises DataError where there are too few questions to choose and to measure by.
    """
    began, dataset, releases = time.monotonic(), _checked(shop), Releases(shop.releases)
    origin = Origin.of(releases, dataset) if go_on else None
    name = fingerprint(shop.config, dataset, refit=refit, origin=origin and origin.release)
    folder = shop.runs / name
    if not resume:
        if processes.rank() == 0:
            shutil.rmtree(folder, ignore_errors=True)
        processes.meet()
    elif same := _named(releases, name):
        _clear(folder, releases)
        return releases.manifest(same[-1])
    config, dataset, event_weights = weigh(shop.config, dataset)
    told = silent if processes.rank() else report
    work = Work(config, dataset, folder, told, shop.content, origin)
    measured, live, joins = _learn(work, refit)
    if processes.rank():
        processes.meet()  # while the first measures and writes
        return releases.manifest(_named(releases, name)[-1])
    figures = evaluate(measured, dataset, dataset.judging, report=report)
    manifest = {
        **_manifest(work, figures, refit, time.monotonic() - began),
        "joins": joins,
        "event_weights": event_weights,
    }
    release = name_of(releases, name, datetime.now(UTC))
    releases.write(release, manifest, partial(_fill, measured, live, figures))
    _clear(folder, releases)
    processes.meet()
    return releases.manifest(release)


def _checked(shop: Shop) -> Dataset:
    """What is to be learned from. What is wrong with settings, memory or filters is told now, not
    after hours of training."""
    check(shop.config)
    if not shop.config.retrievers:
        raise ConfigError("[retrievers] names none", expected="one at least")
    dataset = Dataset.load(prepared(shop))
    check_memory(shop.config, dataset)
    Recommender(shop.config, dataset.catalogue, {}, None, rules_of(shop.config, dataset))
    return dataset


def _fill(measured: Recommender, live: Recommender | None, figures: Measured, folder: Path) -> None:
    """Write a release's folder."""
    measured.save(folder / "measured")
    figures.save(folder)
    if live is not None:
        live.save(folder / "live")


def _named(releases: Releases, name: str) -> list[str]:
    """The releases with a fingerprint, oldest first."""
    return [release for release in releases.names() if release.endswith(name)]


def _learn(work: Work, refit: bool) -> tuple[Recommender, Recommender | None, dict[str, Any]]:
    """The system that is measured, the one that has learned from everything, and how the ways to
    join lists did for each placement."""
    validation = work.validation()
    for task in work.config.evaluate.tasks.values():
        questions_of(work.dataset, work.dataset.judging, task)  # told now, not after hours
    if work.origin is not None or work.asked(Part.RANKER, work.task) is None:
        second = work.retrievers(Part.VALIDATION)
        rankers = work.earlier_rankers()
    else:
        # Nobody keeps what rankers learn over: among a million items it is a gigabyte.
        rankers = work.rankers(work.system(Part.RANKER, work.retrievers(Part.RANKER)))
        second = work.retrievers(Part.VALIDATION)
    placement = work.task.placement
    measured = work.system(Part.VALIDATION, second)
    work.report("choosing weights", 0.0)
    joins: dict[str, Any] = {}
    for task in work.config.evaluate.tasks.values():
        answered = work.asked(Part.VALIDATION, task)
        if answered is not None:
            measured, ways = learn_weights(measured, answered, task.placement)
            joins.setdefault(task.placement, ways)
    measured = choose_ranker(measured, rankers, validation, placement)
    if not refit:
        return measured, None, joins
    live = work.system(Part.LIVE, work.retrievers(Part.LIVE, known=second))
    return measured, replace(live, config=measured.config, ranker=measured.ranker), joins


def _clear(folder: Path, releases: Releases) -> None:
    """Remove what the fit needed on its way, and what a killed run of it has left."""
    for left in (folder, *releases.folder.glob(f".*-{folder.name}")):
        shutil.rmtree(left, ignore_errors=True)


ELSEWHERE = ("track", "serve", "store", "schedule", "resources", "spark", "stream")
"""Groups of settings that leave what is fitted as it is."""


def fingerprint(config: Config, dataset: Dataset, **options: Any) -> str:
    """Of all that decides what a command gives. options: how it was called."""
    seen = {
        "config": config.model_dump(mode="json", exclude=set(ELSEWHERE)),
        "data": dataset.meaning.fingerprint,
        "version": version("endcap"),
        **options,
    }
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:8]


def name_of(releases: Releases, name: str, now: datetime) -> str:
    """What a new release of a fingerprint is called. Of two within a second, the later is dated to
    the next one."""
    while (release := f"{now:%Y%m%d-%H%M%S}-{name}") in releases.names():
        now += SECOND
    return release


def _manifest(work: Work, figures: Measured, refit: bool, seconds: float) -> dict[str, Any]:
    return {
        "metrics": figures.metrics,
        "protocol": figures.protocol,
        "refit": refit,
        "continues": work.origin and work.origin.release,
        "learned_until": {
            "measured": work.dataset.before(Part.VALIDATION).end,
            "live": work.dataset.end if refit else work.dataset.before(Part.VALIDATION).end,
        },
        "seconds": round(seconds, 1),
        "data": work.dataset.meaning.fingerprint,
        "version": version("endcap"),
    }
