"""Which part of the log each event belongs to: see `endcap.tables.parts.Part`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.config import Split
from endcap.tables.parts import Part
from endcap.types import DAY, Int64s

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

    def parts(self, times: Int64s) -> NDArray[np.int8]:
        """[events] of events of these moments."""
        return np.searchsorted(self.starts, times, "right").astype(np.int8)


def leave_one_out(offsets: Int64s, holdout: int) -> NDArray[np.int8]:
    """[events] Held out are the last events of each user that have an event before them.

    offsets: [users + 1] where the events of each user begin.
    """
    part = np.full(offsets[-1], int(Part.PAST), np.int8)
    for back, held in enumerate(reversed(HELD[: holdout + 1]), 1):
        place = offsets[1:] - back
        part[place[place > offsets[:-1]]] = int(held)
    return part
