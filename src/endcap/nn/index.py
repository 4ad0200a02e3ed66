"""An index of very many vectors: which may have the largest products, found roughly and soon.

Each number of a vector is told by one of 16 levels that were learned for its place: 4 bits, an
eighth of the memory that is to be read. Of what a question is multiplied with there are then 16
products a place, a table that stays in the registers of the processor. It is product quantisation
(Jégou, Douze & Schmid, TPAMI 2011) with the look-up of André, Kermarrec & Le Scouarnec (TPAMI
2021), by faiss (Douze et al., arXiv 2401.08281).
"""

from __future__ import annotations

import importlib
import logging
from types import ModuleType
from typing import Self

import numpy as np

from endcap.types import Floats, Int32s, Int64s

log = logging.getLogger("endcap.nn")

BITS = 4

SAMPLE = 1 << 16
"""Vectors that the levels are learned from."""

DEEPER = 4
"""How many times as many are found as are wanted, for the best to be among them: of vectors that
are even in all directions, which is the hardest case, .996 of the best then are."""


class Index:
    """Knows some vectors by what is told of them. vectors: [items, dim]"""

    def __init__(self, vectors: Floats, faiss: ModuleType) -> None:
        dim = vectors.shape[1]
        chosen = np.random.default_rng(0).permutation(len(vectors))[:SAMPLE]
        self._found = faiss.IndexPQFastScan(dim, dim, BITS, faiss.METRIC_INNER_PRODUCT)
        self._found.train(vectors[np.sort(chosen)])
        self._found.add(vectors)

    @classmethod
    def of(cls, vectors: Floats) -> Self | None:
        """None where faiss is not installed."""
        try:
            faiss = importlib.import_module("faiss")
        except ImportError:
            log.info(
                "%d items are gone through one by one: `pip install 'endcap[index]'`", len(vectors)
            )
            return None
        return cls(vectors, faiss)

    def near(self, read: Floats, wanted: Int64s) -> tuple[Int32s, Int32s]:
        """Queries and items: for each query `DEEPER` times as many as are wanted of it.

        read: [Q, dim]. wanted: [Q]
        """
        depth = np.minimum(DEEPER * wanted, self._found.ntotal)
        _, items = self._found.search(read, int(depth.max()))
        # What a query gets must not hang on how many another wants.
        query, place = np.nonzero((np.arange(items.shape[1]) < depth[:, None]) & (items >= 0))
        return query.astype(np.int32), items[query, place].astype(np.int32)
