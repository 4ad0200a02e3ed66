"""What processes that answer have in common: read once, before they part.

A process that is forked from another shares its memory for as long as neither changes it. So the
one that starts the others reads the live release first, and each of them finds it here.
"""

from __future__ import annotations

import gc
from functools import lru_cache
from pathlib import Path

from endcap.config import Shop
from endcap.errors import EndcapError
from endcap.experiment.batch import served
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared


@lru_cache(maxsize=1)
def recommender(folder: Path) -> Recommender:
    """Of a release's folder; the last one is kept. Raises ReleaseError."""
    return Recommender.load(folder)


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
