"""Which events stay, and why the others go. One row of the log has at most one reason."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.config import Clean
from endcap.tables.engines import Engine
from endcap.tables.prepare.ids import meant, same_but_for
from endcap.tables.schema import EVENT_TYPES, ITEMLESS, kind
from endcap.types import DAY

REASONS = {
    "missing_visitor": "no user_id, anonymous_id or session_id",
    "missing_item": "no item_id",
    "missing_time": "no timestamp",
    "too_early": "before the earliest possible day",
    "in_the_future": "later than now",
    "unused_type": "an event type that is not in use",
    "without_item": "a search or checkout that names no item",
    "duplicate": "the same event once more",
    "bot": "a visitor with more events in a day than a person has",
    "unknown_item": "an item that the catalogue does not list",
}
"""Why an event is dropped. The first reason that fits counts."""

ONCE = ("click", "view")
"""Event types of which two at one moment are one: a page counted twice. A basket, by contrast,
may hold the same product in two lines."""


def latest(clean: Clean, now: int) -> int:
    """The last moment that a clock may say. Both in UTC microseconds."""
    return int(now + clean.future * DAY)


def read(events: Table, clean: Clean, use: tuple[str, ...], now: int) -> Table:
    """The raw log in few columns, with the `reason` (null: stays) that a row shows by itself.

    now: UTC microseconds.
    """
    rows = events.select(
        "place",
        "event_id",
        "item_id",
        "event_type",
        kind=_kind(_.event_type),
        visitor=ibis.coalesce(*(_text(_[name]) for name in ("user_id", "anonymous_id"))),
        session_id=_text(_.session_id),
        time=_.timestamp,
        price=_.price.cast("float32"),
        value=_.value.cast("float32"),
    ).mutate(visitor=_.visitor.fill_null(_.session_id), item_id=_text(_.item_id))
    return rows.drop("session_id").mutate(reason=_fault(clean, use, now))


def identified(rows: Table, engine: Engine) -> Table:
    """Rows with what makes them the same as another: `id`, and `content` where a type is `ONCE`;
    null where a row goes anyhow."""
    what = {name: rows[name] for name in ("visitor", "item_id", "kind", "time")}
    good, once = rows.reason.isnull(), rows.event_type.isin(ONCE)
    return rows.mutate(
        id=_if(good & rows.event_id.notnull(), engine.hash(rows.event_id)),
        content=_if(good & once, engine.hash(ibis.struct(what))),
    ).drop("event_id")


def repeats(rows: Table) -> Table:
    """Rows that came before, by their `place`: by their id, or by their content where a type is
    `ONCE`. Among 100 million events two that differ are taken to be alike once in 4,000 logs."""
    by_id = _again(rows, "id")
    rest = rows.filter(_.content.notnull()).anti_join(by_id, "place")
    return by_id.union(_again(rest, "content"))


def bots(rows: Table, clean: Clean) -> Table:
    """All rows of visitors that did more things in any one day than a person does, or that the
    shop knows for none, by their `place`."""
    days = rows.group_by("visitor", day=_.time // DAY).agg(times=_.count())
    many = _.times > clean.bot_events_per_day
    found = days.filter(many | _.visitor.isin(clean.without_visitors)).select("visitor").distinct()
    return rows.semi_join(found, "visitor").select("place", fault=ibis.literal("bot"))


def matched(rows: Table, items: Table, ways: tuple[str, ...]) -> Table:
    """Give each event whose item is not listed the id of the one item that it must mean."""
    keyed = rows.mutate(key=same_but_for(ways, _.item_id))
    listed = items.select("item_id", listed=True)
    joined = keyed.left_join(meant(items, ways), "key").left_join(listed, "item_id")
    found = ibis.ifelse(joined.listed.isnull(), joined.meant, None)
    return joined.mutate(item_id=ibis.coalesce(found, joined.item_id)).select(rows.columns)


def unlisted(rows: Table, items: Table) -> Table:
    """Rows on items that the catalogue does not list, by their `place`."""
    return rows.anti_join(items, "item_id").select("place", fault=ibis.literal("unknown_item"))


def without(rows: Table, faults: Table) -> Table:
    """The rows that have no reason to go."""
    return rows.filter(_.reason.isnull()).anti_join(faults, "place")


def _again(rows: Table, key: str) -> Table:
    """Of rows with the same key, all but the first."""
    known = rows.filter(rows[key].notnull())
    many = known.group_by(key).agg(first=_.place.min(), times=_.count()).filter(_.times > 1)
    joined = known.join(many, key)
    return joined.filter(_.place > _.first).select("place", fault=ibis.literal("duplicate"))


def _if(mask: ibis.Value, value: ibis.Value) -> ibis.Value:
    return ibis.ifelse(mask, value, None)


def _fault(clean: Clean, use: tuple[str, ...], now: int) -> ibis.Deferred:
    return ibis.cases(
        (_.visitor.isnull(), "missing_visitor"),
        (_.time.isnull(), "missing_time"),
        (_.time < clean.begins, "too_early"),
        (_.time > latest(clean, now), "in_the_future"),
        (~_.event_type.isin(use) | (_.kind < 0), "unused_type"),
        (_.item_id.isnull() & _.event_type.isin(ITEMLESS), "without_item"),
        (_.item_id.isnull(), "missing_item"),
    )


def _kind(event_type: ibis.Deferred) -> ibis.Deferred:
    """Its place in EVENT_TYPES, −1 for the others. Ibis takes a choice of small numbers for an
    int8 already, DuckDB does not: only a cast from int64 reaches it.
    """
    places = [(name, kind(name)) for name in EVENT_TYPES]
    return event_type.cases(*places, else_=ibis.literal(-1, "int64")).cast("int8")


def _text(column: ibis.Deferred) -> ibis.Deferred:
    """Nothing but blanks is nothing."""
    return column.nullif("")
