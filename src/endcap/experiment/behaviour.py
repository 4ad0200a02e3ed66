"""How much an event of each type says, learned from what visitors took after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.config import Config
from endcap.experiment.intervals import Interval, ratios
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.schema import EVENT_TYPES
from endcap.types import DAY, Bools, pair_keys

HORIZON = 14 * DAY
"""How long after an event its visitor has for taking the item."""

GROUPS = 2_000
"""Groups of visitors that the bootstrap draws from: they bound its work in a large log."""

KINDS = len(EVENT_TYPES)


@dataclass(frozen=True)
class Conversion:
    """After how many of a type's events the visitor took the item, and the share of them."""

    events: int
    taken: int
    share: float
    low: float
    high: float


def weigh(config: Config, dataset: Dataset) -> tuple[Config, Dataset, dict[str, Any]]:
    """Both with a weight for each event type of the log, and the figures behind the weights.

    A type to predict weighs 1, another the share of its events after which the visitor took the
    item: an event counts as the targets that it stands for. Learned from what was known before
    the ranker's part; a type that had no event then weighs 1. Weights that the configuration
    gives stay as they are.
    """
    found = conversions(dataset.before(Part.RANKER), config.evaluate.samples, config.seed)
    learned = {name: one.share for name, one in found.items() if one.events}
    weights = {**learned, **config.events.weights}
    by_kind = np.array([weights.get(name, 1.0) for name in EVENT_TYPES], np.float32)
    events = config.events.model_copy(update={"weights": weights})
    figures = {name: _figures(found[name], weights[name]) for name in learned}
    resolved = config.model_copy(update={"events": events})
    return resolved, replace(dataset, kind_weights=by_kind), figures


def conversions(past: Dataset, samples: int, seed: int) -> dict[str, Conversion]:
    """What became of the events of each type, with 95 % intervals over the visitors.

    Events count that are at least the horizon older than the end, so that all had the same time.
    """
    horizon = min(HORIZON, (past.end - int(past.time.min(initial=past.end))) // 2)
    old = past.time < past.end - horizon
    events, taken = _by_group(past, old), _by_group(past, old & _taken(past, horizon))
    target = np.isin(np.arange(KINDS), past.meaning.targets)
    ends = [np.where(target, 1.0, end) for end in ratios(taken, events, samples, seed)]
    counts = [table.sum(0).astype(int) for table in (events, taken)]
    columns = (column.tolist() for column in (*counts, *ends))
    return {name: Conversion(*row) for name, *row in zip(EVENT_TYPES, *columns, strict=True)}


def _by_group(past: Dataset, mask: Bools) -> NDArray[np.float64]:
    """[groups, kinds] how many events of the mask each group of visitors has."""
    groups = min(GROUPS, len(past.users))
    cell = past.user[mask] % groups * KINDS + past.kind[mask]
    return np.bincount(cell, minlength=groups * KINDS).reshape(groups, KINDS).astype(np.float64)


def _taken(past: Dataset, horizon: int) -> Bools:
    """[events] whether the visitor took the item with this event or within the horizon after."""
    (keys,) = pair_keys((past.user, past.item))
    order = np.argsort(keys, kind="stable")
    target = np.isin(past.kind[order], past.meaning.targets)
    places = np.r_[np.flatnonzero(target), len(order) - 1]
    next_ = places[np.searchsorted(places[:-1], np.arange(len(order)))]
    keys, time = keys[order], past.time[order]
    taken = np.empty(len(order), np.bool_)
    taken[order] = target[next_] & (keys[next_] == keys) & (time[next_] - time <= horizon)
    return taken


def _figures(found: Conversion, weight: float) -> dict[str, Any]:
    learned = Interval(found.share, found.low, found.high).as_dict()
    return {"weight": weight, "learned": learned, "events": found.events, "taken": found.taken}
