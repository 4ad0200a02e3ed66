"""Next-item accuracy under leave-one-out, full ranking, on a file of events.

    python benchmarks/next_item.py EVENTS.parquet [--items ITEMS.parquet] [--shop DIR]

Prints NDCG@10 and HR@10 of the whole system and of each of its parts: strict (training sees
neither the test event nor the one before it), the paired difference of the system from each
part, and the system refitted on all but the test event, as a release that goes live is.
The shop folder is kept, so that a second run only judges.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.shop import LEAVE_ONE_OUT, opened
from endcap.cli.output import progress
from endcap.config import Shop
from endcap.experiment.fit import fit
from endcap.experiment.intervals import paired
from endcap.experiment.judge import Judged, baseline, judge
from endcap.experiment.work import Work
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Report

SAMPLES = 2_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("events", type=Path)
    arguments.add_argument("--items", type=Path)
    arguments.add_argument("--shop", type=Path, default=Path("build/next-item"))
    given = arguments.parse_args()
    with progress() as report:
        shop = opened(given.shop, LEAVE_ONE_OUT, (given.events, given.items), report)
        release = fit(shop, refit=False, report=report)
        dataset = Dataset.load(prepared(shop))
        system = Recommender.load(Releases(shop.releases).path(release["release"]) / "measured")
        asked = dataset.asked(Part.TEST)
        strict = {"system": system, **{name: baseline(system, (name,)) for name in _parts(system)}}
        judged = {name: _judge(one, asked, name, report) for name, one in strict.items()}
        refitted = _judge(_refit(shop, dataset, system, report), asked, "refit", report)
    console = Console()
    console.print(_table(judged, refitted))
    console.print(f"Weights {system.placement('home').weights}, ranker {system.ranker is not None}")


def _parts(system: Recommender) -> list[str]:
    return [name for name in ("popular", "neighbours", "sequence") if name in system.retrievers]


def _refit(shop: Shop, dataset: Dataset, strict: Recommender, report: Report) -> Recommender:
    """The same choices, fitted on all but the test event."""
    work = Work(shop.config, dataset, shop.runs / "all-but-test", report)
    later = work.system(Part.TEST, work.retrievers(Part.TEST, known=strict.retrievers))
    return replace(later, config=strict.config, ranker=strict.ranker)


def _judge(system: Recommender, asked: Asked, name: str, report: Report) -> Judged:
    return judge(system, asked, "home", (10,), report=report, step=f"judge {name}")


def _table(judged: dict[str, Judged], refitted: Judged) -> Table:
    table = Table(box=None)
    for title in ("", "NDCG@10", "HR@10", "system − this, NDCG@10", "p"):
        table.add_column(title, justify="right" if title else "left")
    own = judged["system"]
    for name, one in {**judged, "system, refitted": refitted}.items():
        ndcg, hits = (one.summary(SAMPLES, 1)[f"{metric}@10"] for metric in ("ndcg", "hit_rate"))
        gap = paired(own.values["ndcg@10"], one.values["ndcg@10"], SAMPLES, 1)
        cells = (f"{ndcg.value:.4f}", f"{hits.value:.4f}", f"{gap.value:+.4f}", f"{gap.p:.4f}")
        table.add_row(name, *(cells if one is not own else (*cells[:2], "", "")))
    return table


if __name__ == "__main__":
    main()
