"""Right answers count more the higher they stand, against the best possible list."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def ndcg(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] Σ 1 / log2(place + 1) over the hits, by its largest possible value.

    NaN where there was nothing to find (Järvelin & Kekäläinen, ACM TOIS 2002, with gains of
    0 and 1).

    >>> lists = Ranking.best(np.array([[9, 8, 7], [9, 8, 7]], np.float32), 3)
    >>> ndcg(lists, Ragged.of([[0], [2]]), Catalogue.of({}), k=3)
    array([1. , 0.5], dtype=float32)
    """
    query, place = ranking.found(truth, k)
    gain = np.bincount(query, 1 / np.log2(place + 1.0), minlength=len(truth))
    ideal = np.r_[0, np.cumsum(1 / np.log2(np.arange(k) + 2.0))][np.minimum(truth.lengths, k)]
    return np.where(ideal > 0, gain / np.where(ideal > 0, ideal, 1), np.nan).astype(np.float32)
