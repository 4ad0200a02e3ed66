"""What time it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]


def now() -> int:
    """UTC microseconds."""
    return time.time_ns() // 1_000


def begun_at(moment: int) -> Clock:
    """A clock that shows a moment of the past now, and goes on from there."""
    behind = now() - moment
    return lambda: now() - behind
