"""One over the place of the first right answer."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def mrr(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] 1 / place, 0 where no right answer is among the first k (Voorhees, TREC-8 1999).

    NaN where there was nothing to find.

    >>> lists = Ranking.best(np.array([[9, 8, 7], [9, 8, 7]], np.float32), 3)
    >>> mrr(lists, Ragged.of([[1], [2]]), Catalogue.of({}), k=2)
    array([0.5, 0. ], dtype=float32)
    """
    query, place = ranking.found(truth, k)
    best = np.zeros(len(truth))
    np.maximum.at(best, query, 1 / place)
    return np.where(truth.lengths > 0, best, np.nan).astype(np.float32)
