"""Events that are sorted by visitor, some visitors at a time: who looks at each visitor by
themselves need not have all events in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from endcap.tables.steps import written
from endcap.types import Int64s, offsets_of

PIECE = 1 << 18
"""Events in memory at once, beside those of one visitor who has more."""


def pieces(events: Path, columns: Sequence[str], size: int = PIECE) -> Iterator[pa.Table]:
    """All events, those of a visitor never in two pieces.

    events: a file or a folder of files. columns: `user` among them.
    """
    held: pa.Table | None = None
    for batch in _batches(events, columns, size):
        rows = batch if held is None else pa.concat_tables([held, batch])
        user = rows["user"].to_numpy()
        whole = int(np.searchsorted(user, user[-1]))  # who is last may go on in the next batch
        if whole:
            yield rows.slice(0, whole)
        held = rows.slice(whole)
    if held is not None:
        yield held


def offsets(users: pa.ChunkedArray) -> Int64s:
    """[visitors + 1] where the events of each visitor of a piece begin."""
    user = users.to_numpy()
    return offsets_of(np.diff(np.flatnonzero(np.diff(user)) + 1, prepend=0, append=len(user)))


def _batches(events: Path, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
    for path in written(events):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(size, columns=list(columns)):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch])
