"""Clocks of several time zones in one log.

Where purchases are written in local time and views are not, people seem to buy hours before or
after they look; and the nights of two files do not fall together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ibis import _
from numpy.typing import NDArray

from endcap.doctor.finding import MAPPING, Bars, Finding
from endcap.doctor.log import Log
from endcap.tables.rows import counts_of, rows_of
from endcap.types import DAY

HALF = 1_800_000_000
"""Microseconds: no two time zones are nearer than half an hour, but for a few."""

ENOUGH, PAIRS = 1_000, 100
"""Events of a file or type, and purchases, from which something can be told."""

LOOKS = ("view", "click", "add_to_cart")

REPAIR = (
    MAPPING
    + 'timestamp = { column = "…", zone = "Europe/Berlin" }  # the zone that the file is written in'
)


def check(log: Log) -> Finding:
    if not log.clocked:
        return Finding("pass", "Times say the day alone, so no zone can be told from them")
    late, picture = _late(log)
    if late:
        return Finding(
            "warn",
            f"Purchases come {abs(late):g} hours {'after' if late > 0 else 'before'} the looks "
            "that lead to them: the two are written in different time zones",
            repair=REPAIR,
            picture=picture,
        )
    shifted = [*_shifted(log, "file"), *_shifted(log, "event_type")]
    if shifted:
        named = ", ".join(f"{name} by {hours} hours" for name, hours in shifted)
        return Finding(
            "warn", f"The day and the night are shifted: {named}", repair=REPAIR, picture=picture
        )
    return Finding("pass", "Day and night fall together everywhere", picture=picture)


def _late(log: Log) -> tuple[float, Bars | None]:
    """Hours from looking to buying where most purchases have the same, far from none; else 0."""
    pairs = log.events.filter(_.item_id.notnull()).group_by("visitor", "item_id")
    both = pairs.agg(
        looked=_.time.max(where=_.event_type.isin(LOOKS)),
        bought=_.time.min(where=_.event_type == "purchase"),
    ).filter(_.looked.notnull() & _.bought.notnull())
    steps = both.select(step=((_.bought - _.looked) / HALF).floor().cast("int64"))
    counts = counts_of(steps.filter(_.step.abs() <= 28), "step")
    total = sum(counts.values())
    if total < PAIRS:
        return 0.0, None
    most = next(iter(counts))
    places = [*range(-28, 29)]
    picture = Bars(
        "From the last look at an item to its purchase, in hours",
        [f"{place / 2:g}" for place in places],
        [counts.get(place, 0) for place in places],
        [most + 28],
    )
    usual = -2 <= most <= 3
    return (0.0 if usual or counts[most] < 0.3 * total else most / 2), picture


def _shifted(log: Log, by: str) -> list[tuple[str, int]]:
    """The files or event types whose hours, turned by three or more, are those of the largest."""
    hours = log.events.group_by(by, hour=_.time % DAY // (2 * HALF)).agg(n=_.count())
    profiles: dict[Any, NDArray[np.float64]] = {}
    for row in rows_of(hours):
        profiles.setdefault(row[by], np.zeros(24))[row["hour"]] = row["n"]
    large = {key: one for key, one in profiles.items() if one.sum() >= ENOUGH and _has_night(one)}
    if len(large) < 2:
        return []
    largest = max(large, key=lambda key: large[key].sum())
    turns = {key: _turn(one, large[largest]) for key, one in large.items() if key != largest}
    return [
        (log.files[key] if by == "file" else str(key), turn) for key, turn in turns.items() if turn
    ]


def _has_night(hours: NDArray[np.float64]) -> bool:
    return bool(hours.max() > 3 * max(hours.min(), 1))


def _turn(one: NDArray[np.float64], other: NDArray[np.float64]) -> int:
    """By how many hours the first is behind the second, from −12 to 12; 0 where it is not sure."""
    alike = [float(np.corrcoef(np.roll(one, -turn), other)[0, 1]) for turn in range(24)]
    best = int(np.argmax(alike))
    best = best if best <= 12 else best - 24
    return best if abs(best) >= 3 and alike[best % 24] > 0.9 and alike[0] < 0.3 else 0
