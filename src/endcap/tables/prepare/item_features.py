"""What is known of each item before a moment, as numbers from 0 to 1.

A feature is one entry of `FEATURES`: a name and an expression over the columns of `ITEMS` and what
`facts` knows of the past events. An expression without a value (the item was not seen, it has no
price) becomes 0. Sums are over whole numbers only, so that the same past gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.tables.rows import one_of
from endcap.tables.schema import kind
from endcap.types import DAY

VIEWS = (kind("click"), kind("view"))

DOUBT = 5
"""Shares count as if so many visitors more had looked and had not taken: 1 of 1 is not 100 %."""

FACTS = {
    "events": _.age.count(),
    "events_28": (_.age < 28).sum(),
    "events_7": (_.age < 7).sum(),
    "targets": (_.target & _.known).sum(),
    "targets_28": (_.target & (_.age < 28)).sum(),
    "views": (_.kind.isin(VIEWS) & _.known).sum(),
    "first_age": _.age.max(),
    "last_age": _.age.min(),
    "ratings": _.value.count(where=(_.kind == kind("rate")) & _.known),
    "rating_cents": (_.value * 100)
    .round()
    .cast("int64")
    .sum(where=(_.kind == kind("rate")) & _.known),
}
"""Of the past events of an item. `known`: is past; `age`: days before the newest of the past, null
for what came later; `target`: is an aim."""

TAKERS = {
    "visitors": (_.met > 0).sum(),
    "takers": (_.taken > 0).sum(),
    "retakers": (_.taken > 1).sum(),
}
"""Of the visitors of an item. `met`, `taken`: how often this visitor met and took it before."""


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


def newest_before(events: Table, parts: Iterable[int]) -> dict[int, int]:
    """For each part, the moment of the newest event before it, 0 without any: what is old and
    new counts from there."""
    times = {f"{part}": events.time.max(where=events.part < part) for part in parts}
    return {int(part): time or 0 for part, time in one_of(events.agg(**times)).items()}


def facts(events: Table, newest: Mapping[int, int], targets: Iterable[int]) -> Table:
    """A row for each item that was seen, with `FACTS`, `TAKERS` and `paid`, its usual price, as
    known before each part: ``events_1`` before part 1. One pass over the log counts for all parts.

    newest: see `newest_before`. targets: kinds.
    """
    aged = events.mutate(
        target=_.kind.isin(list(targets)),
        **{f"known_{part}": _.part < part for part in newest},
        **{
            f"age_{part}": ibis.ifelse(_.part < part, (time - _.time) / DAY, None)
            for part, time in newest.items()
        },
    )
    met = {
        "met": _.age.count(),
        "taken": (_.target & _.known).sum(),
    }
    pairs = aged.group_by("item", "user").agg(**_of_all(met, aged, newest))
    takers = pairs.group_by("item").agg(**_of_all(TAKERS, pairs, newest))
    found = aged.group_by("item").agg(**_of_all(FACTS, aged, newest))
    paid = _paid(aged, newest)
    return found.join(takers, "item").left_join(paid, "item").drop("item_right")


def _paid(aged: Table, parts: Iterable[int]) -> Table:
    """The price of each item that stands in the middle of all that were paid before each part.

    It is found by how often each price was paid: an engine keeps in memory all that it takes the
    median of, and a log may have more prices than fit.
    """
    times = {part: aged[f"known_{part}"].sum() for part in parts}
    each = aged.filter(_.price.notnull()).group_by("item", price=_.price.cast("float64"))
    each = each.agg(**{f"times_{part}": count for part, count in times.items()})
    up = ibis.window(group_by="item", order_by="price", preceding=None, following=0)
    ranked = each.mutate(
        **{f"to_{part}": each[f"times_{part}"].sum().over(up) for part in times},
        **{
            f"of_{part}": each[f"times_{part}"].sum().over(ibis.window(group_by="item"))
            for part in times
        },
    )
    return ranked.group_by("item").agg(**{f"paid_{part}": _middle(ranked, part) for part in times})


def _middle(ranked: Table, part: int) -> ibis.Value:
    """Between the two in the middle where their number is even."""
    times, to, of = (ranked[f"{name}_{part}"] for name in ("times", "to", "of"))
    lower, upper = (
        ranked.price.max(where=(to - times <= place) & (place < to))
        for place in ((of - 1) // 2, of // 2)
    )
    return (lower + upper) / 2


def item_features(known: Table, items: Table, part: int, newest: int) -> Table:
    """The raw values before a part: one row an item, in the order of codes; one column a feature.

    known: of `facts`. items: with `row`, their code. newest: before the part.
    """
    names = (*FACTS, *TAKERS, "paid")
    seen = known.select("item", **{name: known[f"{name}_{part}"] for name in names})
    joined = _known(seen.filter(_.events > 0), items, newest)
    return joined.select("row", **FEATURES).order_by("row").drop("row")


class _View:
    """The columns of a table, as they are before a part."""

    def __init__(self, rows: Table, part: int) -> None:
        self._rows, self._part = rows, part

    def __getattr__(self, name: str) -> ibis.Value:
        own = f"{name}_{self._part}"
        return self._rows[own if own in self._rows.columns else name]


def _of_all(
    what: Mapping[str, ibis.Deferred], rows: Table, parts: Iterable[int]
) -> dict[str, ibis.Value]:
    """The same expressions for each part."""
    views = {part: _View(rows, part) for part in parts}
    return {
        f"{name}_{part}": one.resolve(view)
        for part, view in views.items()
        for name, one in what.items()
    }


def normalised(raw: Table) -> Table:
    """Each column from its 0.1th to its 99.9th percentile onto 0 to 1, what is beyond clipped.

    Wide enough that even the most popular items of a large catalogue differ, and yet one
    mistyped price does not squeeze all others together.

    A column that hardly varies spans from its least to its greatest value; a constant one is 0,
    and so is what is missing. A yes or no is 1 or 0. float32, sorted by `row`, which is left out.
    """
    names = [name for name in raw.columns if name != "row"]
    bounds = one_of(raw.agg(**{name: _bounds(raw[name]) for name in names}))
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


def _known(facts: Table, items: Table, newest: int) -> Table:
    """The items with all facts of the past, null where an item was not seen."""
    known = items.left_join(facts, items.row == facts.item).drop("item")
    listed = (newest - _.created_at) / DAY
    cost = ibis.coalesce(_.sale_price, _.price, _.paid)
    return known.mutate(
        cost=ibis.ifelse(cost >= 0, cost, None),
        listed_age=ibis.ifelse(listed >= 0, listed, None),
    )
