"""Whether a right answer is among the first k."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def hit_rate(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] 1 where one is, 0 where none is, NaN where there was nothing to find."""
    found = ranking.hits(truth) & (ranking.worst_places <= k)
    hits = np.bincount(ranking.query[found], minlength=len(truth))
    return np.where(truth.lengths > 0, np.minimum(hits, 1), np.nan).astype(np.float32)
