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
from types import FrameType
from typing import Self

import uvicorn

log = logging.getLogger("endcap.serve")

GRACE = 10
"""Seconds that requests have to come to their end when the service stops."""

PAUSE = 1.0
"""Seconds before a worker that died young is replaced."""

AT_A_TIME = 1
"""Connections that a worker takes before it looks after those that it has: one that took all that
came together would leave the others without any."""

WAITING = 2048
"""Connections that may wait to be taken."""


class Listening(socket.socket):
    """A socket at which connections wait. An event loop that is to take few at a time would have
    few of them wait, too: to it both are one number."""

    @classmethod
    def at(cls, host: str, port: int, family: int) -> Self:
        """Raises OSError."""
        made = socket.create_server((host, port), family=family, backlog=WAITING)
        return cls(fileno=made.detach())

    def listen(self, backlog: int = WAITING, /) -> None:
        super().listen(max(backlog, WAITING))


def serve(config: uvicorn.Config, listening: socket.socket, workers: int) -> None:
    """Answer until told to stop, in this process or in several that are forked from it.

    A worker that dies is replaced. All have the socket in common: whoever is free takes the next
    connection.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file
    if workers == 1:
        uvicorn.Server(config).run(sockets=[listening])
    else:
        Workers(lambda: uvicorn.Server(config).run(sockets=[listening]), workers).run()


class Workers:
    """Keeps so many processes at work."""

    def __init__(self, work: Callable[[], None], count: int) -> None:
        self.work, self.count = work, count
        self._begun: dict[int, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Until a signal says to stop; then until all have come to their end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(self.count):
            self._begin()
        while self._begun:
            pid, status = os.wait()
            began = self._begun.pop(pid, None)
            if began is None or self._stopping:
                continue
            code = os.waitstatus_to_exitcode(status)
            log.error("Worker %d ended with %d; another takes its place", pid, code)
            if time.monotonic() - began < PAUSE:
                time.sleep(PAUSE)
            if not self._stopping:
                self._begin()

    def _begin(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._begun[pid] = time.monotonic()
            if self._stopping:  # the signal came while it was being made
                os.kill(pid, signal.SIGTERM)
            return
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
            self.work()
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
