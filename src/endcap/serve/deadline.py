"""A ranker that takes too long is not waited for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from endcap.types import Ranking


class Deadline:
    """Runs work on a thread of its own, for some seconds at most.

    While work that was too late is still under way, no other is begun: a ranker that is stuck
    costs its deadline once, and then nothing.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._pool = ThreadPoolExecutor(1, "ranker")
        self._late: Future[Ranking] | None = None

    def __call__(self, work: Callable[[], Ranking]) -> Ranking:
        """Raises TimeoutError."""
        if self._late is not None and not self._late.done():
            raise TimeoutError("still at work on an earlier question")
        future = self._pool.submit(work)
        try:
            return future.result(self.seconds)
        except TimeoutError:
            self._late = future
            raise TimeoutError(f"not done within {self.seconds:g} s") from None
