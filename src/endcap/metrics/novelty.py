"""How little known the shown items are."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking


def novelty(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[Q] mean of 1 − popularity over the first k, popularity being the log of the item's past
    events on a scale from 0 (none) to 1 (the most popular). Compare Zhou et al., PNAS 2010.

    Popularity is the catalogue's feature `events`, known before the part that is judged.
    NaN for an empty list.

    >>> goods = Catalogue.of({}, {"events": [1.0, 0.5, 0.0]})
    >>> lists = Ranking.best(np.array([[9, 8, 7]], np.float32), 3)
    >>> novelty(lists, Ragged.empty(1), goods, k=2)
    array([0.25], dtype=float32)
    """
    shown = ranking.top(k)
    surprise = 1 - catalogue.feature("events")
    total = np.bincount(shown.query, surprise[shown.item], minlength=len(truth))
    length = np.bincount(shown.query, minlength=len(truth))
    return np.where(length > 0, total / np.maximum(length, 1), np.nan).astype(np.float32)
