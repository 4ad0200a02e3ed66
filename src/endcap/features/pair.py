"""What the visitor's own past says of an item, of its category, department and brand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    groups = {
        "category": catalogue.category,
        "department": catalogue.department,
        "brand": catalogue.brand,
    }
    ties = _Ties.of(queries, ranking, [None, *groups.values()])
    share, days_since = ties.count / ties.total, ties.days_since
    yield "item_times", ties.each(0, np.log1p(ties.count), 0)
    yield "item_days_since", ties.each(0, days_since, np.nan)
    yield "item_events_since", ties.each(0, np.log1p(ties.events_since), np.nan)
    yield "item_due", ties.each(0, ties.due, np.nan)
    yield "item_weight", ties.each(0, ties.weight, 0)
    for kind, name in enumerate(groups, start=1):
        yield f"{name}_share", ties.each(kind, share, 0)
        yield f"{name}_days_since", ties.each(kind, days_since, np.nan)
        yield f"{name}_weight", ties.each(kind, ties.weight, 0)
    yield "price_step", _price_step(queries, ranking, catalogue)


def _faded(queries: Queries) -> Doubles:
    """[events] how much each counts at its query's moment: an old habit fades."""
    age = (queries.times[queries.history.rows] - queries.history.times) / DAY
    return np.exp2(-age / HALF_LIFE_DAYS)


@dataclass(frozen=True)
class _Ties:
    """Events of a query's past that an item, a category, … ties together. Few of the candidates
    are tied to any, and many to the same; so what is known of ties is worked out once for each,
    and for ties of all kinds at once.

    place: [kinds, rows] the tie of each candidate, the number of ties where it has none.
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
    def of(cls, queries: Queries, ranking: Ranking, codes: Sequence[Int32s | None]) -> Self:
        """codes: of each kind, [items] by which code it ties an item to others; 0 ties nothing,
        None ties each item to itself."""
        history, count, rows = queries.history, len(queries), queries.history.rows
        # As many visitors for each kind, who have all that the visitors have.
        more = count * np.arange(len(codes), dtype=np.int64)[:, None]
        asked = _codes(codes, ranking.item)
        keys, wanted = pair_keys(
            ((rows + more).ravel(), _codes(codes, history.items)),
            ((ranking.query + more).ravel(), asked),
        )
        order = np.argsort(keys, kind="stable")
        rising = keys[order]
        begin = np.flatnonzero(firsts(rising))
        found, end = rising[begin], np.append(begin, len(rising))[1:]
        event = order % max(1, len(history.items))
        weights = np.append(0.0, np.cumsum(_faded(queries)[event]))
        place = np.searchsorted(found, wanted)
        met = (np.append(found, -1)[place] == wanted) & (asked > 0)
        oldest, newest = event[begin], event[end - 1]
        query = rows[oldest]
        return cls(
            np.where(met, place, len(found)).reshape(len(codes), -1),
            (end - begin).astype(np.float32),
            history.lengths[query].astype(np.float32),
            queries.times[query],
            history.times[oldest],
            history.times[newest],
            history.ages[newest],
            weights[end] - weights[begin],
        )

    def each(self, kind: int, values: NDArray[np.floating], none: float) -> NDArray[np.floating]:
        """[rows] the value of each candidate's tie of a kind. none: of one that is not tied."""
        own: NDArray[np.floating] = np.append(values, none)[self.place[kind]]
        return own

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


def _codes(codes: Sequence[Int32s | None], items: Int32s) -> Int32s:
    """[kinds · items] by which code each kind ties each item to others."""
    return np.concatenate([items + 1 if of is None else of[items] for of in codes])


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
