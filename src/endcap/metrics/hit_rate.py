"""Whether a right answer is among the first k."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def hit_rate(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] 1 where one is, 0 where none is, NaN where there was nothing to find.

    HR@k, or success at k (Deshpande & Karypis, ACM TOIS 2004).

    >>> lists = Ranking.best(np.array([[9, 8, 7], [9, 8, 7]], np.float32), 3)
    >>> hit_rate(lists, Ragged.of([[1, 2], [2]]), Catalogue.of({}), k=2)
    array([1., 0.], dtype=float32)
    """
    hits = np.bincount(ranking.found(truth, k)[0], minlength=len(truth))
    return np.where(truth.lengths > 0, np.minimum(hits, 1), np.nan).astype(np.float32)
