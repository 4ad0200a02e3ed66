"""Visits that never end.

A screen in a shop window, a till that is always logged in, an id that many share.
"""

from __future__ import annotations

import ibis
from ibis import _

from endcap.doctor.finding import MAPPING, Finding, listed
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import grade, percent
from endcap.tables.rows import one_of, rows_of
from endcap.types import HOUR

LONG, LONGER = 12, 48
"""Hours that nobody looks around without a pause, and for which no visit is given one id."""

FEW = 3
"""Events that a visit has to have, as two may have anything between them."""


def check(log: Log) -> Finding:
    given = log.events.filter(_.session_id.notnull())
    visits = _longer(log.events, LONG, "visitor", "visit").drop("visit").rename(id="visitor")
    ids = _longer(given, LONGER, "session_id").rename(id="session_id")
    both = ibis.union(
        visits.mutate(what=ibis.literal("without a pause")),
        ids.mutate(what=ibis.literal("under one session_id")),
    )
    found = one_of(both.agg(visits=_.count(), events=_.events.sum()))
    if not found["visits"]:
        return Finding("pass", "All visits come to an end")
    share = log.share(found["events"])
    return Finding(
        grade(share, 0.02, 0.5),
        f"Visits of more than {LONG} hours without a pause, or of {LONGER} under one session_id: "
        f"{found['visits']:,}, with {percent(share)} of the events",
        log.examples(both.order_by(_.hours.desc(), "id"), "id", "hours", "events", "what"),
        _repair(both) if share > 0.02 else "",
    )


def _longer(events: ibis.Table, hours: int, *keys: str) -> ibis.Table:
    """The visits by these keys that take longer."""
    each = events.group_by(*keys).agg(
        events=_.count(), hours=((_.time.max() - _.time.min()) / HOUR).round(1)
    )
    return each.filter(_.hours > hours, _.events >= FEW)


def _repair(both: ibis.Table) -> str:
    visitors = both.filter(_.what == "without a pause").order_by(_.events.desc(), "id")
    names = [row["id"] for row in rows_of(visitors.select("id").distinct().limit(20))]
    if names:
        return f"[clean]\nwithout_visitors = {listed(names)}"
    return MAPPING + 'drop = ["session_id"]  # visits are then told by their pauses'
