"""Processes that write to one file take turns.

SQLite lets one of them write, and has the others look again after pauses that grow to a tenth of a
second. Who waits for a lock of the system is woken as soon as it is free.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def file_lock(path: Path | None) -> Iterator[None]:
    """While no other process writes. path: of a file for nothing but this, None where the database
    sees to it by itself; where there can be no file, SQLite's own way is left."""
    with ExitStack() as held:
        with suppress(OSError):
            if path is not None:
                fcntl.flock(held.enter_context(path.open("w")), fcntl.LOCK_EX)
        yield
