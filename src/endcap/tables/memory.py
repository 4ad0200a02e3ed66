"""How much memory `prepare` needs, known before it starts, and what to do where it is too much.

The engine works in its half of the budget and spills what is larger. The other half is for what
no engine does: the features of visitors, for which all events are in memory once, as arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow.parquet as pq

from endcap.config import Shop, within
from endcap.errors import StateError
from endcap.tables.imported import files

PROGRAM = 350 << 20
"""Bytes of Python and its libraries, and of a batch of visitors."""

EVENT = 52
"""Bytes of an event: 26 in its columns, which are there twice while they are read."""

ENGINE = 1 << 29
"""Bytes that an engine needs to spill well."""


def needed(shop: Shop) -> int:
    """Bytes of a budget that `prepare` can keep."""
    rows = sum(pq.read_metadata(path).num_rows for path in files(shop.tables, "events"))
    return 2 * max(PROGRAM + EVENT * rows, ENGINE)


@contextmanager
def budget(shop: Shop) -> Iterator[None]:
    """Keep the budget. Raises StateError before anything is done where it is too small, and in
    the middle where it turns out to be."""
    given = shop.config.resources.bytes
    if given and given < (least := needed(shop)):
        raise StateError(
            f"[resources] memory = {shop.config.resources.memory!r} is too little to prepare this "
            f"log, which takes about {least / 1e9:.1f} GB",
            mend="Raise it, import fewer months, or prepare on a machine with more memory",
        )
    try:
        with within(given):
            yield
    except MemoryError as error:
        raise StateError(
            f"[resources] memory = {shop.config.resources.memory!r} is used up",
            mend="Raise it; what is done is kept, and the same command goes on from there",
        ) from error
