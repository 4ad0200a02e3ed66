"""The share of the catalogue that is shown to anybody."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def coverage(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[1] distinct items among all first-k lists / items of the catalogue."""
    shown = np.unique(ranking.top(k).item)
    return np.array([len(shown) / max(len(catalogue), 1)], np.float32)
