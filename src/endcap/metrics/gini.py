"""How unevenly what is shown falls on the items of the catalogue."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def gini(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[1] 0 where every item is shown equally often, near 1 where a few take all.

    The Gini index of the items' shares of all places (Fleder & Hosanagar, Management Science
    2009); NaN where nothing is shown.

    >>> goods = Catalogue.of({"item_id": ["a", "b", "c", "d"]})
    >>> lists = Ranking.best(np.array([[9, 8, 7, 6], [8, 9, 7, 6]], np.float32), 4)
    >>> gini(lists, Ragged.empty(2), goods, k=4), gini(lists, Ragged.empty(2), goods, k=2)
    (array([0.], dtype=float32), array([0.5], dtype=float32))
    """
    shown = np.sort(np.bincount(ranking.top(k).item, minlength=len(catalogue)))
    if not shown.any():
        return np.array([np.nan], np.float32)
    below = np.cumsum(shown) / shown.sum()
    return np.array([(len(shown) + 1 - 2 * below.sum()) / len(shown)], np.float32)
