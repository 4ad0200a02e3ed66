"""Visits: a pause longer than the gap begins a new one."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

MINUTE = 60_000_000


def sessions(events: Table, gap_minutes: float) -> Table:
    """Number the visits of all users, from 1, as `session` (int32).

    events: with user, time, place. Each user's visits are numbered by themselves, then moved
    behind those of the users before: the only order over all is that of the users.
    """
    order = ibis.window(group_by="user", order_by=["time", "place"])
    pause = _.time - _.time.lag().over(order)
    begun = events.mutate(begins=(pause > int(gap_minutes * MINUTE)).fill_null(True).cast("int32"))
    own = begun.mutate(own=_.begins.sum().over(order.between(None, 0)))
    visits = begun.group_by("user").agg(visits=_.begins.sum())
    so_far = ibis.window(order_by="user", preceding=None, following=0)
    before = visits.select("user", before=_.visits.sum().over(so_far) - _.visits)
    joined = own.join(before, "user")
    return joined.mutate(session=(_.before + _.own).cast("int32")).drop("begins", "own", "before")
