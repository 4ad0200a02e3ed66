"""The mean, over the right answers, of the precision at their places; its mean is MAP."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def average_precision(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] Σ precision at each hit / min(k, right answers) (Manning et al., IR, 2008, ch. 8.4).

    NaN where there was nothing to find. The precision at the nth hit is n / its place.

    >>> lists = Ranking.best(np.array([[9, 8, 7, 6]], np.float32), 4)
    >>> average_precision(lists, Ragged.of([[0, 3]]), Catalogue.of({}), k=4)
    array([0.75], dtype=float32)
    """
    query, place = ranking.found(truth, k)
    before = np.arange(len(query)) - np.searchsorted(query, query) + 1
    total = np.bincount(query, before / place, minlength=len(truth))
    most = np.minimum(truth.lengths, k)
    return np.where(most > 0, total / np.maximum(most, 1), np.nan).astype(np.float32)
