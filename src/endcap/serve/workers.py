"""The processes of a service: those that answer at one address, and what goes on behind them."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from mmap import mmap
from types import FrameType
from typing import Any, Self, TypeAlias

import uvicorn

log = logging.getLogger("endcap.serve")

Work: TypeAlias = Callable[[], None]

GRACE = 10
"""Seconds that requests have to come to their end when the service stops."""

PAUSE = 1.0
"""Seconds before a process that died young is replaced."""

AT_A_TIME = 1
"""Connections that a worker takes before it looks after those that it has."""

WAITING = 2048
"""Connections that may wait to be taken."""

AFTER_YOU = 0.001
"""Seconds that a worker with more connections than another leaves a new one to that one."""


class Shares:
    """How many connections each of the workers has, in memory that they have in common."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap(-1, workers * 4)).cast("i")
        self._own = 0

    def begin(self, number: int) -> None:
        """This process is the worker of that number."""
        self._own = number
        self.has(0)

    def has(self, connections: int) -> None:
        """It has so many now."""
        self._counts[self._own] = connections

    def ahead(self) -> bool:
        """Whether it has more than it would have if one more went to another."""
        return self._counts[self._own] > min(self._counts)


class Listening(socket.socket):
    """A socket at which connections wait, each to be taken by a worker that has the fewest.

    All workers hear of a new one at once, and whoever is quickest would take it, and the next,
    until one has all that a crowd opens and the others none.
    """

    shares: Shares

    @classmethod
    def at(cls, address: tuple[str, int], family: int, workers: int) -> Self:
        """Raises OSError."""
        made = socket.create_server(address, family=family, backlog=WAITING)
        listening = cls(fileno=made.detach())
        listening.shares = Shares(workers)
        return listening

    def listen(self, backlog: int = WAITING, /) -> None:
        """An event loop that is to take few at a time would have few of them wait, too: to it both
        are one number."""
        super().listen(max(backlog, WAITING))

    def accept(self) -> tuple[socket.socket, Any]:
        if self.shares.ahead():
            time.sleep(AFTER_YOU)
        return super().accept()


def serve(
    config: uvicorn.Config, listening: Listening, workers: int, behind: Work | None = None
) -> None:
    """Answer until told to stop, in workers that have the socket in common.

    behind: what a process beside them does. With that, or several workers, each is forked from
    this one, and replaced where it dies.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file

    def answer(number: int) -> None:
        listening.shares.begin(number)
        _keep_to_one(number, workers)
        uvicorn.Server(config).run(sockets=[listening])

    if workers == 1 and behind is None:
        answer(0)
    else:
        answering = [partial(answer, number) for number in range(workers)]
        Processes([*answering, *([behind] if behind else [])]).run()


def _keep_to_one(number: int, workers: int) -> None:
    """Have this worker, and all threads that it begins, run on one processor, where each worker can
    have one. Its threads take turns anyway, and moved from one processor to another they find in
    its caches what others have left there."""
    if sys.platform == "linux":
        processors = sorted(os.sched_getaffinity(0))
        if len(processors) == workers:
            with suppress(OSError):  # a container may forbid it
                os.sched_setaffinity(0, {processors[number]})


class Processes:
    """Keeps a process at each work."""

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self._begun: dict[int, tuple[Work, float]] = {}
        self._stopping = False

    def run(self) -> None:
        """Until a signal says to stop; then until all have come to their end."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, self._stop)
        for work in self.works:
            self._begin(work)
        while self._begun:
            pid, status = os.wait()
            found = self._begun.pop(pid, None)
            if found is None or self._stopping:
                continue
            work, began = found
            code = os.waitstatus_to_exitcode(status)
            log.error("Process %d ended with %d; another takes its place", pid, code)
            if time.monotonic() - began < PAUSE:
                time.sleep(PAUSE)
            if not self._stopping:
                self._begin(work)

    def _begin(self, work: Work) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._begun[pid] = work, time.monotonic()
            if self._stopping:  # the signal came while it was being made
                os.kill(pid, signal.SIGTERM)
            return
        code = 1
        try:
            for one in (signal.SIGTERM, signal.SIGINT):
                signal.signal(one, signal.SIG_DFL)
            threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
            work()
            code = 0
        except KeyboardInterrupt:
            code = 0
        except BaseException:
            log.exception("A process of the service failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        for pid in self._begun:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pid, signal.SIGTERM)


def _leave_with(parent: int) -> None:
    """No process stays behind alone where the one that keeps them was killed."""
    while os.getppid() == parent:
        time.sleep(PAUSE)
    os.kill(os.getpid(), signal.SIGTERM)
