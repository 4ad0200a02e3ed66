"""Whether features that count what all visitors did make a ranker better, and what they cost.

    python -m benchmarks.features EVENTS.parquet [--items ITEMS.parquet] [--moment session]

LambdaMART learns from the same candidates with the default features, and with each set of more.
Prints NDCG@10 on the test part, the paired difference from the default ones, and the milliseconds
that it takes to say the features of one question's candidates, and to rank them. Retrievers are
those that count; no network is trained.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.shop import opened
from endcap import config
from endcap.cli.output import progress
from endcap.config import Shop
from endcap.experiment.intervals import bootstrap, paired
from endcap.experiment.judge import judge
from endcap.experiment.work import Work
from endcap.features import Features
from endcap.recommender import Recommender
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Floats, Report

SETTINGS = """\
[retrievers.sequence]
use = ""

[retrievers.described]
use = ""

[placements.home]
rules = {rules}

[evaluate.tasks.home]
moment = "{moment}"
"""

COUNTS = {
    f"item_{window}": {"use": "endcap.features.windowed:Windowed", "window": window}
    for window in ("1h", "1d", "7d")
}

RATES = {
    "recency": {"use": "endcap.features.recency:Recency"},
    "trend": {"use": "endcap.features.trend:Trend"},
    "rate": {
        "use": "endcap.features.conversion:Conversion",
        "took": ["add_to_cart", "purchase"],
    },
}

SETS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "counts": COUNTS,
    "counts, recency, trend, conversion": COUNTS | RATES,
}

ALONE = 300
"""Questions that are ranked one by one."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("events")
    arguments.add_argument("--items")
    arguments.add_argument("--shop", type=Path, default=Path("build/features"))
    arguments.add_argument("--moment", choices=["event", "session"], default="event")
    arguments.add_argument("--rules", nargs="*", default=["availability"])
    given = arguments.parse_args()
    with progress() as report:
        text = SETTINGS.format(moment=given.moment, rules=given.rules)
        shop = opened(given.shop, text, (given.events, given.items), report)
        systems = {name: _system(shop, name, report) for name in SETS}
        dataset = Dataset.load(prepared(shop))
        asked = dataset.asked(Part.TEST, given.moment)
        judged = {
            name: judge(system, asked, "home", [10], report=report, step=f"judge {name}")
            for name, system in ({"no ranker": _unranked(systems)} | systems).items()
        }
    values = {name: one.values["ndcg@10"] for name, one in judged.items()}
    table = Table("features", "NDCG@10", "against the default ones", "ms said", "ms ranked")
    for name, own in values.items():
        gap = paired(own, values["default"], 1_000, 1)
        mean = bootstrap(own, 1_000, 1)
        alone = _alone(systems[name], dataset) if name in systems else ()
        table.add_row(name, _told(mean), _told(gap), *(f"{one:.2f}" for one in alone))
    Console(width=130).print(f"{len(asked):,} questions", table)


def _system(shop: Shop, name: str, report: Report) -> Recommender:
    """Its retrievers learned from all before the test part's rankers did: as a fit measures."""
    more = {key: config.Feature.model_validate(one) for key, one in SETS[name].items()}
    settings = shop.config.model_copy(update={"features": {**shop.config.features, **more}})
    folder = shop.runs / name / next(iter(settings.evaluate.tasks.values())).moment
    work = Work(settings, Dataset.load(prepared(shop)), folder, report)
    first = work.retrievers(Part.RANKER)
    rankers = work.rankers(work.system(Part.RANKER, first))
    measured = work.system(Part.VALIDATION, work.retrievers(Part.VALIDATION))
    return replace(measured, ranker=rankers["lambdamart"])


def _unranked(systems: Mapping[str, Recommender]) -> Recommender:
    return replace(systems["default"], ranker=None)


def _alone(system: Recommender, dataset: Dataset) -> Floats:
    """The medians."""
    asked = dataset.asked(Part.TEST).sample(ALONE, 1).queries
    ranker, place, taken = system.ranker, system.placement("home"), []
    assert ranker is not None  # noqa: S101
    features = Features.of(ranker.state)
    for row in range(len(asked)):
        one = system.ask(asked.take(np.array([row])), place, include_seen=False)
        candidates = system.propose(one, place)
        moments = [time.perf_counter()]
        features(one, candidates, system.catalogue)
        moments.append(time.perf_counter())
        ranker.rank(one, candidates, system.catalogue)
        taken.append(np.diff([*moments, time.perf_counter()]))
    medians: Floats = 1_000 * np.median(taken, axis=0)
    return medians


def _told(one: Any) -> str:
    return f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"


if __name__ == "__main__":
    main()
