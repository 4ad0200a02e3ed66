"""The share of the catalogue that is shown to anybody."""

from __future__ import annotations

import numpy as np

from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Ragged, Ranking, distinct


def coverage(ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats:
    """[1] distinct items among all first-k lists / items of the catalogue.

    Catalogue coverage (Ge, Delgado-Battenfeld & Jannach, RecSys 2010).

    >>> goods = Catalogue.of({"item_id": ["a", "b", "c", "d"]})
    >>> lists = Ranking.best(np.array([[9, 8, 7, 6], [8, 9, 7, 6]], np.float32), 4)
    >>> coverage(lists, Ragged.empty(2), goods, k=2)
    array([0.5], dtype=float32)
    """
    shown = distinct(ranking.top(k).item)
    return np.array([len(shown) / max(len(catalogue), 1)], np.float32)
