"""What the visitor's own past says of an item, of its category, department and brand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from endcap import config
from endcap.stages import Feature
from endcap.tables.catalogue import Catalogue
from endcap.tables.scene import Scene
from endcap.types import DAY, Floats, Int32s, Int64s, Queries, Ranking, pair_keys

HALF_LIFE_DAYS = 30

Doubles: TypeAlias = NDArray[np.float64]


class Settings(config.Settings):
    """Nothing to set."""


class Pair(Feature[Settings]):
    """How often, how lately and how regularly they met; NaN means never."""

    settings_type = Settings

    def values(self, scene: Scene) -> Mapping[str, NDArray[np.floating]]:
        return dict(_columns(scene.queries, scene.ranking, scene.catalogue))


def _columns(
    queries: Queries, ranking: Ranking, catalogue: Catalogue
) -> Iterator[tuple[str, NDArray[np.floating]]]:
    own = _Ties(queries, ranking, np.arange(1, len(catalogue) + 1, dtype=np.int32))
    yield "item_times", np.log1p(own.count)
    yield "item_days_since", own.days_since
    yield "item_events_since", np.log1p(own.events_since)
    yield "item_due", own.due
    yield "item_weight", own.weight
    groups = {
        "category": catalogue.category,
        "department": catalogue.department,
        "brand": catalogue.brand,
    }
    for name, codes in groups.items():
        ties = _Ties(queries, ranking, codes)
        yield f"{name}_share", ties.count / np.maximum(ties.total, 1)
        yield f"{name}_days_since", ties.days_since
        yield f"{name}_weight", ties.weight
    yield "price_step", _price_step(queries, ranking, catalogue)


class _Ties:
    """How often and how lately each row's query met the row's item, or its category, …

    codes: [items] what ties items together; 0 ties nothing.
    """

    def __init__(self, queries: Queries, ranking: Ranking, codes: Int32s) -> None:
        history = queries.history
        keys, wanted = pair_keys(
            (history.rows, codes[history.items]), (ranking.query, codes[ranking.item])
        )
        order = np.argsort(keys, kind="stable")
        self._times = history.times[order]
        self._ages = history.ages[order]
        age = (queries.times[history.rows] - history.times)[order] / DAY
        self._weights = np.r_[0.0, np.cumsum(np.exp2(-age / HALF_LIFE_DAYS))]
        self._moment = queries.times[ranking.query]
        self._first = np.searchsorted(keys[order], wanted, side="left")
        after = np.searchsorted(keys[order], wanted, side="right")
        self._after = np.where(codes[ranking.item] > 0, after, self._first)
        self.count = (self._after - self._first).astype(np.float32)
        self.total = history.lengths[ranking.query].astype(np.float32)

    @property
    def weight(self) -> Doubles:
        """Tied events, each by how new it is: an old habit fades."""
        weight: Doubles = self._weights[self._after] - self._weights[self._first]
        return weight

    @property
    def days_since(self) -> Doubles:
        """Since the newest tied event."""
        return (self._moment - self._at(self._times, self._after - 1)) / DAY

    @property
    def events_since(self) -> Doubles:
        """Events of the visitor since the newest tied one."""
        return self._at(self._ages, self._after - 1)

    @property
    def due(self) -> Doubles:
        """Days since the last time, by the usual days between two times: 1 is just due."""
        first, last = self._at(self._times, self._first), self._at(self._times, self._after - 1)
        usual = (last - first) / np.maximum(self.count - 1, 1)
        since = self._moment - last
        known = (self.count > 1) & (usual > 0)
        return np.where(known, since / np.where(known, usual, 1), np.nan)

    def _at(self, values: Int64s, places: Int64s) -> Doubles:
        """Values at places, NaN where nothing is tied."""
        if not len(values):
            return np.full(len(places), np.nan)
        found = values[np.clip(places, 0, len(values) - 1)].astype(np.float64)
        return np.where(self.count > 0, found, np.nan)


def _price_step(queries: Queries, ranking: Ranking, catalogue: Catalogue) -> Floats:
    """log(price / mean price of the visitor's past), NaN where either is unknown."""
    price = catalogue.price[queries.history.items]
    known = np.isfinite(price) & (price > 0)
    rows = queries.history.rows[known]
    total = np.bincount(rows, np.log(price[known]), minlength=len(queries))
    count = np.bincount(rows, minlength=len(queries))
    usual = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    own = catalogue.price[ranking.item].astype(np.float64)
    step = np.log(np.where(own > 0, own, np.nan)) - usual[ranking.query]
    return step.astype(np.float32)
