"""How much memory a fit needs, known before it starts, and what to do where it is too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from endcap import config
from endcap.class_paths import resolve
from endcap.config import Config, Stage
from endcap.errors import TrainingError
from endcap.experiment.work import LESSONS
from endcap.features import ROWS, Features
from endcap.nn.fitting import Training
from endcap.stages import Retriever
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.schema import EVENT_TYPES
from endcap.types import Bools, Candidates, Kinds, Ranking

PROGRAM = 600 << 20
"""Bytes of Python, torch and the rest: what a fit of a small shop takes."""

CANDIDATE, PLACED = 64, 20
"""Bytes of a candidate that rankers learn from, twice while batches are put together, with its
features, and for each retriever, which places and scores it."""

WORKED = 400
"""Bytes of a candidate, beside that, while its features are worked out."""

EVENT = 130
"""Bytes of an event: its columns, those of the part that is learned from, and what is sorted."""

COPIES = 8
"""How often a network holds its table of items: weights, gradients, two moments of AdamW, their
mean, the best so far, and what is being written."""

SCORES = 2 * 256 * 4
"""Bytes of an item while lists are made: two blocks of scores for 256 questions."""

LOGGED, COUNTED, SORTED = 13, 16, 33
"""Bytes of an event in the log that features count in: itself, in each kind of count, and while
one of them is sorted."""

FEW = 20
"""Visitors and items that features are tried on."""


def needed(config: Config, dataset: Dataset) -> int:
    """Bytes of a budget that a fit can keep. It errs on the large side."""
    stages = config.retrievers.items()
    width = max([64, *(_width(stage, f"retrievers.{name}") for name, stage in stages)])
    item = COPIES * 4 * width + SCORES
    own = PROGRAM + EVENT * len(dataset) + item * len(dataset.catalogue)
    if not config.rankers:
        return own
    return own + taught(config, dataset) + logged(config.features, dataset)


def _width(stage: Stage, key: str) -> int:
    """Numbers that a retriever learns of each item; 0 where it only counts."""
    _, settings = resolve(Retriever, stage, key)
    tables = 2 if isinstance(settings, Training) else 1  # of a past, and of answers
    return tables * max(getattr(settings, name, 0) for name in ("dim", "factors"))


def taught(config: Config, dataset: Dataset) -> int:
    """Bytes of the candidates that rankers learn from, if no two retrievers propose the same."""
    retrievers = len(config.retrievers)
    each = min(len(dataset.catalogue), retrievers * config.join.depth)
    questions = min(LESSONS, int(np.count_nonzero(dataset.part == Part.RANKER)))
    rows = questions * each
    return rows * (CANDIDATE + PLACED * retrievers) + min(rows, ROWS) * WORKED


def logged(stages: Mapping[str, config.Feature], dataset: Dataset) -> int:
    """Bytes of what features count in: a log of all visitors, and in it an index of each kind of
    count."""
    if not (counts := _counts(stages, dataset)):
        return 0
    total = largest = 0
    for mask in _logs(dataset):
        events = np.bincount(dataset.kind[mask], minlength=len(EVENT_TYPES))
        indexed = sum(events[list(kinds)].sum() if kinds else events.sum() for kinds in counts)
        total += int(LOGGED * events.sum() + COUNTED * indexed)
        largest = max(largest, int(events.sum()))
    return total + SORTED * largest


def _counts(stages: Mapping[str, config.Feature], dataset: Dataset) -> list[Kinds]:
    """The event types of each kind of count that features ask for, seen by trying them on a few
    candidates: an index is made when it is asked for."""
    users = np.arange(min(FEW, len(dataset.users)), dtype=np.int32)
    items = np.arange(min(FEW, len(dataset.catalogue)), dtype=np.int32)
    query = np.repeat(np.arange(len(users), dtype=np.int32), len(items))
    tried = dataset.stretch(dataset.end)
    queries = replace(dataset.now(users), log=lambda: (tried,))
    ranking = Ranking(query, np.tile(items, len(users)), np.zeros(len(query), np.float32))
    Features.fit(stages, queries, Candidates.of({"tried": ranking}), dataset.catalogue)
    return [kinds for _of, kinds in tried.indexed]


def _logs(dataset: Dataset) -> list[Bools]:
    """The events in each of the logs: one, or where last events are held out one for each part
    that is asked about."""
    if dataset.meaning.protocol == "time":
        return [dataset.time >= dataset.logged_since]
    parts = [part for part in (Part.RANKER, Part.VALIDATION, Part.TEST) if dataset.has(part)]
    return [dataset.part < part for part in parts]


def check_memory(config: Config, dataset: Dataset) -> None:
    """Raises TrainingError where the budget is too small for the fit."""
    given = config.resources.bytes
    if given and given < (least := needed(config, dataset)):
        raise TrainingError(
            f"[resources] memory = {config.resources.memory!r} is too little for this fit, which "
            f"takes about {least / 1e9:.1f} GB",
            mend="Raise it, lower `dim` of the networks or `join.depth`, leave out items that "
            "nobody sees, or declare fewer features that count what all visitors did",
        )
