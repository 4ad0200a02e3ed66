"""What is committed to a SQLite file moves from its log to its place while nobody waits for it.

SQLite writes to a log first and, once that holds 1,000 pages, has whoever commits next carry all of
it to its place in the file and wait for the disk. A hundred events touch some 190 pages, as their
ids fall all over the index; so every fifth batch waited for ten times its own.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from endcap.store.file_lock import file_lock

log = logging.getLogger("endcap.store")

EVERY = 1.0
"""Seconds after something was written until it is moved."""

LARGE = 32_768
"""Pages of the log, 4 kB each, from which on it begins anew. It does so by itself where everything
has been moved before more is written, which under load never happens."""


class Checkpoints:
    """A thread that moves what was written. Several processes may have one each for a file.

    path: of the file by which those who write take turns.
    """

    def __init__(self, engine: Engine, path: Path | None) -> None:
        self.engine, self.path = engine, path
        self._due, self._stop = threading.Event(), threading.Event()
        self._own: Connection | None = None
        self._thread = threading.Thread(target=self._go_on, name="checkpoints", daemon=True)
        self._thread.start()

    def due(self) -> None:
        """Something was written."""
        self._due.set()

    def stop(self) -> None:
        self._stop.set()
        self._due.set()
        self._thread.join()
        if self._own is not None:
            self._own.close()

    def once(self) -> None:
        """What others still read stays for the next time, and so does all where it can't be
        done."""
        try:
            if self._move("PASSIVE") >= LARGE:
                self._move("PASSIVE")  # so that little is left for those who write to wait for
                with file_lock(self.path):
                    self._move("RESTART")
        except SQLAlchemyError as error:
            log.warning("The log of the store can't be moved to its place yet: %s", error)

    def _move(self, how: str) -> int:
        """The pages that the log holds."""
        if self._own is None:
            self._own = self.engine.connect()
            self._own.detach()  # nobody else is to have a connection that is so impatient
            self._own.exec_driver_sql("PRAGMA busy_timeout = 0")
        return int(self._own.exec_driver_sql(f"PRAGMA wal_checkpoint({how})").one()[1])

    def _go_on(self) -> None:
        while self._due.wait():
            if self._stop.wait(EVERY):
                return
            self._due.clear()
            self.once()
