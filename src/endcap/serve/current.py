"""What the service answers from, and how it follows the pointer to the live release."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from endcap.config import Shop
from endcap.errors import EndcapError
from endcap.nn import memory
from endcap.serve.lessons import Lessons
from endcap.serve.loaded import Loaded
from endcap.serve.loading import Loading
from endcap.serve.upkeep import Upkeep
from endcap.store.answers import Answers
from endcap.store.clock import Clock, begun_at, now
from endcap.store.events import LiveEvents
from endcap.store.releases import Releases
from endcap.store.visitors import Visitors
from endcap.tables.dataset import Dataset

log = logging.getLogger("endcap.serve")

PERIOD = 1.0
"""Seconds between looks at the pointers and at what is new."""

LESSONS = 5_000
"""Live events that models are taught at once."""

REST = 9
"""Times as long as a lesson took until the next: it has a tenth of the time."""

FIRST = 30.0
"""Seconds that a process which begins has to load the release before it answers without one."""


class Current:
    """The live release. A newer one is loaded beside it and tried, then takes its place between
    two requests; one that is refused changes nothing.

    loaded: None until there is one.
    shadow: a release that answers in the background, None where there is none.
    trouble: why the newest can't be loaded, for people; "" where all is well.
    replay: take the end of the log for now. Models know the gaps between a shop's visits; to
        them, visitors of a log that ended years ago have all been away for years.
    lessons: where processes of one service share what one of them learns; None where each learns
        for itself.
    """

    def __init__(
        self,
        shop: Shop,
        live: LiveEvents,
        clock: Clock = now,
        *,
        replay: bool = False,
        lessons: Lessons | None = None,
    ) -> None:
        self.shop, self.live, self.clock, self.replay = shop, live, clock, replay
        self.answers = Answers(live.database)
        self.loading = Loading(shop, live)
        self.goods, self.people = self.loading.goods, self.loading.people
        self.loaded: Loaded | None = None
        self.shadow: Loaded | None = None
        self.trouble = "The service has just started."
        self._seen: object = None
        self._lessons = lessons
        self._learning = threading.Lock()
        self._changing = threading.Lock()
        self._stop, self._tried = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="releases", daemon=True)
        self._teaching = lessons is not None and lessons.teaching
        self._upkeep = Upkeep(shop, live.database, lambda: self.clock())

    @property
    def visitors(self) -> Visitors | None:
        return self.loaded.visitors if self.loaded else None

    def start(self) -> None:
        """Returns when the release is loaded, or can't be: until then, whoever comes waits at the
        socket, and others of this service may take them."""
        self._thread.start()
        if not self._teaching:  # who has only what time is left must not keep the store from others
            self._upkeep.start()
        self._tried.wait(FIRST)

    def stop(self) -> None:
        """Stop looking, and write what is still to be written."""
        self._stop.set()
        self._thread.join()
        if not self._teaching:
            self._upkeep.stop()
        self.live.close()

    def refresh(self) -> None:
        """Load what the pointers name, if they have moved."""
        with self._learning:
            self._refresh()

    def latest(self) -> Loaded | None:
        """What is loaded, over the items as they are at this moment. Where that can't be read, it
        is what is known of them: an answer from that is better than none."""
        try:
            if self.loaded is not None and self.goods.latest() > self.loaded.said:
                with self._changing:
                    self.loaded = self.loading.renewed(self.loaded)
        except SQLAlchemyError:
            pass  # the store has said so in the log
        except Exception:
            log.exception("Changes of items can't be used; going on without them")
        return self.loaded

    def learn(self) -> bool:
        """Teach the models that learn from each event what has come since they last learned, or
        take over what another process has taught them; says whether anything has come."""
        with self._learning:
            if (before := self.latest()) is None:
                return False
            try:
                grown = self._grown(before)
                with self._changing:  # items may have changed meanwhile
                    newer = self.loaded
                    if newer is not None and newer.recommender.catalogue is not before.catalogue:
                        grown = grown.over(newer.catalogue, newer.said)
                    self.loaded = grown
                if self.shadow is not None:
                    self.shadow = self.loading.renewed(self.shadow).grown(LESSONS)
                return grown is not before
            except SQLAlchemyError as error:
                log.warning("Live events can't be read; answering from what is known: %s", error)
            except Exception:
                log.exception("Live events can't be learned; answering from what is known")
            return False

    def _grown(self, before: Loaded) -> Loaded:
        lessons = self._lessons
        if lessons is None or lessons.given_up:
            return before.grown(LESSONS)
        if not self._teaching:
            return self._taught(before, before.learned, lessons)
        grown = before.grown(LESSONS)
        if grown is before:
            return before
        try:
            lessons.tell(grown.lesson(), grown.fitted)
        except Exception:
            log.exception("What was learned can't be shared: each process learns for itself now")
            lessons.give_up()
            return grown
        return self._taught(grown, before.learned, lessons)

    def _taught(self, here: Loaded, after: int, lessons: Lessons) -> Loaded:
        """With the newest lesson, where it goes beyond event `after`: another process's, or the
        shared form of one's own."""
        lesson = lessons.newest(here.release, after, here.fitted)
        if lesson is None or len(lesson.came) > len(here.catalogue.came):
            return here  # items that are not known here yet will be by the next time
        if here.catalogue.came[: len(lesson.came)] != lesson.came:
            # Who sees several changes of items at once may see them in another order.
            dataset = here.visitors.dataset
            here = self.loading.release(here.release, dataset, self.clock(), lesson.came)
            with self._changing:
                self.loaded = here
        return here.taught(lesson)

    def _watch(self) -> None:
        if self._teaching:
            _take_what_is_left()
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

    def _marks(self) -> list[tuple[int, int] | None]:
        releases, prepared = self.shop.releases, self.shop.prepared
        pointers = (releases / "live", releases / "shadow", prepared / "current")
        return [_mark(pointer) for pointer in pointers]

    def _refresh(self) -> None:
        marks = self._marks()
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
        memory.give_back()  # what loading took, and the release before
        # Nothing of what is live is garbage, and to look through it for some takes an eighth of a
        # second, in which nobody is answered. What it takes the place of has gone without that.
        gc.freeze()

    def _follow(self) -> None:
        """Raises EndcapError where the live release is refused."""
        releases, dataset = Releases(self.shop.releases), self.loading.dataset(self.loaded)
        if self.replay and dataset is not None:
            self.clock, self.replay = begun_at(dataset.end), False
        live = releases.path().name
        try:
            loaded = self.loading.release(live, dataset, self.clock())
        except Exception:
            if self.loaded is None:  # as in a worker that begins
                self.loaded = self.loading.earlier(dataset, self.clock())
            raise
        with self._changing:
            self.loaded, self.trouble = loaded, ""
        self._cast(releases.shadow(), dataset)

    def _cast(self, name: str | None, dataset: Dataset | None) -> None:
        """Load the shadow; one that can't be loaded is none."""
        self.shadow = None
        if name is None:
            return
        try:
            self.shadow = self.loading.release(name, dataset, self.clock())
        except Exception:
            log.exception("The shadow %s can't be loaded", name)


def _take_what_is_left() -> None:
    """Have this thread run when no other wants to."""
    with suppress(OSError):  # a container may forbid it
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _mark(pointer: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced."""
    try:
        stat = pointer.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ino
