"""What views, carts and purchases together say of purchases to come, against each alone.

    python -m benchmarks.behaviours EVENTS.parquet [--shop DIR]

The same questions are asked of systems that learn from, and see of the visitor, events of one
type only, and all types with equal and with learned weights. Prints NDCG@10 of each part and of
the whole system under three questions: right before the purchase, as its session begins, and as
its session begins for what the visitor has never looked at. Below each table stands the paired
difference of what learns from all types with learned weights. The shop folder is kept, so that
a second run only judges.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.shop import opened
from endcap.cli.figures import show_event_weights
from endcap.cli.output import progress
from endcap.config import Config, Moment, Task
from endcap.experiment.behaviour import weigh
from endcap.experiment.intervals import paired
from endcap.experiment.judge import baseline, judge
from endcap.experiment.weights import learn_weights
from endcap.experiment.work import Work
from endcap.recommender import Recommender
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.tables.schema import kind
from endcap.types import Floats, Report

SETTINGS = """\
[rankers.lambdamart]
use = ""

[retrievers.sequence]
epochs = 5

[placements.discover]
retrievers = ["popular", "neighbours", "sequence"]
rules = ["already_met", "availability"]

[rules.already_met]
use = "endcap.rules.already_taken:AlreadyTaken"
kinds = ["view", "add_to_cart", "purchase"]

[evaluate.tasks]
"right before the purchase" = { placement = "home" }
"as its session begins" = { placement = "email", moment = "session" }
"the same, never looked at" = { placement = "discover", moment = "session", scope = "fresh" }
"""

TYPES = {
    "views": ("view",),
    "carts": ("add_to_cart",),
    "purchases": ("purchase",),
    "all, equal": ("view", "add_to_cart", "purchase"),
    "all, learned": ("view", "add_to_cart", "purchase"),
}
"""What each system learns from and sees."""

OURS = "all, learned"

Values = dict[tuple[str, str], Floats]
"""[Q] NDCG@10 by the model's name and what it learns from."""


@dataclass(frozen=True)
class Some(Dataset):
    """The same questions and answers, but past and histories hold only events of some kinds."""

    kinds: tuple[int, ...] = ()

    def before(self, part: Part) -> Dataset:
        past = super().before(part)
        return past.keep(np.isin(past.kind, self.kinds))

    def asked(self, part: Part, moment: Moment = "event") -> Asked:
        asked = super().asked(part, moment)
        history = asked.queries.history
        seen = history.keep(np.isin(history.kinds, self.kinds))
        return replace(asked, queries=replace(asked.queries, history=seen))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("events", type=Path)
    arguments.add_argument("--shop", type=Path, default=Path("build/behaviours"))
    given = arguments.parse_args()
    console = Console()
    with progress() as report:
        shop = opened(given.shop, SETTINGS, [given.events], report)
        dataset = Dataset.load(prepared(shop))
        _, weighed, figures = weigh(shop.config, dataset)
        found: dict[str, Values] = {name: {} for name in shop.config.evaluate.tasks}
        for name, types in TYPES.items():
            seen = _some(weighed if name == OURS else dataset, types)
            work = Work(shop.config, seen, shop.runs / name, report)
            system = _system(work)
            for title, task in shop.config.evaluate.tasks.items():
                found[title] |= dict(_judged(system, seen, task, name, report))
    show_event_weights(figures, console)
    for title, values in found.items():
        _show(title, values, shop.config, console)


def _some(dataset: Dataset, types: tuple[str, ...]) -> Some:
    columns = {name: getattr(dataset, name) for name in dataset.__dataclass_fields__}
    return Some(**columns, kinds=tuple(map(kind, types)))


def _system(work: Work) -> Recommender:
    """Fitted on what was known before the validation part, its weights chosen on that part."""
    chosen = work.retrievers(Part.RANKER)
    system = work.system(Part.VALIDATION, work.retrievers(Part.VALIDATION, known=chosen))
    for task in work.config.evaluate.tasks.values():
        asked = work.asked(Part.VALIDATION, task)
        if asked is not None:
            system, _ = learn_weights(system, asked, task.placement)
    return system


def _judged(
    system: Recommender, seen: Dataset, task: Task, types: str, report: Report
) -> Iterator[tuple[tuple[str, str], Floats]]:
    """The whole system's figures, and those of each of its parts alone."""
    asked = seen.asked(Part.TEST, task.moment).scope(task.scope)
    parts = system.placement(task.placement).retrievers or tuple(system.retrievers)
    systems = {"system": system, **{name: baseline(system, (name,)) for name in parts}}
    for name, one in systems.items():
        step = f"judge {name}, {types}"
        judged = judge(one, asked, task.placement, (10,), report=report, step=step)
        yield (name, types), judged.values["ndcg@10"]


def _show(title: str, values: Values, config: Config, console: Console) -> None:
    """A line a model, and how much better all types are than one."""
    questions = len(next(iter(values.values())))
    table = Table(title=f"\n{title}: {questions} questions", title_justify="left", box=None)
    for name in ("", *TYPES):
        table.add_column(name, justify="right" if name else "left")
    for model in dict.fromkeys(model for model, _ in values):
        table.add_row(model, *(f"{values[model, types].mean():.4f}" for types in TYPES))
    console.print(table)
    alone = {key: one for key, one in values.items() if not key[1].startswith("all")}
    best = max(alone, key=lambda key: alone[key].mean())
    for other in (best, ("system", "all, equal")):
        gap = paired(values["system", OURS], values[other], config.evaluate.samples, config.seed)
        console.print(
            f"system, {OURS} − {', '.join(other)}: "
            f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], p {gap.p:.4f}"
        )


if __name__ == "__main__":
    main()
