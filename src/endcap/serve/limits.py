"""How much may be asked for: token buckets, one for each who asks, shared by all workers.

The buckets are a table of fixed size in a file that each worker process maps into its memory:

    hash of who (8 bytes) | requests left (8) | when that was (8)      8 such in a row of the table

So a limit holds however many workers there are, a request costs a few microseconds and no query,
and someone who comes from a million addresses can't fill the memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = ".limits"
"""In the shop folder. It may be removed at any time: then all begin with full buckets."""

ROWS, SLOTS = 16_384, 8
"""Where all slots of a row are taken, the one that was unused for longest makes place."""

_SLOT = struct.Struct("<Qdd")
_SIZE = ROWS * SLOTS * _SLOT.size


class Table:
    """The memory of all buckets. Used on one thread of each process, that of the event loop."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: that of the shop. Without one, or where nothing can be written in it, each
        process counts on its own."""
        self._file: int | None = None
        self._memory = mmap.mmap(-1, _SIZE) if folder is None else self._mapped(folder / FILE)

    @contextmanager
    def held(self) -> Iterator[mmap.mmap]:
        """The memory, while no other process changes it."""
        if self._file is None:
            yield self._memory
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield self._memory
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        self._memory.close()
        if self._file is not None:
            os.close(self._file)

    def _mapped(self, path: Path) -> mmap.mmap:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(self._file, _SIZE)
            return mmap.mmap(self._file, _SIZE)
        except OSError:
            return mmap.mmap(-1, _SIZE)


class Buckets:
    """Each holds up to `burst` requests and is filled again at `rate` a second."""

    def __init__(
        self,
        rate: float,
        burst: float,
        table: Table,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """name: of the buckets in a table that holds others too. clock: the same for all processes
        of a machine."""
        self.rate, self.burst, self.table, self.name, self.clock = rate, burst, table, name, clock

    def take(self, who: str) -> int:
        """Take one. Returns 0, or the whole seconds until there is one again."""
        mark = _mark(f"{self.name}\n{who}")
        with self.table.held() as memory:
            now = self.clock()  # later than all that others have written
            place, known, left, then = _slot(memory, mark)
            if known != mark or then > now:  # new, or from before the machine was started
                left, then = self.burst, now
            left = min(self.burst, left + (now - then) * self.rate)
            allowed = left >= 1
            _SLOT.pack_into(memory, place, mark, left - 1 if allowed else left, now)
        return 0 if allowed else max(1, math.ceil((1 - left) / self.rate))


def _mark(text: str) -> int:
    """A number of 64 bits, never 0, which an empty slot has."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) or 1


def _slot(memory: mmap.mmap, mark: int) -> tuple[int, int, float, float]:
    """Where someone's slot is, or the one that makes place, and what it holds."""
    start = mark % ROWS * SLOTS * _SLOT.size
    places = range(start, start + SLOTS * _SLOT.size, _SLOT.size)
    slots = [(place, *_SLOT.unpack_from(memory, place)) for place in places]
    for slot in slots:
        if slot[1] == mark:
            return slot
    return min(slots, key=lambda slot: slot[3])
