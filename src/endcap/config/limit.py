"""The budget of memory, kept: what would go beyond it fails in this process and says so, before
the system ends it without a word."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def within(size: int) -> Iterator[None]:
    """Let this process have no more than so many bytes of its own; 0 sets no bound.

    What asks for more gets a MemoryError, or what its library makes of it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if not size:
        yield
        return
    bound = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
