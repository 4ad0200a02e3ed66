"""Which events stay, and why the others go. One row of the log has at most one reason."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.config import Clean
from endcap.tables.ids import meant, same_but_for
from endcap.tables.schema import EVENT_TYPES, kind
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

ITEMLESS = ("search", "begin_checkout")
"""Event types that need no item."""

ONCE = ("click", "view")
"""Event types of which two at one moment are one: a page counted twice. A basket, by contrast,
may hold the same product in two lines."""


def read(events: Table, clean: Clean, use: tuple[str, ...], now: int) -> Table:
    """The raw log in few columns, with the `reason` (null: stays) that a row shows by itself.

    now: UTC microseconds.
    """
    rows = events.select(
        "place",
        "item_id",
        "event_type",
        kind=_kind(_.event_type),
        visitor=ibis.coalesce(*(_text(_[name]) for name in ("user_id", "anonymous_id"))),
        session_id=_text(_.session_id),
        time=_.timestamp,
        price=_.price.cast("float32"),
        value=_.value.cast("float32"),
        id=_.event_id.hash(),
    ).mutate(visitor=_.visitor.fill_null(_.session_id), item_id=_text(_.item_id))
    return rows.drop("session_id").mutate(reason=_fault(clean, use, now), content=_content())


def repeats(rows: Table) -> Table:
    """Mark each event that came before: by its id, or by its content where a type is `ONCE`."""
    for key in ("id", "content"):
        good = rows.filter(rows.reason.isnull() & rows[key].notnull())
        first = good.group_by(key).agg(first=_.place.min(), times=_.count()).filter(_.times > 1)
        joined = rows.left_join(first.drop("times"), key).drop(f"{key}_right")
        rows = _mark(joined, joined.place > joined.first, "duplicate").drop("first")
    return rows.drop("id", "content")


def bots(rows: Table, clean: Clean) -> Table:
    """Mark all events of visitors that did more things in any one day than a person does, or that
    the shop knows for none."""
    good = rows.filter(_.reason.isnull())
    days = good.group_by("visitor", day=_.time // DAY).agg(times=_.count())
    many = _.times > clean.bot_events_per_day
    found = days.filter(many | _.visitor.isin(clean.without_visitors))
    joined = rows.left_join(found.select("visitor").distinct().mutate(bot=True), "visitor")
    return _mark(joined, joined.bot, "bot").drop("bot", "visitor_right")


def matched(rows: Table, items: Table, ways: tuple[str, ...]) -> Table:
    """Give each event whose item is not listed the id of the one item that it must mean."""
    keyed = rows.mutate(key=same_but_for(ways, _.item_id))
    listed = items.select("item_id", listed=True)
    joined = keyed.left_join(meant(items, ways), "key").left_join(listed, "item_id")
    found = ibis.ifelse(joined.listed.isnull(), joined.meant, None)
    return joined.mutate(item_id=ibis.coalesce(found, joined.item_id)).select(rows.columns)


def unlisted(rows: Table, items: Table) -> Table:
    """Mark events on items that the catalogue does not list."""
    listed = items.select("item_id", listed=True)
    joined = rows.left_join(listed, "item_id").drop("item_id_right")
    return _mark(joined, joined.listed.isnull(), "unknown_item").drop("listed")


def _mark(rows: Table, wrong: ibis.Value, reason: str) -> Table:
    return rows.mutate(reason=ibis.coalesce(rows.reason, ibis.ifelse(wrong, reason, None)))


def _fault(clean: Clean, use: tuple[str, ...], now: int) -> ibis.Deferred:
    earliest = datetime.fromisoformat(clean.earliest).replace(tzinfo=UTC).timestamp() * 1e6
    return ibis.cases(
        (_.visitor.isnull(), "missing_visitor"),
        (_.time.isnull(), "missing_time"),
        (_.time < int(earliest), "too_early"),
        (_.time > int(now + clean.future * DAY), "in_the_future"),
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


def _content() -> ibis.Deferred:
    """64 bits of who did what when: among 100 million events two differ in vain once in 4,000."""
    what = _.kind.cast("string") + " " + _.time.cast("string")
    who = _.visitor + "\n" + _.item_id + "\n"
    return ibis.ifelse(_.event_type.isin(ONCE), (who + what).hash(), None)


def _text(column: ibis.Deferred) -> ibis.Deferred:
    """Nothing but blanks is nothing."""
    return column.nullif("")
