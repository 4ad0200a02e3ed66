"""The same thing told twice.

Repeated at the same moment; echoed within two seconds, as a page that counts itself twice does;
or replayed on another day at the same second, as a file does that was sent again with new dates.
"""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.doctor.finding import Bars, Finding
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import grade, percent, worst
from endcap.tables.rows import counts_of
from endcap.types import DAY

ECHO = 2_000_000
"""Microseconds."""

FINE = 20_000
"""Different seconds of the day."""

WAYS = ("same moment", "two seconds", "another day")


def check(log: Log) -> Finding:
    same = ibis.window(group_by="act", order_by=["time", "place"])
    again = log.events.mutate(since=_.time - _.time.lag().over(same)).filter(_.since.notnull())
    replayed = (_.since > 0) & (_.since % DAY == 0) if _exact(log) else ibis.literal(False)
    way = ibis.cases(
        (_.since == 0, WAYS[0]),
        (_.since <= ECHO, WAYS[1]),
        (replayed, WAYS[2]),
    )
    found = again.mutate(way=way).filter(_.way.notnull())
    each = counts_of(found, "way")
    counts = {name: each.get(name, 0) for name in WAYS}
    share = log.share(sum(counts.values()))
    picture = Bars("Events told again, by when", WAYS, [*counts.values()])
    if not share:
        return Finding("pass", "No event is told twice")
    said = ", ".join(f"{rows:,} {_said(name)}" for name, rows in counts.items() if rows)
    examples = log.examples(
        found.order_by(_.way, "time"), "visitor", "event_type", "item_id", "time", "way"
    )
    status = worst(grade(share, 0.05, 0.5), grade(log.share(counts[WAYS[2]]), 0.01, 0.2))
    repair = _repair(log, found, counts) if status != "pass" else ""
    return Finding(
        status,
        f"{percent(share)} of the events stood there before: {said}",
        examples,
        repair,
        picture,
    )


def _exact(log: Log) -> bool:
    """Whether times are so fine that two on different days agree to the second by no chance."""
    return log.seconds > min(FINE, log.total // 4)


def _said(way: str) -> str:
    return {
        WAYS[0]: "at the same moment",
        WAYS[1]: "within two seconds",
        WAYS[2]: "on another day at the same second",
    }[way]


def _repair(log: Log, found: Table, counts: dict[str, int]) -> str:
    """Where one import brought nearly all of what was replayed, to take it away."""
    worst = max(counts, key=lambda name: counts[name])
    if worst == WAYS[2] and len(log.files) > 1:
        first, rows = next(iter(counts_of(found.filter(_.way == WAYS[2]), "file").items()))
        if rows > 0.9 * counts[WAYS[2]]:
            return f"rm tables/events/{log.files[first]}"
    return "Send an event_id with each event, the same when it is sent again"
