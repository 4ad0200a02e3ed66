"""The share of all right answers that are among the first k."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def recall(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] from 0 to 1, NaN where there was nothing to find (Manning et al., IR, 2008, ch. 8.3).

    >>> lists = Ranking.best(np.array([[9, 8, 7, 6]], np.float32), 4)
    >>> recall(lists, Ragged.of([[0, 1, 3]]), Catalogue.of({}), k=2)
    array([0.6666667], dtype=float32)
    """
    hits = np.bincount(ranking.found(truth, k)[0], minlength=len(truth))
    wanted = truth.lengths
    return np.where(wanted > 0, hits / np.maximum(wanted, 1), np.nan).astype(np.float32)
