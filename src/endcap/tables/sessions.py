"""Visits: a pause longer than the gap begins a new one."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

MINUTE = 60_000_000


def sessions(events: Table, gap_minutes: float) -> Table:
    """Number the visits of all users, from 1, as `session` (int32).

    events: with user, time, place.
    """
    order = ["time", "place"]
    pause = _.time - _.time.lag().over(ibis.window(group_by="user", order_by=order))
    begun = events.mutate(begins=(pause > int(gap_minutes * MINUTE)).fill_null(True).cast("int8"))
    so_far = ibis.window(order_by=["user", *order], preceding=None, following=0)
    return begun.mutate(session=_.begins.sum().over(so_far).cast("int32")).drop("begins")
