"""What a visitor is like at a moment, from nothing but their own history and the moment.

The ranker's training, `prepare` and the live service all come here, so that a visitor looks
the same to each of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import EVENT_TYPES
from endcap.types import DAY, MINUTE, Floats, Int32s, Int64s, Queries, firsts

PAUSE = 30 * MINUTE
"""A session goes on until a pause longer than this."""

TAKEN = np.isin(EVENT_TYPES, ("add_to_cart", "begin_checkout", "purchase", "rate"))
"""[event types] whether one takes an item."""

Raw = NDArray[np.float64]


def visitor_features(queries: Queries, catalogue: Catalogue) -> tuple[tuple[str, ...], Floats]:
    """Names, and [Q, F] raw values, NaN where one has no meaning."""
    rows = queries.history.rows
    columns = _of_events(queries, rows)
    columns |= _of_items(queries, rows, catalogue)
    columns |= _of_moment(queries.times)
    return tuple(columns), np.stack([*columns.values()], axis=1).astype(np.float32)


def _of_events(queries: Queries, rows: Int32s) -> dict[str, Raw]:
    """How much, how lately and how regularly. rows: [events] whose each is."""
    history, n = queries.history, len(queries)
    age = queries.times[rows] - history.times
    lengths = history.lengths.astype(np.float64)
    last, first = _ends(queries)
    days = _changes(_keys(rows, history.times // DAY), n)  # as time goes on
    return {
        "events": np.log1p(lengths),
        "events_7d": np.log1p(_count(rows[age <= 7 * DAY], n)),
        "events_28d": np.log1p(_count(rows[age <= 28 * DAY], n)),
        "session": np.log1p(visit(queries)),
        "taken_share": _share(_count(rows[TAKEN[history.kinds]], n), lengths),
        "days_since_last": np.log1p(last / DAY),
        "days_known": np.log1p(first / DAY),
        "days_active": np.log1p(days),
        "per_day": _share(lengths, days),
    }


def _of_items(queries: Queries, rows: Int32s, catalogue: Catalogue) -> dict[str, Raw]:
    """What it was: variety and price."""
    history, n = queries.history, len(queries)
    lengths = history.lengths.astype(np.float64)
    items = _distinct(rows, history.items, n)
    category = catalogue.category[history.items]
    known = category > 0
    priced = catalogue.feature("has_price")[history.items] > 0
    price, whose = catalogue.feature("price")[history.items][priced], rows[priced]
    return {
        "items": np.log1p(items),
        "repeats": _share(lengths - items, lengths),
        "categories": np.log1p(_distinct(rows[known], category[known], n)),
        "price": _share(np.bincount(whose, price, n), _count(whose, n)),
    }


def _of_moment(times: Int64s) -> dict[str, Raw]:
    """Hour and weekday as points on a circle, so that midnight is near to one o'clock."""
    angles = 2 * np.pi * np.stack([times % DAY, times // DAY % 7]) / [[DAY], [7]]
    sines, cosines = (np.sin(angles) + 1) / 2, (np.cos(angles) + 1) / 2
    return {
        "hour_sin": sines[0],
        "weekday_sin": sines[1],
        "hour_cos": cosines[0],
        "weekday_cos": cosines[1],
    }


def _count(rows: Int32s, n: int) -> Raw:
    """[n] how many of the rows are each."""
    counts: Raw = np.bincount(rows, minlength=n).astype(np.float64)
    return counts


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Raw:
    """NaN where there is no whole."""
    share = np.full(len(whole), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def _distinct(rows: NDArray[Any], values: NDArray[Any], n: int) -> Raw:
    """[n] how many different values each row has. One sort of whole numbers takes a third of the
    time of sorting by both."""
    return _changes(np.sort(_keys(rows, values)), n)


def _keys(rows: NDArray[Any], values: NDArray[Any]) -> Int64s:
    """The row above the value's 32 bits."""
    keys: Int64s = (rows.astype(np.int64) << 32) | (values.astype(np.int64) & 0xFFFFFFFF)
    return keys


def _changes(keys: Int64s, n: int) -> Raw:
    """[n] how many different ones each row has; they are sorted."""
    counts: Raw = np.bincount(keys[firsts(keys)] >> 32, minlength=n).astype(np.float64)
    return counts


def _ends(queries: Queries) -> tuple[Raw, Raw]:
    """Microseconds since the newest and since the oldest event, NaN without any."""
    history = queries.history
    known = history.lengths > 0
    last, first = np.full((2, len(queries)), np.nan)
    last[known] = queries.times[known] - history.times[history.offsets[1:][known] - 1]
    first[known] = queries.times[known] - history.times[history.offsets[:-1][known]]
    return last, first


def visit(queries: Queries, pause: int = PAUSE) -> Raw:
    """[Q] how many events the visit has that goes on at the moment of the query.

    pause: microseconds that end one.
    """
    history = queries.history
    next_ = np.empty_like(history.times)
    next_[:-1] = history.times[1:]
    known = history.lengths > 0
    next_[history.offsets[1:][known] - 1] = queries.times[known]
    paused = next_ - history.times > pause
    last_pause = np.full(len(queries), -1)
    last_pause[history.rows[paused]] = np.flatnonzero(paused)
    begun = np.maximum(history.offsets[:-1], last_pause + 1)
    lengths: Raw = (history.offsets[1:] - begun).astype(np.float64)
    return lengths
