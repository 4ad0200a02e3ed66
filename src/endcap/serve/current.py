"""What the service answers from, and how it follows the pointer to the live release."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from endcap.config import Shop
from endcap.errors import EndcapError
from endcap.experiment.batch import served
from endcap.newcomers import over
from endcap.nn import memory
from endcap.recommender import Recommender
from endcap.serve import kept
from endcap.serve.deadline import Deadline
from endcap.serve.probes import probe
from endcap.serve.upkeep import Upkeep
from endcap.store.answers import Answers
from endcap.store.events import LiveEvents
from endcap.store.items import Goods, Word
from endcap.store.people import People
from endcap.store.releases import Releases
from endcap.store.visitors import Visitors
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.overlay import Overlay
from endcap.tables.schema import ITEMS

log = logging.getLogger("endcap.serve")

PERIOD = 1.0
"""Seconds between looks at the pointers and at what is new."""

LESSONS = 5_000
"""Live events that models are taught at once."""

REST = 20
"""Times as long as a lesson took until the next, so that answering keeps its share."""

FIRST = 30.0
"""Seconds that a process which begins has to load the release before it answers without one."""

Clock: TypeAlias = Callable[[], int]


def now() -> int:
    """UTC microseconds."""
    return time.time_ns() // 1_000


def begun_at(moment: int) -> Clock:
    """A clock that shows a moment of the past now, and goes on from there."""
    behind = now() - moment
    return lambda: now() - behind


@dataclass(frozen=True)
class Loaded:
    """A release in memory, and what visitors did in its item codes.

    until: the moment up to which the release was fitted; what came later can still be learned.
    learned: the number of the newest live event that its models have been taught.
    said: the number of the latest change of an item that it knows of.
    """

    release: str
    recommender: Recommender
    visitors: Visitors
    until: int
    learned: int = 0
    said: int = 0

    @property
    def catalogue(self) -> Overlay:
        """The items as they are now, over those of the release."""
        catalogue = self.recommender.catalogue
        return catalogue if isinstance(catalogue, Overlay) else Overlay.over(catalogue)

    def over(self, catalogue: Overlay, said: int) -> Loaded:
        """The same over a later state of the catalogue."""
        if catalogue is self.recommender.catalogue:
            return replace(self, said=said)
        return replace(
            self,
            recommender=over(self.recommender, catalogue),
            visitors=self.visitors.over(catalogue),
            said=said,
        )

    def grown(self, limit: int) -> Loaded:
        """The same after the next live events; itself where there are none."""
        arrivals = self.visitors.live.after(self.learned, self.visitors.kinds, limit)
        if not arrivals:
            return self
        newer = [one for one in arrivals if one.seen.time >= self.until]
        lessons = self.visitors.lessons(newer)
        recommender = self.recommender.learn(*lessons)
        if len(lessons[0]):  # so that the next request finds all that is derived made
            recommender.answer(lessons[0].take(np.array([0])), 1)
        return replace(self, recommender=recommender, learned=arrivals[-1].place)


class Current:
    """The live release. A newer one is loaded beside it and tried, then takes its place between
    two requests; one that is refused changes nothing.

    loaded: None until there is one.
    shadow: a release that answers in the background, None where there is none.
    trouble: why the newest can't be loaded, for people; "" where all is well.
    replay: take the end of the log for now. Models know the gaps between a shop's visits; to
        them, visitors of a log that ended years ago have all been away for years.
    """

    def __init__(
        self, shop: Shop, live: LiveEvents, clock: Clock = now, *, replay: bool = False
    ) -> None:
        self.shop, self.live, self.clock, self.replay = shop, live, clock, replay
        self.answers = Answers(live.database)
        self.goods = Goods(live.database)
        self.people = People(live.database)
        self.loaded: Loaded | None = None
        self.shadow: Loaded | None = None
        self.trouble = "The service has just started."
        self._seen: object = None
        self._learning = threading.Lock()
        self._changing = threading.Lock()
        self._stop, self._tried = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="releases", daemon=True)
        self._upkeep = Upkeep(shop, live.database, lambda: self.clock())

    @property
    def visitors(self) -> Visitors | None:
        return self.loaded.visitors if self.loaded else None

    def start(self) -> None:
        """Returns when the release is loaded, or can't be: until then, whoever comes waits at the
        socket, and others of this service may take them."""
        self._thread.start()
        self._upkeep.start()
        self._tried.wait(FIRST)

    def stop(self) -> None:
        """Stop looking, and write what is still to be written."""
        self._stop.set()
        self._thread.join()
        self._upkeep.stop()
        self.live.close()

    def refresh(self) -> None:
        """Load what the pointers name, if they have moved."""
        with self._learning:
            self._refresh()

    def _refresh(self) -> None:
        marks = [_mark(path) for path in self._pointers()]
        if marks == self._seen:
            return
        self._seen = marks
        try:
            self._follow()
        except EndcapError as error:
            log.error("The live release stays what it is: %s", error)
            self.trouble = str(error)
        except Exception:
            log.exception("The live release can't be loaded")
            self.trouble = "The live release can't be loaded; the log of the service says why."

    def latest(self) -> Loaded | None:
        """What is loaded, over the items as they are at this moment. Where that can't be read, it
        is what is known of them: an answer from that is better than none."""
        try:
            if self.loaded is not None and self.goods.latest() > self.loaded.said:
                with self._changing:
                    self.loaded = self._renewed(self.loaded)
        except SQLAlchemyError:
            pass  # the store has said so in the log
        except Exception:
            log.exception("Changes of items can't be used; going on without them")
        return self.loaded

    def learn(self) -> bool:
        """Teach the models that learn from each event what has come since they last learned; says
        whether anything has."""
        with self._learning:
            if (before := self.latest()) is None:
                return False
            try:
                grown = before.grown(LESSONS)
                with self._changing:  # items may have changed meanwhile
                    now = self.loaded
                    if now is not None and now.recommender.catalogue is not before.catalogue:
                        grown = grown.over(now.catalogue, now.said)
                    self.loaded = grown
                if self.shadow is not None:
                    self.shadow = self._renewed(self.shadow).grown(LESSONS)
                return grown is not before
            except SQLAlchemyError as error:
                log.warning("Live events can't be read; answering from what is known: %s", error)
            except Exception:
                log.exception("Live events can't be learned; answering from what is known")
            return False

    def _watch(self) -> None:
        self.refresh()
        self._tried.set()
        rested = 0.0
        while not self._stop.wait(PERIOD):
            self.refresh()
            began = time.monotonic()
            if began >= rested:
                if self.learn():
                    memory.give_back()
                rested = time.monotonic() + REST * (time.monotonic() - began)

    def _pointers(self) -> Iterator[Path]:
        yield self.shop.releases / "live"
        yield self.shop.releases / "shadow"
        yield self.shop.prepared / "current"

    def _follow(self) -> None:
        """Raises EndcapError where the live release is refused."""
        releases, dataset = Releases(self.shop.releases), self._dataset()
        if self.replay and dataset is not None:
            self.clock, self.replay = begun_at(dataset.end), False
        live = releases.path().name
        try:
            loaded = self._load(live, dataset)
        except Exception:
            if self.loaded is None:  # as in a worker that begins
                self.loaded = self._earlier(releases, dataset)
            raise
        with self._changing:
            self.loaded, self.trouble = loaded, ""
        self._cast(releases.shadow(), dataset)

    def _load(self, name: str, dataset: Dataset | None) -> Loaded:
        """Raises ReleaseError where a file is not what was written, or where the release does not
        answer as it should."""
        releases = Releases(self.shop.releases)
        folder, manifest = releases.path(name), releases.manifest(name)
        releases.verify(name)
        deadline = Deadline(self.shop.config.serve.ranker_seconds)
        recommender = replace(kept.recommender(served(folder)), within=deadline)
        visitors = Visitors(
            dataset, recommender.catalogue, self.live, recommender.config.events, self.people
        )
        _ = visitors.history(""), visitors.labels("")  # so that the first request finds all made
        loaded = self.stocked(
            Loaded(name, recommender, visitors, manifest["learned_until"]["live"])
        )
        seconds = self.shop.config.serve.probe_seconds
        probe(loaded.recommender, loaded.visitors, self.clock(), seconds)
        return loaded

    def stocked(self, loaded: Loaded) -> Loaded:
        """A release over the items as they are now, as far as that can be read."""
        try:
            said, words = self.goods.since(0)
        except SQLAlchemyError:
            said, words = 0, []  # they are read as soon as the store is there
        catalogue = loaded.catalogue
        return loaded.over(shelved(catalogue, _news(catalogue, words)), said)

    def _renewed(self, loaded: Loaded) -> Loaded:
        """The same after what was said of items since; itself where nothing was."""
        if self.goods.latest() <= loaded.said:
            return loaded
        said, words = self.goods.since(loaded.said)
        return loaded.over(shelved(loaded.catalogue, words), said)

    def _dataset(self) -> Dataset | None:
        """What was prepared; a release answers without it, knowing live events only."""
        pointer = self.shop.prepared / "current"
        if not pointer.is_file():
            return None
        try:
            return kept.dataset(self.shop.prepared / pointer.read_text().strip())
        except Exception:
            if self.loaded is not None:  # which has better ones
                raise
            log.exception("The prepared tables can't be read; answering without them")
            return None

    def _earlier(self, releases: Releases, dataset: Dataset | None) -> Loaded | None:
        """The newest release that was live before and can be loaded."""
        for name in releases.before():
            try:
                return self._load(name, dataset)
            except Exception:
                log.exception("An earlier release, %s, can't be loaded either", name)
        return None

    def _cast(self, name: str | None, dataset: Dataset | None) -> None:
        """Load the shadow; one that can't be loaded is none."""
        self.shadow = None
        if name is None:
            return
        try:
            self.shadow = self._load(name, dataset)
        except Exception:
            log.exception("The shadow %s can't be loaded", name)


def shelved(catalogue: Overlay, words: Sequence[Word]) -> Overlay:
    """The catalogue after what was said of items."""
    return catalogue.changed([{**item, "gone": gone is not None} for item, gone in words])


def _news(catalogue: Catalogue, words: Sequence[Word]) -> list[Word]:
    """What the catalogue does not say already."""
    codes = catalogue.codes(item["item_id"] for item, _ in words)
    known = {row["item_id"]: row for row in catalogue.describe(codes, ITEMS.names)}
    return [
        Word(item, gone)
        for item, gone in words
        if (item["item_id"] in known if gone is not None else known.get(item["item_id"]) != item)
    ]


def _mark(pointer: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced."""
    try:
        stat = pointer.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ino
