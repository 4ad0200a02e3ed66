"""From the folder of a release to what the service can answer from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from endcap.config import Shop
from endcap.experiment.batch import served
from endcap.serve import preloaded
from endcap.serve.deadline import Deadline
from endcap.serve.loaded import Loaded, shelved
from endcap.serve.probes import probe
from endcap.store.events import LiveEvents
from endcap.store.items import Goods, Word
from endcap.store.people import People
from endcap.store.releases import Releases
from endcap.store.visitors import Visitors
from endcap.tables.dataset import Dataset

log = logging.getLogger("endcap.serve")


class Loading:
    """Reads what a shop has, over what its store says of items and people."""

    def __init__(self, shop: Shop, live: LiveEvents) -> None:
        self.shop, self.live = shop, live
        self.goods, self.people = Goods(live.database), People(live.database)

    def release(
        self, name: str, dataset: Dataset | None, now: int, first: Sequence[str] = ()
    ) -> Loaded:
        """A release over the items as they are now, tried at the moment `now`.

        first: ids of items that are to have the first codes behind the release's own. Raises
        ReleaseError where a file is not what was written, or where the release does not answer as
        it should.
        """
        releases, settings = Releases(self.shop.releases), self.shop.config.serve
        folder, manifest = releases.path(name), releases.manifest(name)
        releases.verify(name)
        within = Deadline(settings.ranker_seconds)
        recommender = replace(preloaded.recommender(served(folder)), within=within)
        visitors = Visitors(
            dataset, recommender.catalogue, self.live, recommender.config.events, self.people
        )
        visitors.history("")  # so that the first request finds all indexes made
        if recommender.hears_context:
            visitors.labels("")
        until, fitted = manifest["learned_until"]["live"], recommender.retrievers
        loaded = self.stocked(Loaded(name, recommender, visitors, until, fitted), first)
        probe(loaded.recommender, loaded.visitors, now, settings.probe_seconds)
        return loaded

    def stocked(self, loaded: Loaded, first: Sequence[str] = ()) -> Loaded:
        """A release over the items as they are now, as far as that can be read."""
        try:
            said, words = self.goods.since(0)
        except SQLAlchemyError:
            said, words = 0, list[Word]()  # they are read as soon as the store is there
        return loaded.stocked(words, said, first)

    def renewed(self, loaded: Loaded) -> Loaded:
        """The same after what was said of items since; itself where nothing was."""
        if self.goods.latest() <= loaded.said:
            return loaded
        said, words = self.goods.since(loaded.said)
        return loaded.over(shelved(loaded.catalogue, words), said)

    def dataset(self, before: Loaded | None) -> Dataset | None:
        """What was prepared. Where that can't be read, a release answers without, knowing live
        events only; but not where what is loaded has better ones."""
        pointer = self.shop.prepared / "current"
        if not pointer.is_file():
            return None
        try:
            return preloaded.dataset(self.shop.prepared / pointer.read_text().strip())
        except Exception:
            if before is not None:
                raise
            log.exception("The prepared tables can't be read; answering without them")
            return None

    def earlier(self, dataset: Dataset | None, now: int) -> Loaded | None:
        """The newest release that was live before and can be loaded."""
        for name in Releases(self.shop.releases).before():
            try:
                return self.release(name, dataset, now)
            except Exception:
                log.exception("An earlier release, %s, can't be loaded either", name)
        return None
