"""Visitors who are programs.

Three signs: more events in a day than a person has, a beat that no person keeps, and a hundred
looks at one and the same item. One visitor may show several.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.doctor.finding import Bars, Finding, listed
from endcap.doctor.log import Log, spread
from endcap.tables.prepare.checks import grade, percent
from endcap.tables.rows import one_of, rows_of
from endcap.types import DAY, HOUR

ENOUGH = 50
"""Events from which a beat can be told."""

BEAT = 0.1
"""Of a pause in the middle: how little nine of ten pauses of a program differ."""


LOOKS = 100
"""At one item, and at nothing else."""

EDGES = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
"""Events on a visitor's busiest day, from which each bar counts."""

NAMED = 20
"""Visitors that a repair names at most."""


def check(log: Log) -> Finding:
    each = _each(log)
    found = each.filter(_.sign.notnull()).order_by(_.events.desc(), "visitor")
    totals = one_of(found.agg(visitors=_.count(), events=_.events.sum(), least=_.busiest.min()))
    picture = _picture(log, each)
    if not totals["visitors"]:
        return Finding("pass", "No visitor behaves like a program", picture=picture)
    share = log.share(totals["events"])
    return Finding(
        grade(share, 0.01, 0.3),
        f"Visitors who behave like programs: {totals['visitors']:,}, with {percent(share)} of the "
        "events",
        log.examples(found, "visitor", "events", "items", "busiest", "sign"),
        _repair(log, each, totals),
        picture,
    )


def _each(log: Log) -> Table:
    """Each visitor with the sign that gives a program away, null where there is none."""
    days = log.events.group_by("visitor", day=_.time // DAY).agg(
        events=_.count(), items=_.item_id.nunique(), item=_.item_id.min()
    )
    each = days.group_by("visitor").agg(
        events=_.events.sum(), busiest=_.events.max(), most=_.items.max(), kinds=_.item.nunique()
    )
    each = each.mutate(items=ibis.greatest(_.most, _.kinds))
    beats = _beats(log, each)
    joined = each.left_join(beats, "visitor").drop("visitor_right")
    looks = log.events.filter(_.event_type.isin(["view", "click"]))
    looks = looks.semi_join(each.filter(_.events >= LOOKS), "visitor")
    single = looks.group_by("visitor").agg(looks=_.count(), seen=_.item_id.nunique())
    joined = joined.left_join(single, "visitor").drop("visitor_right")
    limit = log.config.clean.bot_events_per_day
    sign = ibis.cases(
        (_.busiest > limit, f"more than {limit:,} events in a day"),
        (_.beat.notnull(), "an event every " + _.beat + " seconds"),
        ((_.looks >= LOOKS) & (_.seen == 1), "looks at nothing but one item"),
    )
    return joined.mutate(sign=sign)


def _beats(log: Log, each: Table) -> Table:
    """Visitors whose pauses hardly differ, and the pause in seconds."""
    busy = log.events.semi_join(each.filter(_.events >= ENOUGH), "visitor").filter(_.pause > 0)
    pauses = busy.group_by("visitor").agg(
        n=_.count(),
        low=_.pause.quantile(0.05),
        middle=_.pause.median(),
        high=_.pause.quantile(0.95),
    )
    even = (_.high - _.low <= BEAT * _.middle) & (_.middle < HOUR) & (_.n >= ENOUGH)
    seconds = (_.middle / 1_000_000).round(1).cast("string")
    return pauses.filter(even).select("visitor", beat=seconds)


def _repair(log: Log, each: Table, totals: dict[str, Any]) -> str:
    """A limit that catches them and hardly anyone else, or their names."""
    clean = log.config.clean
    limit = int(totals["least"]) - 1
    if limit >= clean.bot_events_per_day:
        return ""  # `prepare` leaves them out already
    others = each.filter(_.sign.isnull()).agg(caught=(_.busiest > limit).sum(), of=_.count())
    counts = one_of(others)
    if limit >= ENOUGH and (counts["caught"] or 0) <= 0.001 * counts["of"]:
        return f"[clean]\nbot_events_per_day = {limit}"
    quiet = each.filter(_.sign.notnull() & (_.busiest <= clean.bot_events_per_day))
    names = rows_of(quiet.order_by(_.events.desc(), "visitor").select("visitor").limit(NAMED))
    return f"[clean]\nwithout_visitors = {listed(row['visitor'] for row in names)}"


def _picture(log: Log, each: Table) -> Bars:
    limit = log.config.clean.bot_events_per_day
    marked = [place for place, low in enumerate(EDGES) if low >= limit]
    return spread("Visitors by the events of their busiest day", each.busiest, EDGES, marked)
