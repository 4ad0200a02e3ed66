"""What the visitor's own past says of an item, of its category, department and brand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from endcap.config import Settings
from endcap.stages import Feature
from endcap.tables.catalogue import Catalogue
from endcap.tables.scene import Doubles, Scene
from endcap.types import DAY, Floats, Int32s, Int64s, Queries, Ranking, firsts, pair_keys

HALF_LIFE_DAYS = 30


class Pair(Feature[Settings]):
    """How often, how lately and how regularly they met; NaN means never."""

    def values(self, scene: Scene) -> Mapping[str, NDArray[np.floating]]:
        return dict(_columns(scene.queries, scene.ranking, scene.catalogue))


def _columns(
    queries: Queries, ranking: Ranking, catalogue: Catalogue
) -> Iterator[tuple[str, NDArray[np.floating]]]:
    past, faded = queries.history.items, _faded(queries)
    own = _Ties.of(queries, ranking, past + 1, ranking.item + 1, faded)
    yield "item_times", own.each(np.log1p(own.count), 0)
    yield "item_days_since", own.each(own.days_since, np.nan)
    yield "item_events_since", own.each(np.log1p(own.events_since), np.nan)
    yield "item_due", own.each(own.due, np.nan)
    yield "item_weight", own.each(own.weight, 0)
    groups = {
        "category": catalogue.category,
        "department": catalogue.department,
        "brand": catalogue.brand,
    }
    for name, codes in groups.items():
        ties = _Ties.of(queries, ranking, codes[past], codes[ranking.item], faded)
        yield f"{name}_share", ties.each(ties.count / ties.total, 0)
        yield f"{name}_days_since", ties.each(ties.days_since, np.nan)
        yield f"{name}_weight", ties.each(ties.weight, 0)
    yield "price_step", _price_step(queries, ranking, catalogue)


def _faded(queries: Queries) -> Doubles:
    """[events] how much each counts at its query's moment: an old habit fades."""
    age = (queries.times[queries.history.rows] - queries.history.times) / DAY
    return np.exp2(-age / HALF_LIFE_DAYS)


@dataclass(frozen=True)
class _Ties:
    """Events of a query's past that an item, a category, … ties together. Few of the candidates
    are tied to any, and many to the same; so what is known of ties is worked out once for each.

    place: [rows] the tie of each candidate, the number of ties where it has none.
    count, total: [ties] events that are tied, and all of the query.
    moment: [ties] of the query. first, last: [ties] times of the oldest and the newest tied event.
    events_since: [ties] events of the visitor since the newest.
    weight: [ties] the events, each by how new it is.
    """

    place: Int64s
    count: Floats
    total: Floats
    moment: Int64s
    first: Int64s
    last: Int64s
    events_since: Int64s
    weight: Doubles

    @classmethod
    def of(
        cls, queries: Queries, ranking: Ranking, tied: Int32s, asked: Int32s, faded: Doubles
    ) -> Self:
        """tied: [events], asked: [rows] by which code each is tied to others; 0 ties nothing.
        faded: [events] how much each counts."""
        history = queries.history
        rows = history.rows
        keys, wanted = pair_keys((rows, tied), (ranking.query, asked))
        order = np.argsort(keys, kind="stable")
        rising = keys[order]
        begin = np.flatnonzero(firsts(rising))
        found, end = rising[begin], np.r_[begin, len(rising)][1:]
        weights = np.r_[0.0, np.cumsum(faded[order])]
        place = np.searchsorted(found, wanted)
        met = (np.r_[found, -1][place] == wanted) & (asked > 0)
        query, times = rows[order][begin], history.times[order]
        return cls(
            np.where(met, place, len(found)),
            (end - begin).astype(np.float32),
            history.lengths[query].astype(np.float32),
            queries.times[query],
            times[begin],
            times[end - 1],
            history.ages[order][end - 1],
            weights[end] - weights[begin],
        )

    def each(self, values: NDArray[np.floating], none: float) -> NDArray[np.floating]:
        """[rows] the value of each candidate's tie. none: of one that is not tied."""
        return np.append(values, none)[self.place]

    @property
    def days_since(self) -> Doubles:
        """Since the newest tied event."""
        return (self.moment - self.last) / DAY

    @property
    def due(self) -> Doubles:
        """Days since the last time, by the usual days between two times: 1 is just due."""
        usual = (self.last - self.first) / np.maximum(self.count - 1, 1)
        known = (self.count > 1) & (usual > 0)
        return np.where(known, (self.moment - self.last) / np.where(known, usual, 1), np.nan)


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
