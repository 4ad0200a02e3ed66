"""What a release is worth: figures with intervals, beside the baselines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from endcap.config import Config, Placement, Task
from endcap.errors import DataError, ReleaseError
from endcap.experiment.intervals import bootstrap, paired
from endcap.experiment.judge import Judged, baseline, judge, slices
from endcap.experiment.reliability import gives_probabilities, reliability
from endcap.recommender import Recommender
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.types import Bools, Floats, Ranking, Report, silent

DECIDES = "ndcg@10"
"""The metric by which systems are compared."""

SYSTEM = "system"
"""The name of what is judged, beside the names of the baselines."""


@dataclass(frozen=True)
class Measured:
    """The figures of one release.

    report: what `endcap evaluate --json` prints.
    questions: a row a question and task: who was asked, when, and each metric's value.
    lists: the lists of the first task, by user; they are not saved.
    """

    report: dict[str, Any]
    questions: pa.Table
    lists: pa.Table

    @property
    def metrics(self) -> Any:
        return self.report["metrics"]

    @property
    def protocol(self) -> Any:
        return self.report["protocol"]

    def save(self, folder: Path) -> None:
        text = json.dumps(self.report, indent=1, ensure_ascii=False)
        (folder / "evaluation.json").write_text(text, encoding="utf-8")
        pq.write_table(self.questions, folder / "questions.parquet", compression="zstd")

    @classmethod
    def load(cls, folder: Path) -> Measured:
        """What `save` wrote. Raises ReleaseError."""
        try:
            report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
            return cls(report, pq.read_table(folder / "questions.parquet"), pa.table({}))
        except (OSError, ValueError) as error:
            raise ReleaseError(
                f"The figures in {folder} are damaged: {error}", mend="Fit or promote another"
            ) from error


def evaluate(
    recommender: Recommender,
    dataset: Dataset,
    part: Part,
    *,
    cutoffs: tuple[int, ...] | None = None,
    include_seen: bool = False,
    report: Report = silent,
) -> Measured:
    """Judge every task of the configuration on the questions of a part.

    The recommender must have been fitted on what was known before the part. Raises DataError
    where the part asks nothing.
    """
    settings = recommender.config.evaluate
    lengths = tuple(sorted({*(cutoffs or settings.cutoffs), 10}))
    systems = {
        SYSTEM: recommender,
        **{name: baseline(recommender, parts) for name, parts in settings.baselines.items()},
    }
    counts = np.bincount(dataset.before(part).item, minlength=len(dataset.catalogue))
    tasks, each, lists = {}, [], []
    for name, task in settings.tasks.items():
        asked = questions_of(dataset, part, task)
        judged = {
            title: judge(
                system,
                asked,
                task.placement,
                lengths,
                include_seen=include_seen,
                report=report,
                step=f"evaluate {name}: {title}",
            )
            for title, system in systems.items()
        }
        tasks[name] = _task(recommender.config, asked, judged, slices(asked, counts))
        if gives_probabilities(recommender, task.placement):
            own = judged[SYSTEM].ranking
            tasks[name]["reliability"] = reliability(own, own.hits(asked.truth))
        each.append(questions(dataset, name, asked, judged[SYSTEM].values))
        lists.append(_lists(judged[SYSTEM].ranking.top(max(lengths)), asked, dataset))
    found = _report(dataset, part, tasks, recommender)
    # A metric of all lists has a value for each question where a task asks only one.
    table = pa.concat_tables(each, promote_options="default")
    return Measured(found, table, lists[0])


def questions_of(dataset: Dataset, part: Part, task: Task) -> Asked:
    """What a task asks about a part. Raises DataError where that is nothing."""
    asked = dataset.asked(part, task.moment).scope(task.scope)
    if not len(asked):
        raise DataError(f"Nothing can be asked about the {part.name.lower()} part")
    return asked


def _task(
    config: Config,
    asked: Asked,
    judged: Mapping[str, Judged],
    masks: Mapping[str, Bools],
) -> dict[str, Any]:
    """One task's figures: the system, each baseline, their difference, and slices."""
    samples, seed = config.evaluate.samples, config.seed

    def summary(one: Judged) -> dict[str, Any]:
        return {name: found.as_dict() for name, found in one.summary(samples, seed).items()}

    def gap(other: Judged) -> dict[str, Any]:
        own = judged[SYSTEM].values[DECIDES]
        return paired(own, other.values[DECIDES], samples, seed).as_dict()

    def mean(one: Judged, mask: Bools) -> dict[str, Any]:
        return bootstrap(one.values[DECIDES][mask], samples, seed).as_dict()

    others = {name: other for name, other in judged.items() if name != SYSTEM}
    return {
        "queries": len(asked),
        "answers": len(asked.truth.values),
        "metrics": summary(judged[SYSTEM]),
        "baselines": {name: summary(other) for name, other in others.items()},
        "differences": {name: gap(other) for name, other in others.items()},
        "slices": {
            name: {
                "queries": int(mask.sum()),
                **{title: mean(one, mask) for title, one in judged.items()},
            }
            for name, mask in masks.items()
            if mask.any()
        },
    }


def _report(
    dataset: Dataset, part: Part, tasks: dict[str, Any], recommender: Recommender
) -> dict[str, Any]:
    """The first task's figures stand at the top, all tasks below."""
    first = next(iter(tasks.values()))
    return {
        "protocol": {
            "split": dataset.meaning.protocol,
            "judged_on": part.name.lower(),
            "learned_from": "before validation",
            "catalogue": len(dataset.catalogue),
            "ranking": "full",
        },
        "queries": first["queries"],
        "metrics": first["metrics"],
        "baselines": first["baselines"],
        "weights": {
            task.placement: _weights(recommender.placement(task.placement))
            for task in recommender.config.evaluate.tasks.values()
        },
        "ranker": None if recommender.ranker is None else next(iter(recommender.config.rankers)),
        "tasks": tasks,
    }


def _weights(place: Placement) -> dict[str, dict[str, float]]:
    return {"places": place.weights, "scores": place.score_weights}


def questions(dataset: Dataset, task: str, asked: Asked, metrics: Mapping[str, Floats]) -> pa.Table:
    """A row a question: who was asked, when, and the metrics that have a value for each."""
    each = {name: values for name, values in metrics.items() if len(values) == len(asked)}
    return pa.table(
        {
            "task": np.repeat(task, len(asked)),
            "user_id": [dataset.users[user] for user in asked.queries.users],
            "time": asked.queries.times,
            **each,
        }
    )


def _lists(ranking: Ranking, asked: Asked, dataset: Dataset) -> pa.Table:
    """Lists as a table (user_id, rank, item_id, score), rank from 1."""
    users = np.array(dataset.users, dtype=object)[asked.queries.users[ranking.query]]
    return pa.table(
        {
            "user_id": pa.array(users, pa.string()),
            "rank": ranking.places,
            "item_id": dataset.catalogue.table["item_id"].take(ranking.item),
            "score": ranking.score,
        }
    )
