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

WINDOWS = (28, 7)
"""Days before the newest event of the past, of which some facts are."""


def _sum(count: ibis.Deferred, mask: ibis.Deferred) -> ibis.Deferred:
    """Of the slices that the mask names; 0 where it names none."""
    return ibis.ifelse(mask, count, 0).sum()


FACTS = {
    "events": _sum(_.rows, _.known),
    "events_28": _sum(_.rows, _.age < 28),
    "events_7": _sum(_.rows, _.age < 7),
    "targets": _sum(_.targets, _.known),
    "targets_28": _sum(_.targets, _.age < 28),
    "views": _sum(_.views, _.known),
    "first_age": _.first_age.max(),
    "last_age": _.age.min(),
    "ratings": _sum(_.ratings, _.known),
    "rating_cents": _sum(_.rating_cents, _.known),
}
"""Of the slices of an item, see `_slices`."""

TAKERS = {
    "takers": (_.taken > 0).sum(),
    "retakers": (_.taken > 1).sum(),
}
"""Of the visitors who took an item. `taken`: how often this visitor took it before."""


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


def facts(events: Table, met: Table, newest: Mapping[int, int], targets: Iterable[int]) -> Table:
    """A row for each item that was seen, with `FACTS`, `visitors`, `TAKERS` and `paid`, its usual
    price, as known before each part: ``events_1`` before part 1. Each look at the log counts for
    all parts.

    met: see `endcap.tables.prepare.met`. newest: see `newest_before`. targets: kinds.
    """
    aims = events.mutate(target=_.kind.isin(list(targets)))
    slices = _slices(aims, newest)
    found = slices.group_by("item").agg(**_of_all(FACTS, slices, newest))
    joined = found.join(met, "item").left_join(_takers(aims, newest), "item").drop("item_right")
    return joined.left_join(_paid(events, newest), "item").drop("item_right")


def _slices(aims: Table, newest: Mapping[int, int]) -> Table:
    """The events of each item in slices of time, none of which is partly within one of `WINDOWS`:
    few rows, of which all that is to be known before each part can be summed up.

    Beside counts, before each part: `known`, whether it is past; `age` and `first_age`, the days
    from the newest and from the oldest of the slice to the newest of the past, null where it is
    not.
    """
    begins = sorted({time - days * DAY for time in newest.values() for days in WINDOWS})
    rate = aims.kind == kind("rate")
    within = sum((aims.time > moment).cast("int8") for moment in begins)
    counts = {
        "rows": _.count(),
        "targets": _.target.sum(),
        "views": _.kind.isin(VIEWS).sum(),
        "ratings": aims.value.count(where=rate),
        "rating_cents": (aims.value * 100).round().cast("int64").sum(where=rate),
        "oldest": _.time.min(),
        "newest": _.time.max(),
    }
    each = aims.group_by("item", "part", slice=within).agg(**counts)

    def days(time: ibis.Value, part: int) -> ibis.Value:
        return ibis.ifelse(each.part < part, (newest[part] - time) / DAY, None)

    known = {f"known_{part}": each.part < part for part in newest}
    ages = {f"age_{part}": days(each.newest, part) for part in newest}
    return each.mutate(
        **known, **ages, **{f"first_age_{part}": days(each.oldest, part) for part in newest}
    )


def _takers(aims: Table, parts: Iterable[int]) -> Table:
    taken = aims.filter(_.target).group_by("item", "user")
    pairs = taken.agg(**{f"taken_{part}": (aims.part < part).sum() for part in parts})
    return pairs.group_by("item").agg(**_of_all(TAKERS, pairs, parts))


def _paid(events: Table, parts: Iterable[int]) -> Table:
    """The price of each item that stands in the middle of all that were paid before each part.

    It is found by how often each price was paid: an engine keeps in memory all that it takes the
    median of, and a log may have more prices than fit.
    """
    paid = events.filter(_.price.notnull()).group_by("item", "price", "part").agg(times=_.count())
    times = {part: ibis.ifelse(paid.part < part, paid.times, 0).sum() for part in parts}
    each = paid.group_by("item", price=paid.price.cast("float64")).agg(
        **{f"times_{part}": count for part, count in times.items()}
    )
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
    names = (*FACTS, "visitors", "paid")
    seen = known.select(
        "item",
        **{name: known[f"{name}_{part}"] for name in names},
        **{name: known[f"{name}_{part}"].fill_null(0) for name in TAKERS},
    )
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
