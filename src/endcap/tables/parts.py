"""The parts of the log, in the order of time, and what was known before each."""

from __future__ import annotations

from enum import IntEnum


class Part(IntEnum):
    """Part of an event: who may learn from it, and who is asked about it.

        PAST ──▶ RANKER ──▶ VALIDATION ──▶ TEST ──▶ LIVE
        retrievers learn   epochs and      the      not yet
        (ranker learns     weights are     measure  happened
        what came next)    chosen

    Parted at moments (`time`), or for each user from the end of what they did
    (`leave-one-out`): the last event is TEST, the one before VALIDATION, then RANKER.
    """

    PAST = 0
    RANKER = 1
    VALIDATION = 2
    TEST = 3
    LIVE = 4
