"""What processes that answer have in common: read once, before they part.

A process that is forked from another shares its memory for as long as neither changes it. So the
one that starts the others reads the live release first, and each of them finds it here.
"""

from __future__ import annotations

import gc
import time
from functools import lru_cache
from pathlib import Path

import numpy as np

from endcap.config import Shop
from endcap.errors import EndcapError
from endcap.experiment.batch import served
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared
from endcap.types import History, Queries


@lru_cache(maxsize=1)
def recommender(folder: Path) -> Recommender:
    """Of a release's folder, with all that its first answer makes; the last one is kept. Raises
    ReleaseError."""
    found = Recommender.load(folder)
    nobody, now = np.zeros(1, np.int32), np.array([time.time_ns() // 1_000])
    past = History(np.array([0, 1]), nobody, nobody.astype(np.int8), now - 1)
    queries = Queries.of(nobody, now, past)
    for placement in found.config.placements if len(found.catalogue) else ():
        found.answer(queries, 1, placement)
    return found


@lru_cache(maxsize=1)
def dataset(folder: Path) -> Dataset:
    """A prepared folder; the last one is kept."""
    found = Dataset.load(folder)
    found.user_codes([""])  # what it looks users up by
    return found


def read(shop: Shop) -> None:
    """Have what is live in memory, where it can be read; where not, those who need it say why."""
    try:
        recommender(served(Releases(shop.releases).path()))
        dataset(prepared(shop))
    except EndcapError:
        return
    gc.collect()
    gc.freeze()  # or the first search for garbage would change, and so copy, all of it
