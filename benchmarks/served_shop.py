"""A synthetic shop with a live release, to be served: for figures of speed, never of accuracy.

    python -m benchmarks.served_shop FOLDER [--events 1000000] [--items 100000]

The network learns for one epoch, and the ranker what is looked at next: what counts is their size,
so the ranker is kept whether or not it is any good. What is done is kept in the folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.child import ENDCAP, run
from benchmarks.synthetic import catalogue, write_events
from endcap.config import Shop
from endcap.errors import DataError
from endcap.experiment.work import Work
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared

RELEASE = "measured"

SETTINGS = """\
[events]
targets = ["view"]

[join]
depth = 70

[retrievers.sequence]
epochs = 1
judged = 100

[retrievers.described]
epochs = 1
judged = 100

[rankers.lambdamart]
trees = 100
patience = 100

[placements.home]
retrievers = ["popular", "neighbours", "sequence"]

[serve]
key_rate = 1e6
key_burst = 1e6
address_rate = 1e6
address_burst = 1e6
"""

ASKED = 5_000
"""Visitors who ask, drawn from those of the log."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--items", type=int, default=100_000)
    given = arguments.parse_args()
    make(given.folder.absolute(), given.events, given.items)


def make(folder: Path, events: int, items: int) -> None:
    """The shop, where it is not there yet."""
    releases = Releases(folder / "releases")
    if releases.live() == RELEASE:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "endcap.toml").write_text(SETTINGS)
    write_events(folder / "events.parquet", events, items, seed=1)
    pq.write_table(catalogue(items, seed=1), folder / "items.parquet")
    files = [folder / "events.parquet", folder / "items.parquet"]
    for step, more in {"import": files, "prepare": []}.items():
        run([ENDCAP, step, *more, "--shop", folder], folder / f"{step}.log")
    _release(Shop.open(folder), releases)
    _bodies(folder, items)


def _release(shop: Shop, releases: Releases) -> None:
    dataset = Dataset.load(prepared(shop))
    work = Work(shop.config, dataset, shop.runs / RELEASE, _report)
    system = work.system(Part.RANKER, work.retrievers(Part.RANKER))
    rankers = work.rankers(system)
    if "lambdamart" not in rankers:
        raise DataError("There is too little to learn a ranker from", mend="Take more --events")
    system = replace(system, ranker=rankers["lambdamart"])
    manifest = {"learned_until": {"live": dataset.end}}
    releases.write(RELEASE, manifest, lambda folder: system.save(folder / "live"))
    releases.promote(RELEASE)


def _bodies(folder: Path, items: int) -> None:
    """Files of requests: questions, single events, and batches of a hundred."""
    users = pq.read_table(folder / "events.parquet", columns=["user_id"])["user_id"].to_numpy()
    rng = np.random.default_rng(1)
    asked = rng.choice(np.unique(users), ASKED, replace=False).astype(str).tolist()
    _write(folder / "ask.jsonl", [{"user_id": user, "n": 10} for user in asked])
    events = [
        {
            "event_id": "#",
            "event_type": "view",
            "user_id": str(user),
            "item_id": str(item),
        }
        for user, item in zip(
            rng.choice(asked, 20_000), rng.integers(0, items, 20_000), strict=True
        )
    ]
    _write(folder / "event.jsonl", events)
    batches = [events[first : first + 100] for first in range(0, len(events), 100)]
    _write(folder / "events.jsonl", batches)


def _write(path: Path, values: list[Any]) -> None:
    path.write_text("\n".join(map(json.dumps, values)))


def _report(step: str, share: float) -> None:
    print(f"{share:4.0%}  {step}", file=sys.stderr)


if __name__ == "__main__":
    main()
