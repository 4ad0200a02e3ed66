"""How many visitors met each item before each part.

To group ten million events by visitor and item takes an engine longer than to read and write them.
Where those of a visitor stand together, it is a sort of few numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.tables.parts import Part
from endcap.types import Int32s, Int64s, firsts

ITEM, PART = 31, 3
"""Bits of an item's code and of a part."""


class Met:
    """Counts as the log comes by, some visitors at a time.

    first: [parts, items] visitors who met the item in that part for the first time.
    """

    def __init__(self) -> None:
        self.first = np.zeros((len(Part), 0), np.int64)

    def add(self, offsets: Int64s, items: Int32s, parts: NDArray[np.int8]) -> None:
        """offsets: [visitors + 1] where the events of each begin."""
        visitor = np.arange(len(offsets) - 1).repeat(np.diff(offsets))
        keys = np.sort((visitor << ITEM | items) << PART | parts)
        first = keys[firsts(keys >> PART)]
        item, part = first >> PART & ((1 << ITEM) - 1), first & ((1 << PART) - 1)
        width = max(self.first.shape[1], 1 + int(item.max(initial=-1)))
        counts = np.bincount(part * width + item, minlength=len(Part) * width)
        self.first = _wider(self.first, width) + counts.reshape(len(Part), width)

    def write(self, path: Path) -> None:
        pq.write_table(self.table(), path)

    def table(self) -> pa.Table:
        """A row for each item that anybody met: `item`, and `visitors_1` before part 1."""
        items = np.flatnonzero(self.first.sum(0))
        before = {
            f"visitors_{int(part)}": self.first[: int(part), items].sum(0)
            for part in list(Part)[1:]
        }
        return pa.table({"item": items.astype(np.int32), **before})


def _wider(counts: Int64s, width: int) -> Int64s:
    return np.pad(counts, ((0, 0), (0, width - counts.shape[1])))
