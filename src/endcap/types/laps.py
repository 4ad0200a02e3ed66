"""How long each stage of some work took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Laps:
    """A stop-watch. seconds: by stage, in the order in which they were done."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.perf_counter)

    def done(self, stage: str) -> None:
        """A stage that began where the last one ended is done."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
