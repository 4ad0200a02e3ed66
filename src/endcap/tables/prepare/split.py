"""Which part of the log each event belongs to: see `endcap.tables.parts.Part`."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.config import Split
from endcap.tables.parts import Part
from endcap.types import DAY

HELD = (Part.RANKER, Part.VALIDATION, Part.TEST)


@dataclass(frozen=True)
class Windows:
    """The moments at which the parts after PAST begin.

    starts: of RANKER, VALIDATION and TEST, UTC microseconds.
    shrunk: the share of their configured length that they have; below 1 in a short log.
    """

    starts: tuple[int, int, int]
    shrunk: float

    @classmethod
    def of(cls, oldest: int, newest: int, split: Split) -> Windows:
        """From the newest event back, leaving to PAST at least half of the span.

        >>> days = Split(ranker_days=14, validation_days=14, test_days=28)
        >>> [start // DAY for start in Windows.of(0, 200 * DAY, days).starts]
        [144, 158, 172]
        >>> Windows.of(0, 56 * DAY, days).shrunk
        0.5
        """
        lengths = [split.ranker_days, split.validation_days, split.test_days]
        span = newest - oldest
        shrunk = min(1.0, span / 2 / (sum(lengths) * DAY))
        back = [int(sum(lengths[place:]) * DAY * shrunk) for place in range(3)]
        return cls((newest + 1 - back[0], newest + 1 - back[1], newest + 1 - back[2]), shrunk)


def in_time(events: Table, windows: Windows) -> Table:
    """Part the log at moments, as `part` (int8)."""
    begun = [(_.time >= start).cast("int8") for start in windows.starts]
    return events.mutate(part=(begun[0] + begun[1] + begun[2]).cast("int8"))


def leave_one_out(events: Table, holdout: int) -> Table:
    """Hold out the last events of each user that have an event before them, as `part` (int8).

    events: with user, time, place.
    """
    held = HELD[: holdout + 1]
    order = ibis.window(group_by="user", order_by=["time", "place"])
    counted = events.mutate(
        nth=ibis.row_number().over(order), of=_.count().over(ibis.window(group_by="user"))
    )
    from_end = _.of - 1 - _.nth
    part = ibis.cases(
        (_.nth == 0, int(Part.PAST)),
        *((from_end == back, int(part)) for back, part in enumerate(reversed(held))),
        else_=ibis.literal(int(Part.PAST), "int64"),
    )
    return counted.mutate(part=part.cast("int8")).drop("nth", "of")
