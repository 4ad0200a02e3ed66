"""Visits: a pause longer than the gap begins a new one."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.types import MINUTE


def visits(events: Table, gap_minutes: float, by: str = "user") -> Table:
    """With `pause`, the microseconds since their event before (null for the first), and `visit`,
    whose number counts from 1 within each user.

    events: with time, place, and who it was.
    """
    order = ibis.window(group_by=by, order_by=["time", "place"])
    rows = events.mutate(pause=_.time - _.time.lag().over(order))
    rows = rows.mutate(begins=(_.pause > int(gap_minutes * MINUTE)).fill_null(True).cast("int32"))
    return rows.mutate(visit=_.begins.sum().over(order.between(None, 0))).drop("begins")


def sessions(events: Table, gap_minutes: float) -> Table:
    """Number the visits of all users, from 1, as `session` (int32).

    Each user's visits are numbered by themselves, then moved behind those of the users before:
    the only order over all is that of the users.
    """
    own = visits(events, gap_minutes)
    each = own.group_by("user").agg(visits=_.visit.max())
    so_far = ibis.window(order_by="user", preceding=None, following=0)
    before = each.select("user", before=_.visits.sum().over(so_far) - _.visits)
    joined = own.join(before, "user")
    return joined.mutate(session=(_.before + _.visit).cast("int32")).drop(
        "pause", "visit", "before"
    )
