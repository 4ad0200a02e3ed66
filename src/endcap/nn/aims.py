"""What an event may learn from: what its visitor did next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endcap.types import Bools, Floats, History, Int64s, offsets_of


def next_moments(history: History) -> tuple[Int64s, Int64s]:
    """For each event, where the visitor's next moment begins and ends; empty after the last.

    What shares a moment (the lines of a basket) has no order, and a question is always about
    the moment to come: so an event learns from an item of the next moment, not from its
    neighbour in the log.

    >>> none = np.zeros(4, np.int32)
    >>> history = History(np.array([0, 4]), none, none.astype(np.int8), np.array([1, 1, 2, 3]))
    >>> next_moments(history)
    (array([2, 2, 3, 4]), array([3, 3, 4, 4]))
    """
    first = np.ones(len(history.items), np.bool_)
    first[1:] = (np.diff(history.times) != 0) | (np.diff(history.rows) != 0)
    begins = np.r_[np.flatnonzero(first), len(first)]
    moment = np.cumsum(first) - 1
    start = begins[moment + 1]
    end = np.repeat(history.offsets[1:], history.lengths)
    stop = np.minimum(begins[np.minimum(moment + 2, len(begins) - 1)], end)
    return start, np.maximum(stop, start)


@dataclass(frozen=True)
class Aims:
    """What each event may learn from.

    events: places of all that may be a target, or None for all places.
    start, stop: [events] which of them are of the visitor's next moment.
    after: [events] the first event of the visitor's next moment, or the event itself where there
        is none.
    weight: [places] how much each counts as a target, or None for all the same.
    """

    events: Int64s | None
    start: Int64s
    stop: Int64s
    after: Int64s
    weight: Floats | None

    @classmethod
    def of(cls, history: History, weight: Floats | None) -> Aims:
        start, stop = next_moments(history)
        after = np.where(stop > start, start, np.arange(len(start)))
        if weight is None:
            return cls(None, start, stop, after, None)
        before = offsets_of((weight > 0).astype(np.int64))
        return cls(np.flatnonzero(weight > 0), before[start], before[stop], after, weight)

    def draw(
        self, places: Int64s, rng: np.random.Generator, ahead: float = 0.0
    ) -> tuple[Int64s, Bools]:
        """For each place one of its targets, and whether it has any.

        ahead: how likely it is, again and again, that a target is of the moment after, as long
            as there are any.
        """
        places = self._further(places, rng, ahead)
        start, stop = self.start[places], self.stop[places]
        learnt = stop > start
        drawn = np.where(learnt, start + rng.random(len(places)) * (stop - start), 0)
        target = drawn.astype(np.int64)
        return (target if self.events is None else self.events[target]), learnt

    def _further(self, places: Int64s, rng: np.random.Generator, ahead: float) -> Int64s:
        """The places after whose moment the targets come."""
        places, going = places.copy(), np.full(len(places), ahead > 0)
        while going.any():
            further = self.after[places]
            teaches = (further != places) & (self.stop[further] > self.start[further])
            going &= (rng.random(len(places)) < ahead) & teaches
            places[going] = further[going]
        return places
