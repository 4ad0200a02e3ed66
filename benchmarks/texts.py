"""What the texts of items add to what their ids say, on Amazon Beauty.

    python -m benchmarks.texts EVENTS.parquet ITEMS.parquet [--epochs N] [--work FOLDER]

Leave-one-out, each with two networks: *ids* are neighbours, `sequence`, and the network of
`described` without its texts; *texts* are neighbours, `sequence`, `described` and `content`. Lists
are joined with equal weights of their places. Then one network alone, and two towers, without and
with texts. Printed is NDCG@10 on the test part, of all questions and of those whose answer is among
the rarest fifth of the items, with the paired difference from the same without texts. What is
fitted is kept in the work folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.markdown import table
from benchmarks.shop import LEAVE_ONE_OUT, opened
from endcap.cli.output import progress
from endcap.config import Config, Stage
from endcap.experiment.intervals import paired
from endcap.experiment.judge import judge
from endcap.experiment.work import Work
from endcap.recommender import Recommender
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Bools, Floats, Report

PLACE, SAMPLES = "home", 2_000

UNTOLD = "untold"
"""The network of `described`, told no texts, with the settings that suit ids."""

RARE = 0.25
"""How much more `content` says of rare items; see `endcap.retrievers.content`."""

IDS = ("neighbours", "sequence", UNTOLD)

TOWERS, TOLD_TOWERS = "towers", "told towers"
"""Two towers, without and with texts."""

WAYS = {
    "ids": IDS,
    "ids, and nearest in words": (*IDS, "content"),
    "texts": ("neighbours", "sequence", "described", "content"),
    "network of ids alone": (UNTOLD,),
    "network of ids and texts alone": ("described",),
    "two towers of ids alone": (TOWERS,),
    "two towers of ids and texts alone": (TOLD_TOWERS,),
}

WITHOUT = {
    "ids, and nearest in words": "ids",
    "texts": "ids",
    "network of ids and texts alone": "network of ids alone",
    "two towers of ids and texts alone": "two towers of ids alone",
}
"""The same without texts."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("files", type=Path, nargs=2)
    arguments.add_argument("--epochs", type=int, help="at most")
    arguments.add_argument("--work", type=Path, default=Path("build/texts"))
    given = arguments.parse_args()
    with progress() as report:
        shop = opened(given.work, LEAVE_ONE_OUT, given.files, report)
        dataset = Dataset.load(prepared(shop))
        config = _config(shop.config, given.epochs)
        work = Work(config, dataset, shop.runs / f"texts-{given.epochs or 'all'}", report)
        system = work.system(Part.VALIDATION, work.retrievers(Part.VALIDATION))
        asked = dataset.asked(Part.TEST)
        found = {name: _ndcg(system, names, asked, report) for name, names in WAYS.items()}
    rare = _rare(dataset.before(Part.VALIDATION), asked)
    print(
        f"{len(asked):,} questions, {rare.sum():,} of them about the rarest fifth of the items.\n"
    )
    print(table(["", "all", "gain", "rarest fifth", "gain"], _rows(found, rare)))


def _config(config: Config, epochs: int | None) -> Config:
    """The default one, with only what is compared."""
    stages, few = config.retrievers, {} if epochs is None else {"epochs": epochs}
    sequence, described = stages["sequence"], stages["described"]
    network = {"network": described.own["network"]}
    untold = Stage.model_validate({**sequence.model_dump(), **network, **few})
    networks = {
        name: Stage.model_validate({**one.model_dump(), **few})
        for name, one in (("sequence", sequence), ("described", described))
    }
    content = Stage.model_validate({**stages["content"].model_dump(), "rare": RARE})
    plain = {"neighbours": stages["neighbours"], "content": content}
    towers = {"use": "endcap.retrievers.two_tower:TwoTower", **few}
    told = {**towers, "content": described.own["content"]}
    both = {TOWERS: Stage.model_validate(towers), TOLD_TOWERS: Stage.model_validate(told)}
    retrievers = {**plain, **networks, UNTOLD: untold, **both}
    return config.model_copy(update={"retrievers": retrievers, "rankers": {}})


def _ndcg(system: Recommender, names: tuple[str, ...], asked: Asked, report: Report) -> Floats:
    """[questions] of the retrievers' places with equal weights."""
    weights = {name: float(name in names) for name in system.retrievers}
    one = system.reweighted(PLACE, weights, {})
    return judge(one, asked, PLACE, (10,), report=report, step="judge").values["ndcg@10"]


def _rare(past: Dataset, asked: Asked) -> Bools:
    """[questions] whose answer is among the fifth of items with the fewest events."""
    count = np.bincount(past.item, minlength=len(past.catalogue))
    items = np.argsort(count, kind="stable")[: len(count) // 5]
    return np.isin(asked.truth.values, items)  # each question has one answer


def _rows(found: dict[str, Floats], rare: Bools) -> list[list[str]]:
    rows = []
    for name, own in found.items():
        row = [name]
        for some in (np.ones(len(rare), np.bool_), rare):
            row += [f"{own[some].mean():.4f}", _gain(name, found, some)]
        rows.append(row)
    return rows


def _gain(name: str, found: dict[str, Floats], some: Bools) -> str:
    if name not in WITHOUT:
        return "–"
    gap = paired(found[name][some], found[WITHOUT[name]][some], SAMPLES, 1)
    return f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"


if __name__ == "__main__":
    main()
