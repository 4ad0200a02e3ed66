"""Days on which hardly anything arrived.

A tag that was taken out for a week, an export with a hole: models take the silence for a lack of
interest.
"""

from __future__ import annotations

import numpy as np
from ibis import _
from numpy.typing import NDArray

from endcap.doctor.finding import Bars, Finding
from endcap.doctor.log import Log
from endcap.tables.rows import rows_of
from endcap.types import DAY

QUIET = 0.05
"""Of what is usual in the four weeks around."""

LONG = 2
"""Days of silence on end that are no holiday."""

USUAL = 50
"""Events a day from which silence is no chance."""

BARS, LONGEST = 60, 20_000
"""Bars of the picture, and days of a log that are looked at."""


def check(log: Log) -> Finding:
    first, counts = _daily(log)
    usual = _usual(counts)
    silent = (usual >= USUAL) & (counts < QUIET * usual)
    silent[[0, -1]] = False  # which are rarely whole
    quiet = [int(place) for place in np.flatnonzero(silent & _on_end(silent))]
    picture = _picture(counts, quiet, first)
    if not quiet:
        single = [_day(first, int(place)) for place in np.flatnonzero(silent)]
        but = f" but {', '.join(single[:5])}: closed, it seems" if single else ""
        return Finding("pass", f"Events on each of {len(counts):,} days{but}", picture=picture)
    examples = [
        {
            "day": _day(first, place),
            "events": int(counts[place]),
            "usual": round(float(usual[place])),
        }
        for place in quiet[:5]
    ]
    return Finding(
        "warn",
        f"On {len(quiet):,} of {len(counts):,} days hardly anything arrived, first on "
        f"{examples[0]['day']}",
        examples,
        f"endcap import FILE  # that has {examples[0]['day']}"
        + (f" to {_day(first, quiet[-1])}" if len(quiet) > 1 else ""),
        picture,
    )


def _daily(log: Log) -> tuple[int, NDArray[np.float64]]:
    """The first day, counted from 1970, and [days] the events of each from there on."""
    first, last = (moment // DAY for moment in log.span)
    days = log.events.group_by(day=_.time // DAY).agg(n=_.count())
    counts = np.zeros(min(last - first, LONGEST) + 1)
    for row in rows_of(days.filter(_.day >= first, _.day < first + len(counts))):
        counts[row["day"] - first] = row["n"]
    return first, counts


def _on_end(silent: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a day is one of a row of silent ones."""
    row = np.convolve(silent, np.ones(LONG), "valid") == LONG
    return np.convolve(row, np.ones(LONG)) > 0


def _usual(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of the same weekday, two weeks before and after: shops may close on Sundays."""
    padded = np.pad(counts, 14, constant_values=np.nan)
    around = [padded[14 + shift : 14 + shift + len(counts)] for shift in (-14, -7, 7, 14)]
    stacked = np.stack(around)
    known = ~np.isnan(stacked).all(axis=0)
    usual = np.zeros(len(counts))
    usual[known] = np.nanmedian(stacked[:, known], axis=0)
    return usual


def _day(first: int, place: int) -> str:
    return str(np.datetime64(first + place, "D"))


def _picture(counts: NDArray[np.float64], quiet: list[int], first: int) -> Bars:
    """Some days to a bar, so that there are at most sixty."""
    wide = -(-len(counts) // BARS)
    starts = [*range(0, len(counts), wide)]
    values = [float(counts[start : start + wide].mean()) for start in starts]
    marked = sorted({place // wide for place in quiet})
    return Bars("Events a day", [_day(first, start) for start in starts], values, marked)
