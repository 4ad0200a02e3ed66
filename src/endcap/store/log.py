"""What all visitors did, up to this moment: the newest of the prepared events, then the live ones
as they come."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from endcap.store.database import GLANCE
from endcap.store.events import LiveEvents, Seen
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.scene import LONGEST
from endcap.tables.schema import kind
from endcap.types import Int32s, Stretch

MANY = 5_000
"""Live events that are read at a time."""

WAITING = 10_000
"""Items that are waited for, the latest: anyone may send events on items that never come."""

SHARE = 8
"""Newer events are joined with those before them once they are so large a share of them: so there
are few stretches to look into, and an event is moved a few times only."""


class LiveLog:
    """Stretches in the item codes of a catalogue to which items may be added.

    What was before the end of the prepared events is theirs to say; live events count from there
    on. So an event that is both in the store and in the tables counts once, without a mark of
    what was written where. An event on an item unknown here waits until the item is known.
    """

    def __init__(self, dataset: Dataset | None, live: LiveEvents, kinds: Sequence[str]) -> None:
        self.dataset, self.live, self.kinds = dataset, live, kinds
        self._until = 0 if dataset is None else dataset.end
        self._lock = threading.Lock()
        self._stretches: tuple[Stretch, ...] = ()
        self._waiting: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._place: int | None = None
        self._items = 0

    def upto_now(self, catalogue: Catalogue, codes: Int32s) -> Sequence[Stretch]:
        """Where the store can't be read, it is what was known before.

        codes: [items of the dataset] their codes in the catalogue, −1 for none.
        """
        with self._lock:
            if not self._stretches:
                self._stretches = (self._prepared(codes),)
            came = list(self._newer())
            for one in came:
                self._waiting[one.item_id].append((kind(one.event_type), one.time))
            grown, self._items = len(catalogue) != self._items, len(catalogue)
            self._join(catalogue, [*self._waiting] if grown else {one.item_id for one in came})
            for id_ in [*islice(self._waiting, max(0, len(self._waiting) - WAITING))]:
                del self._waiting[id_]
            return self._stretches

    def _prepared(self, codes: Int32s) -> Stretch:
        """The prepared events on items that are known; the others wait."""
        if self.dataset is None:
            none = np.zeros(0, np.int64)
            return Stretch(none.astype(np.int32), none.astype(np.int8), none)
        recent = self.dataset.stretch(self._until - LONGEST)
        rest = recent.keep(codes[recent.items] < 0)
        names = self.dataset.catalogue.named(rest.items)
        for name, kind_, time in zip(names, rest.kinds.tolist(), rest.times.tolist(), strict=True):
            self._waiting[name].append((kind_, time))
        return recent.recode(codes)

    def _newer(self) -> Iterator[Seen]:
        """The live events since they were last read."""
        try:
            if self._place is None:
                self._place = self.live.begin(self._until)
            while arrivals := self.live.after(self._place, self.kinds, MANY, GLANCE):
                self._place = arrivals[-1].place
                yield from (one.seen for one in arrivals if one.seen.time >= self._until)
        except SQLAlchemyError:
            pass  # the store has said so in the log

    def _join(self, catalogue: Catalogue, ids: Iterable[str]) -> None:
        """Take up what waits, as far as its items are known by now."""
        known = [(id_, code) for id_ in ids if (code := catalogue.code(id_)) is not None]
        rows = [(code, *event) for id_, code in known for event in self._waiting.pop(id_, ())]
        if rows:
            items, kinds, times = np.array(rows, np.int64).T
            new = Stretch(items.astype(np.int32), kinds.astype(np.int8), times)
            self._stretches = (self._stretches[0], *_joined([*self._stretches[1:], new]))


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    while len(stretches) > 1 and SHARE * len(stretches[-1]) >= len(stretches[-2]):
        stretches[-2:] = [Stretch.concat(stretches[-2:])]
    return stretches
