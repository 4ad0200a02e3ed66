"""Requests that arrive together are answered together.

One forward pass and one product with all items cost little more for sixteen visitors than for
one. So a single thread answers, and each time it takes all that has come since it last did:

    requests ──▶ ▢▢▢▢ waiting ──take up to `most`──▶ thread ──▶ answers
                    └── full: 503, at once

Who comes alone is answered alone, at once. Those who were answered together tend to ask again
together: for them, and no longer than a share of what their answers took, the next answer waits.
Else two halves of a crowd would be answered in turns, and each wait for both.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from endcap.serve.problems import Problem, later

log = logging.getLogger("endcap.serve")

PATIENCE = 0.3
"""Of what the last answers took, how much of it is waited for those who may ask again."""

LONGEST = 0.02
"""Seconds of that at most: after a standstill nobody is to wait for more."""

Q = TypeVar("Q")
A = TypeVar("A")


class Waiting(NamedTuple, Generic[Q, A]):
    """A question, where its answer is awaited, and since when."""

    question: Q
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[A]
    since: float


class Together(Generic[Q, A]):
    """Answers questions that many ask at once.

    answer: questions → for each its answer, or the exception that it gets instead. What it raises
        itself, all of them get.
    most: questions that are answered at once.
    room: questions that may wait; above it there is no use in waiting.
    watch: told how many were answered at once, and how many seconds the first had waited.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Sequence[A | Exception]],
        most: int,
        room: int,
        watch: Callable[[int, float], None] = lambda count, waited: None,
    ) -> None:
        self.answer, self.most, self.room, self.watch = answer, most, room, watch
        self._waiting: queue.SimpleQueue[Waiting[Q, A] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="answers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Answer who waits, then stop."""
        self._waiting.put(None)
        self._thread.join()

    async def ask(self, question: Q) -> A:
        """Raises Problem 503 where too many wait, and whatever the question gets as an answer."""
        if self._waiting.qsize() >= self.room:
            raise later(503, "More is asked than can be answered. Try again in a second.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._waiting.put(Waiting(question, loop, future, time.perf_counter()))
        return await future

    def _work(self) -> None:
        expected, patience = 1, 0.0
        while (first := self._waiting.get()) is not None:
            began = time.perf_counter()
            group, last = self._gathered(first, expected, began + patience)
            began = time.perf_counter()
            self._answer(group)
            if last:
                return
            expected = len(group) + self._waiting.qsize()
            patience = min(PATIENCE * (time.perf_counter() - began), LONGEST)

    def _gathered(
        self, first: Waiting[Q, A], expected: int, until: float
    ) -> tuple[list[Waiting[Q, A]], bool]:
        """All that wait, and those expected if they come in time; whether it is time to stop."""
        group = [first]
        while len(group) < self.most:
            wait = until - time.perf_counter() if len(group) < expected else 0.0
            try:
                more = self._waiting.get(timeout=max(wait, 0.0))
            except queue.Empty:
                break
            if more is None:
                return group, True
            group.append(more)
        return group, False

    def _answer(self, group: Sequence[Waiting[Q, A]]) -> None:
        # Whoever has gone away in the meantime is not answered.
        group = [one for one in group if not one.future.done()]
        if not group:
            return
        self.watch(len(group), time.perf_counter() - group[0].since)
        try:
            answers = self.answer([one.question for one in group])
        except Exception as error:
            if not isinstance(error, Problem):
                log.exception("None of %d questions could be answered", len(group))
            answers = [error] * len(group)
        for loop in {one.loop for one in group}:
            own = [
                (one.future, answer)
                for one, answer in zip(group, answers, strict=True)
                if one.loop is loop
            ]
            loop.call_soon_threadsafe(_settle, own)


def _settle(answers: Sequence[tuple[asyncio.Future[A], A | Exception]]) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
