"""Processes that write to one file take turns.

SQLite lets one of them write, and has the others look again after pauses that grow to a tenth of a
second. Who waits for a lock of the system is woken as soon as it is free.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Turn:
    """Used on one thread of each process. Where there can be no file, SQLite's own way is left."""

    def __init__(self, path: Path | None) -> None:
        """path: of a file for nothing but this; None where the database sees to it by itself."""
        self.path = path
        self._file: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """While no other process writes."""
        self._open()
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def _open(self) -> None:
        if self.path is not None and self._file is None:
            with suppress(OSError):
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
