"""The share of the first k that are right answers."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def precision(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] hits / k: a list shorter than k has empty places, which are wrong.

    NaN where there was nothing to find (Manning et al., IR, 2008, ch. 8.4).

    >>> lists = Ranking.best(np.array([[9, 8, 7, 6]], np.float32), 4)
    >>> precision(lists, Ragged.of([[0, 3]]), Catalogue.of({}), k=2)
    array([0.5], dtype=float32)
    """
    hits = np.bincount(ranking.found(truth, k)[0], minlength=len(truth))
    return np.where(truth.lengths > 0, hits / k, np.nan).astype(np.float32)
