"""How long a search may go on, and how long that will be."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from endcap.errors import StateError
from endcap.types import Report


class TimeIsUpError(StateError):
    """Raised in the middle of a trial, which the next search goes on with."""


@dataclass
class Budget:
    """trials: of the study, with those of earlier runs. seconds: of this run.

    done: trials so far. best: the best score so far.
    """

    trials: float
    seconds: float
    done: int
    best: float | None
    report: Report
    began: float = field(default_factory=time.monotonic)
    new: int = 0

    def told(self, step: str, share: float) -> None:
        """A `Report` for the trial under way. Raises TimeIsUpError."""
        if self.elapsed >= self.seconds:
            raise TimeIsUpError(
                f"{self.seconds:g} seconds are too few to judge the configuration as it is",
                mend="Run `endcap tune` again: it goes on where it was",
            )
        parts = (self._number(), self._best(), self._left(), step.rpartition(": ")[2])
        self.report(" · ".join(filter(None, parts)), self._share)

    def count(self, best: float | None) -> None:
        self.done, self.new, self.best = self.done + 1, self.new + 1, best

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    @property
    def _share(self) -> float:
        return min(1.0, max(self.done / self.trials, self.elapsed / self.seconds))

    def _number(self) -> str:
        return f"trial {self.done + 1}" + f" of {self.trials}" * math.isfinite(self.trials)

    def _best(self) -> str:
        return "" if self.best is None else f"best {self.best:.4f}"

    def _left(self) -> str:
        """By the clock, or by the pace of this run."""
        left = self.seconds - self.elapsed
        if self.new:
            left = min(left, self.elapsed / self.new * (self.trials - self.done))
        return f"{math.ceil(left / 60)} min left" if math.isfinite(left) else ""
