"""How much memory `prepare` needs, known before it starts, and what to do where it is too much.

The engine works in its half of the budget and spills what is larger. The other half is for what
no engine does: the features of visitors, which are made some visitors at a time.
"""

from __future__ import annotations

import pyarrow.parquet as pq

from endcap.config import Shop
from endcap.errors import StateError
from endcap.tables.imported import files

PROGRAM = 350 << 20
"""Bytes of Python and its libraries, and of a piece of the log."""

EVENT = 16
"""Bytes of a visitor, of whom there are no more than events: one feature, and what is sorted of
it to know its spread."""

ENGINE = 1 << 29
"""Bytes that an engine needs to spill well."""


def needed(shop: Shop) -> int:
    """Bytes of a budget that `prepare` can keep."""
    rows = sum(pq.read_metadata(path).num_rows for path in files(shop.tables, "events"))
    return 2 * max(PROGRAM + EVENT * int(rows), ENGINE)


def check_memory(shop: Shop) -> None:
    """Raises StateError, before anything is done, where the budget is too small."""
    given = shop.config.resources.bytes
    if given and given < (least := needed(shop)):
        raise StateError(
            f"[resources] memory = {shop.config.resources.memory!r} is too little to prepare this "
            f"log, which takes about {least / 1e9:.1f} GB",
            mend="Raise it, import fewer months, or prepare on a machine with more memory",
        )
