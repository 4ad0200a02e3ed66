"""Who took what: the matrix of visitors and items, for models that do without the order."""

from __future__ import annotations

import numpy as np

from endcap.types import Floats, History, Int32s, Int64s, offsets_of
from endcap.types.sparse import Matrix, row_of, sums

ONE = 1 << 16
"""What an event of weight 1 says, as a whole number: sums of products of two are still exact."""


def interactions(history: History, weight: Floats, most: int, items: int) -> Matrix:
    """[rows, items] the first `most` different items of each row, by their strongest event.

    weight: [event types] how much each says, here in whole units of 2^-16; an event that says
    nothing is none. The first items stay where the newest would have to go again: so what is
    made of an event need never be taken back.
    """
    history = history.keep(saying(weight)[history.kinds] > 0)
    keys = history.rows * np.int64(items) + history.items
    pairs, first, place = np.unique(keys, return_index=True, return_inverse=True)
    strongest = np.zeros(len(pairs), np.int64)
    np.maximum.at(strongest, place, saying(weight)[history.kinds])
    rows, columns = np.divmod(pairs, items)
    kept = _rank(first, rows, len(history)) < most
    return sums(rows[kept], columns[kept], strongest[kept], (len(history), items))


def saying(weight: Floats) -> Int64s:
    """Weights in whole units."""
    return np.rint(weight.astype(np.float64) * ONE).astype(np.int64)


def rises(taken: Matrix, items: Int32s, says: Int64s, most: int) -> tuple[Int64s, Int64s]:
    """What one more event a row makes of its item: its value before, and after.

    taken: the rows before the events. items, says: [rows] the events' items and weights.
    """
    rows = row_of(taken)
    same = taken.indices == items[rows]
    before = np.zeros(len(items), np.int64)
    before[rows[same]] = taken.data[same]
    room = (before > 0) | (np.diff(taken.indptr) < most)
    return before, np.where(room, np.maximum(before, says), before)


def _rank(first: Int64s, rows: Int64s, size: int) -> Int64s:
    """[pairs] how many pairs of the same row began before. first: [pairs] where each began."""
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank - offsets_of(np.bincount(rows, minlength=size))[rows]
