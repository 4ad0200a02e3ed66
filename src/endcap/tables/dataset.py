"""The clean events, items and users with their codes: the one guard against leakage.

A `Dataset` says what was known before a moment. Everything that learns is given
``dataset.before(part)``, everything that is judged is asked ``dataset.asked(part)``, and no
other door leads to the events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow.parquet as pq

from endcap.config import Moment, Protocol
from endcap.errors import StateError
from endcap.tables.asked import AFTER, Asked
from endcap.tables.catalogue import Catalogue
from endcap.tables.context import labels
from endcap.tables.parts import Part
from endcap.tables.scene import LONGEST
from endcap.tables.schema import EVENT_TYPES
from endcap.types import (
    Bools,
    Floats,
    History,
    Int8s,
    Int32s,
    Int64s,
    Log,
    Queries,
    Ragged,
    Stretch,
    among,
    distinct,
    offsets_of,
    spans,
)

__all__ = ["Asked", "Dataset", "Meaning"]

COLUMNS = ("user", "item", "kind", "time", "part", "session", "value")
"""What is known of each event."""


@dataclass(frozen=True)
class Meaning:
    """How the events are to be read: what `prepare` wrote beside them.

    targets: the kinds that are predicted.
    history: how many of a visitor's newest events a query sees.
    max_queries: how many questions a part asks at most (leave-one-out asks each user).
    fingerprint: of the data and of the settings that made it.
    """

    protocol: Protocol
    targets: tuple[int, ...]
    history: int
    max_queries: int
    fingerprint: str

    @classmethod
    def load(cls, path: Path) -> Meaning:
        values = json.loads(path.read_text())
        return cls(**{**values, "targets": tuple(values["targets"])})

    def next(self, past: History, end: int) -> Int64s:
        """[rows] when visitors with this past are asked what they want next: at the end of the
        log, or, where last events are held out, right after their own."""
        times = np.full(len(past), end, np.int64)
        if self.protocol == "leave-one-out" and len(past.times):
            known = past.lengths > 0
            times[known] = past.times[past.offsets[1:][known] - 1] + 1
        return times


@dataclass(frozen=True)
class Dataset:
    """Events sorted by user, then time; each column is [events].

    users: ids by code; code 0 is nobody.
    session: the number of the visit; two visitors share none.
    value: a rating, say, where the log has one, else NaN.
    kind_weights: [kinds] how much an event of each type says, against the others.
    """

    catalogue: Catalogue
    users: tuple[str, ...]
    user: Int32s
    item: Int32s
    kind: Int8s
    time: Int64s
    part: Int8s
    session: Int32s
    value: Floats
    meaning: Meaning
    folder: Path
    kind_weights: Floats = field(default_factory=lambda: np.ones(len(EVENT_TYPES), np.float32))

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """What `endcap prepare` wrote."""
        if not (folder / "meaning.json").is_file():
            raise StateError(
                f"There are no prepared tables in {folder}", mend="Run `endcap prepare` first"
            )
        events = pq.read_table(folder / "events.parquet", columns=list(COLUMNS))
        columns = {name: events[name].to_numpy() for name in COLUMNS}
        users = pq.read_table(folder / "users.parquet", columns=["user_id"])["user_id"]
        return cls(
            catalogue=catalogue_before(folder, Part.LIVE),
            users=("", *users.to_pylist()),
            meaning=Meaning.load(folder / "meaning.json"),
            folder=folder,
            **columns,
        )

    def __len__(self) -> int:
        return len(self.item)

    @cached_property
    def offsets(self) -> Int64s:
        """[users + 1] where the events of each user begin."""
        return offsets_of(np.bincount(self.user, minlength=len(self.users)))

    @property
    def weight(self) -> Floats:
        """[events] how much each event says, by its type."""
        return self.kind_weights[self.kind]

    @cached_property
    def history(self) -> History:
        """A row for each user, nobody's row first."""
        return History(self.offsets, self.item, self.kind, self.time)

    @cached_property
    def log(self) -> Log:
        """What all visitors did, as far back as features look."""
        return cache(lambda: (self.stretch(self.logged_since),))

    @property
    def logged_since(self) -> int:
        """How far that is, from the first moment that is asked about; where last events are held
        out, that may be any."""
        first = Part.RANKER if self.meaning.protocol == "time" else Part.PAST
        return self.beginning(first) - LONGEST

    def stretch(self, since: int) -> Stretch:
        """What all visitors did from a moment on."""
        return Stretch(self.item, self.kind, self.time).keep(self.time >= since)

    @cached_property
    def end(self) -> int:
        """The moment right after the newest event."""
        return int(self.time.max(initial=0)) + 1

    @cached_property
    def _codes(self) -> dict[str | None, int]:
        return {id_: code for code, id_ in enumerate(self.users) if code}

    def user_codes(self, user_ids: Iterable[str | None]) -> Int32s:
        """Codes of users, `NOBODY` for the unknown."""
        return np.array([self._codes.get(id_, 0) for id_ in user_ids], np.int32)

    @cached_property
    def _earlier(self) -> dict[Part, Dataset]:
        return {}

    @cached_property
    def context(self) -> tuple[tuple[str, ...], ...] | None:
        """What is known of each user beside their events, nobody first; None where of none."""
        columns = pq.ParquetDataset(self.folder / "users.parquet").schema.names  # file or folder
        if "attributes" not in columns:
            return None
        said = pq.read_table(self.folder / "users.parquet", columns=["attributes"])["attributes"]
        if said.null_count == len(said):
            return None
        return ((), *(labels(text) for text in said.to_pylist()))

    def _context(self, users: Int32s) -> tuple[tuple[str, ...], ...] | None:
        return None if self.context is None else tuple(self.context[user] for user in users)

    def before(self, part: Part) -> Dataset:
        """All that was known before the part began, features of the items included."""
        if part not in self._earlier:
            catalogue = catalogue_before(self.folder, part)
            self._earlier[part] = replace(self.keep(self.part < part), catalogue=catalogue)
        return self._earlier[part]

    def keep(self, mask: Bools) -> Self:
        """Only the events where `mask` is true."""
        return replace(self, **{name: getattr(self, name)[mask] for name in COLUMNS})

    def has(self, part: Part) -> bool:
        return bool(np.any(self.part == part))

    @property
    def judging(self) -> Part:
        """The part that systems are judged on."""
        return Part.TEST if self.has(Part.TEST) else Part.VALIDATION

    def beginning(self, part: Part) -> int:
        """The moment from which on events are of the part or a later one."""
        return int(self.time[self.part >= part].min(initial=self.end))

    def asked(self, part: Part, moment: Moment = "event") -> Asked:
        """What is asked about a part: one question for each visitor at each moment at which
        they took something (leave-one-out: for each user).

        moment: "session" asks at the start of each session of the part in which something was
        taken, for all that was taken in it; in time only.
        """
        start, stop = self._moments(part, moment)
        if self.meaning.protocol == "time" and len(start) > self.meaning.max_queries:
            chosen = np.random.default_rng(int(part)).choice(
                len(start), self.meaning.max_queries, replace=False
            )
            start, stop = start[np.sort(chosen)], stop[np.sort(chosen)]
        times = self.time[start]
        if self.meaning.protocol == "leave-one-out":
            times = self.time[start - 1] + 1
        return self._ask(part, start, stop, times)

    def now(self, users: Int32s) -> Queries:
        """What the users may want next, after all that the dataset holds."""
        last = self.history.take(users).last(self.meaning.history)
        asked = Queries.of(users, self.meaning.next(last, self.end), last)
        return replace(asked, context=self._context(users), log=self.log)

    def _moments(self, part: Part, moment: Moment) -> tuple[Int64s, Int64s]:
        """For each question, the first event of its moment and the first one after it.

        A session that began before the part is not asked about: models know its first events.
        """
        aim = self.part == part
        if self.meaning.protocol == "time":
            aim &= np.isin(self.kind, self.meaning.targets)
        places = np.flatnonzero(aim)
        if self.meaning.protocol == "leave-one-out" or not len(places):
            return places, places + 1
        if moment == "session":
            change = np.diff(self.session) != 0
        else:
            change = (np.diff(self.user) != 0) | (np.diff(self.time) != 0)
        begins = np.r_[0, np.flatnonzero(change) + 1, len(self)]
        asked = distinct(np.r_[0, np.cumsum(change)][places])
        asked = asked[self.part[begins[asked]] == part]
        return begins[asked], begins[asked + 1]

    def _ask(self, part: Part, start: Int64s, stop: Int64s, times: Int64s) -> Asked:
        users = self.user[start]
        first = np.maximum(self.offsets[users], start - self.meaning.history)
        history = self._events(first, start)
        after = self._events(start, np.minimum(start + AFTER, self._ends(start)))
        truth = self._truth(part, start, stop)
        taken = history.keep(np.isin(history.kinds, self.meaning.targets))
        again, met = _among(truth, taken), _among(truth, history)
        queries = Queries.of(users, times, history)
        # In time, what others did since the part began is known; what is held out of them is not.
        known = self if self.meaning.protocol == "time" else self.before(part)
        queries = replace(queries, context=self._context(users), log=known.log)
        return Asked(queries, truth, again, met, after)

    def _events(self, start: Int64s, stop: Int64s) -> History:
        """A row of events for each span."""
        places = spans(start, stop)
        return History(
            offsets_of(stop - start), self.item[places], self.kind[places], self.time[places]
        )

    def _ends(self, places: Int64s) -> Int64s:
        """For each event, the first one after it that is another visitor's or of a later part."""
        change = (np.diff(self.user) != 0) | (np.diff(self.part) != 0)
        ends = np.r_[np.flatnonzero(change) + 1, len(self)]
        after: Int64s = ends[np.searchsorted(ends, places, side="right")]
        return after

    def _truth(self, part: Part, start: Int64s, stop: Int64s) -> Ragged:
        rows, places = np.repeat(np.arange(len(start)), stop - start), spans(start, stop)
        if self.meaning.protocol == "time":
            aim = np.isin(self.kind[places], self.meaning.targets) & (self.part[places] == part)
            rows, places = rows[aim], places[aim]
        pairs = np.unique(np.stack([rows, self.item[places]]), axis=1)
        return Ragged(
            offsets_of(np.bincount(pairs[0], minlength=len(start))), pairs[1].astype(np.int32)
        )


def _among(truth: Ragged, history: History) -> Bools:
    """[truth.values] whether the item stands in the same row of the history."""
    return among((truth.rows, truth.values), (history.rows, history.items))


def catalogue_before(folder: Path, part: Part) -> Catalogue:
    """The items of prepared tables as they were known before the part began."""
    return Catalogue.load(
        folder / "items.parquet", folder / "features" / f"items-{int(part)}.parquet"
    )
