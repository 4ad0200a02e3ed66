"""Keys that come more often than they should. They are few, so that an engine need look at nothing
but their rows; and to sort numbers takes a tenth of what it takes to group by them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.tables.steps import written
from endcap.types import distinct

Keys: TypeAlias = NDArray[np.integer[Any]]

AT_ONCE = 1 << 24
"""Keys that are sorted at once: it bounds the memory, at a quarter of a gigabyte."""

GROUPS = 16
"""Groups of rows that are read at once: by as many processors as there are."""


def write_repeated(step: Path, path: Path, column: str, most: int, at_once: int = AT_ONCE) -> None:
    """The keys that more than `most` rows of a step have, each once, as a table of one column.

    column: of whole numbers; a row without one does not count.
    """
    rows = sum(pq.read_metadata(part).num_rows for part in written(step))
    turns = max(1, -(-rows // at_once))
    found = [_repeated(step, column, most, turn, turns) for turn in range(turns)]
    pq.write_table(pa.table({column: np.concatenate(found)}), path)


def _repeated(step: Path, column: str, most: int, turn: int, turns: int) -> Keys:
    """Those of one turn, which is by the rest of a division."""
    parts = [keys if turns == 1 else keys[keys % turns == turn] for keys in _keys(step, column)]
    keys = np.concatenate(parts)
    keys.sort()
    later = keys[most:]
    return distinct(later[later == keys[: len(later)]])


def _keys(step: Path, column: str) -> Iterator[Keys]:
    """An empty array first, of the column's type."""
    for place, part in enumerate(written(step)):
        with pq.ParquetFile(part) as file:
            if not place:
                yield np.zeros(0, file.schema_arrow.field(column).type.to_pandas_dtype())
            groups = range(file.num_row_groups)
            for first in range(0, len(groups), GROUPS):
                some = file.read_row_groups(groups[first : first + GROUPS], [column])
                yield some[column].drop_null().to_numpy()
