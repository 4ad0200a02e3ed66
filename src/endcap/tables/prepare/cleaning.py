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
        "event_type",
        kind=_kind(_.event_type),
        visitor=ibis.coalesce(*(_text(_[name]) for name in ("user_id", "anonymous_id"))),
        session_id=_text(_.session_id),
        item_id=_text(_.item_id),
        time=_.timestamp,
        price=_.price.cast("float32"),
        value=_.value.cast("float32"),
    ).mutate(visitor=_.visitor.fill_null(_.session_id))
    return rows.drop("session_id").mutate(reason=_fault(clean, use, now))


def keyed(rows: Table, engine: Engine) -> Table:
    """The log without texts, which take longer to write and to compare than all else: `who` and
    `what` stand for the ids of visitor and item. Where a row stays, further keys make it the same
    as another: `id`, and `content` where a type is `ONCE`; `visit` is of the visitor and the day.

    All are of 64 bits: among 100 million events two that differ are taken to be alike once in
    4,000 logs. unused: the type of a row that goes for its type.
    """
    both = rows.mutate(who=engine.hash(rows.visitor), what=engine.hash(rows.item_id))
    same = {name: both[name] for name in ("who", "what", "kind", "time")}
    when = {"who": both.who, "day": both.time // DAY}
    good, once = both.reason.isnull(), both.event_type.isin(ONCE)
    return both.select(
        *("place", "who", "what", "kind", "time", "price", "value", "reason"),
        unused=_if(both.reason == "unused_type", both.event_type),
        id=_if(good & both.event_id.notnull(), engine.hash(both.event_id)),
        content=_if(good & once, engine.hash(ibis.struct(same))),
        visit=_if(good, engine.hash(ibis.struct(when))),
    )


def suspects(rows: Table, ids: Table, contents: Table, visits: Table) -> Table:
    """The rows of which something comes more often than it should: ids or contents more than once,
    visits more often than there are events in a person's day."""
    return rows.filter(
        rows.id.isin(ids.id) | rows.content.isin(contents.content) | rows.visit.isin(visits.visit)
    )


def repeats(rows: Table) -> Table:
    """Rows that came before, by their `place`: by their id, or by their content where a type is
    `ONCE`."""
    by_id = _again(rows, "id")
    return by_id.union(_again(rows.anti_join(by_id, "place"), "content"))


def bots(rows: Table, suspects: Table, repeats: Table, clean: Clean) -> Table:
    """All rows of visitors that did more things in any one day than a person does, by their
    `place`; no repeats, which don't count."""
    days = suspects.anti_join(repeats, "place").group_by("visit", "who").agg(times=_.count())
    found = days.filter(_.times > clean.bot_events_per_day).select("who").distinct()
    theirs = rows.semi_join(found, "who").anti_join(repeats, "place")
    return theirs.select("place", fault=ibis.literal("bot"))


def matched(rows: Table, items: Table, ways: tuple[str, ...]) -> Table:
    """Give each event whose item is not listed the id of the one item that it must mean."""
    keyed = rows.mutate(key=same_but_for(ways, _.item_id))
    listed = items.select("item_id", listed=True)
    joined = keyed.left_join(meant(items, ways), "key").left_join(listed, "item_id")
    found = ibis.ifelse(joined.listed.isnull(), joined.meant, None)
    return joined.mutate(item_id=ibis.coalesce(found, joined.item_id)).select(rows.columns)


def unlisted(rows: Table, listed: Table) -> Table:
    """Rows on items that the catalogue does not list, by their `place`. listed: `what`."""
    return rows.anti_join(listed, "what").select("place", fault=ibis.literal("unknown_item"))


def without(rows: Table, faults: Table, engine: Engine) -> Table:
    """The rows that have no reason to go."""
    return engine.without(rows.filter(_.reason.isnull()), faults, "place")


def coded(kept: Table, items: Table, users: Table, engine: Engine) -> Table:
    """The events that stay, with the codes of visitor and item."""
    item = items.select(what=engine.hash(items.item_id), item=_.row.cast("int32"))
    user = users.select(who=engine.hash(users.user_id), user=(_.row + 1).cast("int32"))
    joined = kept.join(user, "who").join(item, "what")
    return joined.select("user", "item", "kind", "time", "place", "price", "value")


def _again(rows: Table, key: str) -> Table:
    """Of rows with the same key, all but the first."""
    known = rows.filter(rows[key].notnull())
    joined = known.join(known.group_by(key).agg(first=_.place.min()), key)
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
        (_.visitor.isin(clean.without_visitors), "bot"),
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
