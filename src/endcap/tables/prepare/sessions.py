"""Visits: a pause longer than the gap begins a new one."""

from __future__ import annotations

import ibis
import numpy as np
from ibis import _
from ibis.expr.types import Table
from numpy.typing import NDArray

from endcap.types import MINUTE, Int64s


def visits(events: Table, gap_minutes: float, by: str) -> Table:
    """With `pause`, the microseconds since their event before (null for the first), and `visit`,
    whose number counts from 1 within each user.

    events: with time, place, and who it was.
    """
    order = ibis.window(group_by=by, order_by=["time", "place"])
    rows = events.mutate(pause=_.time - _.time.lag().over(order))
    rows = rows.mutate(begins=(_.pause > int(gap_minutes * MINUTE)).fill_null(True).cast("int32"))
    return rows.mutate(visit=_.begins.sum().over(order.between(None, 0))).drop("begins")


def begins(offsets: Int64s, times: Int64s, gap_minutes: float) -> NDArray[np.bool_]:
    """[events] whether a visit begins with it.

    offsets: [users + 1] where the events of each user begin, all sorted by user, then time.
    """
    first = np.diff(times, prepend=times[:1]) > int(gap_minutes * MINUTE)
    first[offsets[:-1]] = True
    return first
