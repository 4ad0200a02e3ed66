"""Processes that answer at one address."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from mmap import mmap
from types import FrameType
from typing import Any, Self

import uvicorn

log = logging.getLogger("endcap.serve")

GRACE = 10
"""Seconds that requests have to come to their end when the service stops."""

PAUSE = 1.0
"""Seconds before a worker that died young is replaced."""

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


def serve(config: uvicorn.Config, listening: Listening, workers: int) -> None:
    """Answer until told to stop, in this process or in several that are forked from it.

    A worker that dies is replaced. All have the socket in common.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file
    if workers == 1:
        uvicorn.Server(config).run(sockets=[listening])
    else:

        def work(number: int) -> None:
            listening.shares.begin(number)
            uvicorn.Server(config).run(sockets=[listening])

        Workers(work, workers).run()


class Workers:
    """Keeps so many processes at work. work: is told the number of its worker, from 0."""

    def __init__(self, work: Callable[[int], None], count: int) -> None:
        self.work, self.count = work, count
        self._begun: dict[int, tuple[int, float]] = {}
        self._stopping = False

    def run(self) -> None:
        """Until a signal says to stop; then until all have come to their end."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, self._stop)
        for number in range(self.count):
            self._begin(number)
        while self._begun:
            pid, status = os.wait()
            number, began = self._begun.pop(pid, (-1, 0.0))
            if number < 0 or self._stopping:
                continue
            code = os.waitstatus_to_exitcode(status)
            log.error("Worker %d ended with %d; another takes its place", pid, code)
            if time.monotonic() - began < PAUSE:
                time.sleep(PAUSE)
            if not self._stopping:
                self._begin(number)

    def _begin(self, number: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._begun[pid] = number, time.monotonic()
            if self._stopping:  # the signal came while it was being made
                os.kill(pid, signal.SIGTERM)
            return
        code = 1
        try:
            for one in (signal.SIGTERM, signal.SIGINT):
                signal.signal(one, signal.SIG_DFL)
            threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
            self.work(number)
            code = 0
        except KeyboardInterrupt:
            code = 0
        except BaseException:
            log.exception("A worker failed")
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
    """No worker stays behind alone where the one that keeps them was killed."""
    while os.getppid() == parent:
        time.sleep(PAUSE)
    os.kill(os.getpid(), signal.SIGTERM)
