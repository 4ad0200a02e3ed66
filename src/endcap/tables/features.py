"""What is known of each item before a moment, as numbers from 0 to 1.

A feature is one entry of `FEATURES`: a name and an expression over the columns of `ITEMS`
and the counts that `FACTS` and `TAKERS` take of the past events. An expression without a
value (the item was not seen, it has no price) becomes 0. Sums are over whole numbers only, so
that the same past gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.tables.schema import kind
from endcap.types import DAY

VIEWS = (kind("click"), kind("view"))

DOUBT = 5
"""Shares count as if so many visitors more had looked and had not taken: 1 of 1 is not 100 %."""

FACTS = {
    "events": _.count(),
    "events_28": (_.age < 28).sum(),
    "events_7": (_.age < 7).sum(),
    "targets": _.target.sum(),
    "targets_28": (_.target & (_.age < 28)).sum(),
    "views": _.kind.isin(VIEWS).sum(),
    "first_age": _.age.max(),
    "last_age": _.age.min(),
    "paid": _.price.median(),
    "ratings": _.value.count(where=_.kind == kind("rate")),
    "rating_cents": (_.value * 100).round().cast("int64").sum(where=_.kind == kind("rate")),
}
"""Of the past events of an item. `age`: days before the newest of all; `target`: is an aim."""

TAKERS = {
    "visitors": _.count(),
    "takers": (_.taken > 0).sum(),
    "retakers": (_.taken > 1).sum(),
}
"""Of the past visitors of an item. `taken`: how often this visitor took it."""


def _log(count: ibis.Deferred) -> ibis.Deferred:
    return (count + 1).log()


def _of_category(total: ibis.Deferred) -> ibis.Deferred:
    return ibis.ifelse(_.category > 0, _log(total.over(ibis.window(group_by="category"))), None)


def _place_in_category(value: ibis.Deferred) -> ibis.Deferred:
    """From 0 for the least of the category to 1 for the most; null where there is no value."""
    peers = ibis.window(group_by=["category", value.isnull()], order_by=value)
    return ibis.ifelse(value.isnull(), None, ibis.percent_rank().over(peers))


FEATURES = {
    "seen": _.events.notnull(),
    "events": _log(_.events),
    "events_28d": _log(_.events_28),
    "events_7d": _log(_.events_7),
    "targets": _log(_.targets),
    "targets_28d": _log(_.targets_28),
    "visitors": _log(_.visitors),
    "trend": ((_.events_7 / 7 + 1 / 28) / (_.events_28 / 28 + 1 / 28)).log(),
    "repeat_share": _.retakers / (_.takers + DOUBT),
    "per_visitor": _.events / (_.visitors + DOUBT),
    "conversion": ibis.ifelse(_.views > 0, _.targets / (_.views + DOUBT), None),
    "rating": _.rating_cents / _.ratings.nullif(0),
    "ratings": _log(_.ratings),
    "age": _log(ibis.greatest(_.first_age, _.listed_age)),
    "recency": 1 / (1 + _.last_age),
    "price": _log(_.cost),
    "price_place": _place_in_category(_.cost),
    "has_price": _.cost.notnull(),
    "discount": 1 - _.sale_price / _.price.nullif(0),
    "category_place": _place_in_category(_.events_28),
    "category_events": _of_category(_.events_28.sum()),
    "category_size": _of_category(_.count()),
}


def item_features(past: Table, items: Table, targets: Iterable[int]) -> Table:
    """The raw values: one row an item, in the order of codes; one column a feature.

    past: the events that are known; what is old and new counts from the newest of them.
    items: with `row`, their code. targets: kinds.
    """
    known = _known(past, items, list(targets))
    return known.select("row", **FEATURES).order_by("row").drop("row")


def normalised(raw: Table) -> Table:
    """Each column from its 0.1th to its 99.9th percentile onto 0 to 1, what is beyond clipped.

    Wide enough that even the most popular items of a large catalogue differ, and yet one
    mistyped price does not squeeze all others together.

    A column that hardly varies spans from its least to its greatest value; a constant one is 0,
    and so is what is missing. A yes or no is 1 or 0. float32, sorted by `row`, which is left out.
    """
    names = [name for name in raw.columns if name != "row"]
    bounds = raw.agg(**{name: _bounds(raw[name]) for name in names}).to_pyarrow().to_pylist()[0]
    ordered = raw.order_by("row")
    return ordered.select(**{name: _scaled(ordered[name], bounds[name]) for name in names})


def _bounds(column: ibis.Value) -> ibis.Value:
    values = column.cast("float64")
    least, low, high, most = (values.quantile(share) for share in (0, 0.001, 0.999, 1))
    narrow = ibis.struct({"low": least, "high": most})
    return ibis.ifelse(high > low, ibis.struct({"low": low, "high": high}), narrow)


def _scaled(column: ibis.Value, bounds: dict[str, float | None]) -> ibis.Value:
    if column.type().is_boolean():
        return column.cast("float32")
    low, high = bounds["low"] or 0.0, bounds["high"] or 0.0
    share = (column - low) / (high - low) if high > low else ibis.literal(0.0)
    return share.clip(0, 1).fill_null(0).cast("float32")


def _known(past: Table, items: Table, targets: list[int]) -> Table:
    """The items with all facts of the past, null where an item was not seen."""
    newest = past.time.max().to_pyarrow().as_py() or 0
    aged = past.mutate(age=(newest - _.time) / DAY, target=_.kind.isin(targets))
    facts = aged.group_by("item").agg(**FACTS)
    takers = aged.group_by("item", "user").agg(taken=_.target.sum()).group_by("item").agg(**TAKERS)
    known = items.left_join(facts, items.row == facts.item).drop("item")
    known = known.left_join(takers, known.row == takers.item).drop("item")
    listed = (newest - _.created_at) / DAY
    cost = ibis.coalesce(_.sale_price, _.price, _.paid)
    return known.mutate(
        cost=ibis.ifelse(cost >= 0, cost, None),
        listed_age=ibis.ifelse(listed >= 0, listed, None),
    )
