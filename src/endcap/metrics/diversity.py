"""How different the items of one list are."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking, pair_keys


def diversity(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] share of the pairs among the first k that come from different categories.

    Intra-list diversity (Ziegler et al., WWW 2005). An item without a category differs from
    all others; NaN for a list of fewer than two.

    >>> goods = Catalogue.of({"category": [1, 1, 2, 0]})
    >>> lists = Ranking.best(np.array([[9, 8, 7, 6]], np.float32), 4)
    >>> diversity(lists, Ragged.empty(1), goods, k=3)
    array([0.6666667], dtype=float32)
    """
    shown = ranking.top(k)
    length = np.bincount(shown.query, minlength=len(truth)).astype(np.float64)
    tied = shown.keep(catalogue.category[shown.item] > 0)
    (keys,) = pair_keys((tied.query, catalogue.category[tied.item]))
    _, first, size = np.unique(keys, return_index=True, return_counts=True)
    alike = np.bincount(tied.query[first], size * (size - 1) / 2, minlength=len(truth))
    pairs = length * (length - 1) / 2
    return np.where(pairs > 0, 1 - alike / np.maximum(pairs, 1), np.nan).astype(np.float32)
