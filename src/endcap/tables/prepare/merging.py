"""Devices that turned out to be a user's: what was done on them is that user's."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from ibis.expr.types import Table

from endcap.tables.engines import Engine


def merged(engine: Engine, events: Table, tables: Path) -> Table:
    """The events with the user of each device, where nobody was signed in on it."""
    path = tables / "merges" / "live.parquet"
    if not path.is_file() or not pq.read_metadata(path).num_rows:
        return events
    known = engine.read([path]).select(device="anonymous_id", owner="user_id")
    joined = events.left_join(known, events.anonymous_id == known.device)
    user = joined.user_id.nullif("").coalesce(joined.owner)
    return joined.mutate(user_id=user).drop("device", "owner")
