"""What processes that answer have in common: read once, before they part.

A process that is forked from another shares its memory for as long as neither changes it. So the
one that starts the others reads the live release first, and each of them finds it here.
"""

from __future__ import annotations

import gc
import logging
from pathlib import Path

import numpy as np

from endcap.config import Shop
from endcap.errors import EndcapError
from endcap.experiment.batch import served
from endcap.newer_catalogue import over
from endcap.nn import memory
from endcap.recommender import Recommender
from endcap.store.clock import now
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.overlay import Overlay
from endcap.tables.prepare import prepared
from endcap.types import History, Queries

log = logging.getLogger("endcap.serve")

_recommenders: dict[Path, Recommender] = {}
_datasets: dict[Path, Dataset] = {}


def recommender(folder: Path) -> Recommender:
    """Of a release's folder, over a catalogue in which items may change. Raises ReleaseError."""
    return _recommenders.get(folder) or _loaded(folder)


def dataset(folder: Path) -> Dataset:
    """A prepared folder. Raises StateError."""
    found = _datasets.get(folder)
    return Dataset.load(folder) if found is None else found


def read(shop: Shop) -> None:
    """Have what is live in memory, where it can be read; where not, those who need it say why."""
    _read(shop)
    gc.collect()
    memory.give_back()
    gc.freeze()  # or the first search for garbage would change, and so copy, all of it


def _read(shop: Shop) -> None:
    try:
        release, tables = served(Releases(shop.releases).path()), prepared(shop)
        system = _recommenders[release] = _loaded(release)
        _ask(system)
        _datasets[tables] = dataset = Dataset.load(tables)
        dataset.history.take(dataset.user_codes([""]))  # so that its indexes are made
    except EndcapError:
        return
    except Exception:
        log.exception("The live release can't be read before the workers part")


def _loaded(folder: Path) -> Recommender:
    system = Recommender.load(folder)
    catalogue = system.catalogue
    _ = catalogue.attributes.own  # so that the first filter finds what it may speak of
    catalogue.named(np.zeros(0, np.int32))  # and the first answer what it names items by
    for market in catalogue.markets:
        catalogue.in_market(market)
    return over(system, Overlay.over(catalogue))


def _ask(system: Recommender) -> None:
    """What the first answer derives is then made for all."""
    nobody, moment = np.zeros(1, np.int32), np.array([now()])
    past = History(np.array([0, 1]), nobody, nobody.astype(np.int8), moment - 1)
    for placement in system.config.placements if len(system.catalogue) else ():
        system.answer(Queries.of(nobody, moment, past), 1, placement)
