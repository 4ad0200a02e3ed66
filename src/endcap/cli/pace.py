"""How long work will still take, at the pace it has had so far."""

from __future__ import annotations

from datetime import timedelta

SURE = 3.0
"""Seconds of work from which on its pace is told."""


class Pace:
    """Of one piece of work after the other: a fit is many, each from 0 to 1."""

    def __init__(self) -> None:
        self._work, self._share = "", 0.0
        self._began = (0.0, 0.0)

    def left(self, step: str, share: float, now: float) -> str:
        """As " 0:02:10 left"; empty where that can't be told yet.

        step: of a training "ranker-sequence: epoch 1, …": what stands before the colon is the
        work. share: of it, done. now: seconds of a clock.
        """
        work = step.split(":")[0]
        if work != self._work or share < self._share:
            self._began = (now, share)
        self._work, self._share = work, share
        seconds, done = now - self._began[0], share - self._began[1]
        if seconds < SURE or done <= 0:
            return ""
        return f" {timedelta(seconds=round(seconds / done * (1 - share)))} left"
