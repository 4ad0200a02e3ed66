"""One model in a prepared shop: fit it, judge it, and print its figures as JSON.

    python -m benchmarks.one_model SHOP SPEC

SPEC is JSON: `retriever`, the name whose settings in the shop's configuration it starts from,
`use`, its class path where that name has none, and `set`, settings on top; or `ranker`, a class
path; or `system`, for all that the configuration says. Learns from what was known before the
validation part, by which epochs are chosen, and is judged on the test part.

The retrievers below a ranker are fitted once for all rankers.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from endcap.cli.output import progress
from endcap.config import Config, Shop, Stage
from endcap.experiment.behaviour import weigh
from endcap.experiment.fit import fingerprint, fit
from endcap.experiment.judge import baseline, judge
from endcap.experiment.work import Work
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Report

T = TypeVar("T")

NAME = "model"
"""What a retriever or ranker is called that stands alone."""

METRICS = ("ndcg@10", "hit_rate@10", "coverage@10")


def main() -> None:
    shop, spec = Shop.open(Path(sys.argv[1])), json.loads(sys.argv[2])
    dataset = Dataset.load(prepared(shop))
    with progress() as report:
        system, seconds = _system(shop, dataset, spec, report)
        tasks = _judged(system, dataset, report)
    print(json.dumps({"seconds": seconds, "tasks": tasks}))


def _system(
    shop: Shop, dataset: Dataset, spec: dict[str, Any], report: Report
) -> tuple[Recommender, float]:
    """What is to be judged, and the processor's seconds for its fit."""
    if "system" in spec:
        release, seconds = _timed(lambda: fit(shop, refit=False, resume=False, report=report))
        path = Releases(shop.releases).path(release["release"])
        return Recommender.load(path / "measured"), seconds
    config, dataset, _ = weigh(_configured(shop.config, spec), dataset)
    if "ranker" in spec:
        below = fingerprint(config.model_copy(update={"rankers": {}}), dataset)
        return _ranked(Work(config, dataset, shop.runs / f"below-{below}", report))
    work = Work(config, dataset, shop.runs / "one-model", report)
    shutil.rmtree(work.folder, ignore_errors=True)
    retrievers, seconds = _timed(lambda: work.retrievers(Part.VALIDATION))
    return baseline(work.system(Part.VALIDATION, retrievers), (NAME,)), seconds


def _timed(make: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    return make(), time.process_time() - began


def _configured(config: Config, spec: dict[str, Any]) -> Config:
    """The shop's configuration with nothing but the model, or with only this ranker."""
    if "ranker" in spec:
        stage = Stage.model_validate({"use": spec["ranker"], **spec["set"]})
        return config.model_copy(update={"rankers": {NAME: stage}})
    known = config.retrievers.get(spec["retriever"])
    start = known.model_dump() if known else {}
    use = {"use": spec["use"]} if "use" in spec else {}
    stage = Stage.model_validate({**start, **use, **spec["set"]})
    return config.model_copy(update={"retrievers": {NAME: stage}, "rankers": {}})


def _ranked(work: Work) -> tuple[Recommender, float]:
    """The default retrievers, and the ranker whether it helps or not."""
    first, second = work.retrievers(Part.RANKER), work.retrievers(Part.VALIDATION)
    shutil.rmtree(work.folder / f"order-{NAME}", ignore_errors=True)
    rankers, seconds = _timed(lambda: work.rankers(work.system(Part.RANKER, first)))
    system = work.system(Part.VALIDATION, second)
    return replace(system, ranker=next(iter(rankers.values()), None)), seconds


def _judged(system: Recommender, dataset: Dataset, report: Report) -> dict[str, Any]:
    """For each task of the configuration, the metrics with their intervals."""
    settings, found = system.config.evaluate, {}
    for name, task in settings.tasks.items():
        asked = dataset.asked(Part.TEST, task.moment).scope(task.scope)
        one = judge(system, asked, task.placement, (10,), report=report, step=f"judge {name}")
        summary = one.summary(settings.samples, system.config.seed)
        found[name] = {metric: summary[metric].as_dict() for metric in METRICS}
    return found


if __name__ == "__main__":
    main()
