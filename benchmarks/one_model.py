"""One model in a prepared shop: fit it, judge it, and print its figures as JSON.

    python -m benchmarks.one_model SHOP SPEC

SPEC is JSON: `retriever`, the name whose settings in the shop's configuration it starts from,
`use`, its class path where that name has none, and `set`, settings on top; or `ranker`, a class
path; or `system`, for all that the configuration says. Learns from what was known before the
validation part, by which epochs are chosen, and is judged on the test part.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from endcap.cli.output import progress
from endcap.config import Config, Shop, Stage
from endcap.experiment.behaviour import weigh
from endcap.experiment.fit import fit
from endcap.experiment.judge import baseline, judge
from endcap.experiment.work import Work
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Report

NAME = "model"
"""What a retriever or ranker is called that stands alone."""

METRICS = ("ndcg@10", "hit_rate@10", "coverage@10")


def main() -> None:
    shop, spec = Shop.open(Path(sys.argv[1])), json.loads(sys.argv[2])
    dataset = Dataset.load(prepared(shop))
    with progress() as report:
        began = time.monotonic()
        system = _system(shop, dataset, spec, report)
        seconds = time.monotonic() - began
        tasks = _judged(system, dataset, report)
    print(json.dumps({"seconds": seconds, "tasks": tasks}))


def _system(shop: Shop, dataset: Dataset, spec: dict[str, Any], report: Report) -> Recommender:
    if "system" in spec:
        release = fit(shop, refit=False, resume=False, report=report)["release"]
        return Recommender.load(Releases(shop.releases).path(release) / "measured")
    config, dataset, _ = weigh(_configured(shop.config, spec), dataset)
    folder = shop.runs / "one-model"
    shutil.rmtree(folder, ignore_errors=True)
    work = Work(config, dataset, folder, report)
    if "ranker" in spec:
        return _ranked(work)
    return baseline(work.system(Part.VALIDATION, work.retrievers(Part.VALIDATION)), (NAME,))


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


def _ranked(work: Work) -> Recommender:
    """The default retrievers, and the ranker whether it helps or not."""
    first = work.retrievers(Part.RANKER)
    rankers = work.rankers(work.system(Part.RANKER, first)).values()
    second = work.retrievers(Part.VALIDATION)
    return replace(work.system(Part.VALIDATION, second), ranker=next(iter(rankers), None))


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
