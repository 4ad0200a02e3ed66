"""How unevenly what is shown falls on the items of the catalogue."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def gini(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[1] 0 where every item is shown equally often, near 1 where a few take all."""
    shown = np.sort(np.bincount(ranking.top(k).item, minlength=len(catalogue)))
    share = np.cumsum(shown) / max(shown.sum(), 1)
    return np.array([(len(shown) + 1 - 2 * share.sum()) / max(len(shown), 1)], np.float32)
