"""What visitors did: the prepared events, then the live ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from endcap.config import Events
from endcap.store.database import GLANCE
from endcap.store.events import Arrival, LiveEvents, Seen, newest
from endcap.store.log import LiveLog
from endcap.store.people import People, devices
from endcap.tables.catalogue import Catalogue
from endcap.tables.context import labels
from endcap.tables.dataset import Dataset
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.types import NOBODY, History, Int8s, Int32s, Queries, Stretch, offsets_of

EACH = 0.01
"""Seconds that reading the events of one visitor may take, where those of many are read."""


@dataclass(frozen=True)
class Visitors:
    """Histories in the item codes of a catalogue, which may be older than the dataset.

    An event counts once, though it may be read twice: as a live event, and in the dataset that
    a later `prepare` made of it. It is the same where visitor, item, kind and moment are. So
    there is no mark to keep of what was exported, and none that a crash could falsify.
    """

    dataset: Dataset | None
    catalogue: Catalogue
    live: LiveEvents
    settings: Events
    people: People | None = None

    def over(self, catalogue: Catalogue) -> Visitors:
        """The same over a later state of the catalogue, in which items have the codes that they
        had, and further items may have come."""
        after = replace(self, catalogue=catalogue)
        if self.dataset is not None and "_codes" in vars(self):
            codes = self._codes.copy()
            unknown = np.flatnonzero(codes < 0).astype(np.int32)
            found = map(catalogue.code, self.dataset.catalogue.named(unknown))
            codes[unknown] = [-1 if code is None else code for code in found]
            vars(after)["_codes"] = codes
        vars(after)["_log"] = self._log
        if "_said" in vars(self):
            vars(after)["_said"] = self._said
        return after

    def log(self) -> Sequence[Stretch]:
        """What all visitors did, up to now: a `Log`."""
        return self._log.upto_now(self.catalogue, self._codes)

    @cached_property
    def _log(self) -> LiveLog:
        return LiveLog(self.dataset, self.live, self.kinds)

    def code(self, key: str) -> int:
        """The dataset's code of a visitor, `NOBODY` where it has none."""
        return int(self.codes([key])[0])

    def codes(self, keys: Sequence[str | None]) -> Int32s:
        """The same of several visitors; None is nobody."""
        known = self.dataset
        return np.zeros(len(keys), np.int32) if known is None else known.user_codes(keys)

    def labels(self, user_id: str) -> tuple[str, ...]:
        """What the shop says of a user: what the store was told last, else what was prepared."""
        said = self.people.labels(user_id) if self.people else None
        if said is not None:
            return said
        prepared, code = self._said, self.code(user_id)
        return () if prepared is None or code == NOBODY else labels(prepared[code - 1].as_py())

    def history(self, key: str | None) -> History:
        """One row: the visitor's newest events, nothing for None. Where the live ones can't be
        read, it is the prepared ones alone: an answer from them is better than none."""
        return self.histories([key])

    def histories(self, keys: Sequence[str | None]) -> History:
        """The same of several visitors, who are looked up together: a row for each."""
        own = self._live({key for key in keys if key is not None})
        live = [own.get(key, {}) if key is not None else {} for key in keys]
        prepared = self._prepared([[*ids] for ids in live])
        return self.add(prepared, [list(chain.from_iterable(ids.values())) for ids in live])

    def _live(self, keys: Collection[str]) -> dict[str, dict[str, list[Seen]]]:
        """For each visitor the live events by each of the ids that are theirs, in one read; none
        where they can't be read."""

        def read(connection: Connection) -> dict[str, dict[str, list[Seen]]]:
            kinds, limit = self.kinds, self.settings.history
            own = {key: [key, *(devices(connection, key) if self.people else ())] for key in keys}
            return {
                key: {id_: newest(connection, id_, kinds, limit) for id_ in ids}
                for key, ids in own.items()
            }

        try:
            return self.live.database.glance(read, max(GLANCE, len(keys) * EACH)) if keys else {}
        except SQLAlchemyError:  # the store has said so in the log
            return {key: {key: []} for key in keys}

    def lessons(self, arrivals: Sequence[Arrival]) -> tuple[Queries, Int32s, Int8s]:
        """What models learn from events as they come: each visitor at the moment of the event,
        with what they had done before it, then the items and kinds, in the order of time.

        An event on an item unknown here teaches nothing.
        """
        keys = list(dict.fromkeys(one.visitor for one in arrivals))
        rows, codes = self.histories(keys), dict(zip(keys, self.codes(keys).tolist(), strict=True))
        histories = {key: rows.take(np.array([row])) for row, key in enumerate(keys)}
        found = []
        for _, visitor, seen in sorted(arrivals, key=lambda one: one.seen.time):
            place = self._place(histories[visitor], seen)
            if place is not None:
                found.append((seen.time, codes[visitor], histories[visitor], place))
        pasts = [
            history.select(np.arange(place), np.array([place])) for *_, history, place in found
        ]
        none = History.empty(0)
        queries = Queries.of(
            np.array([code for _, code, *_ in found], np.int32),
            np.array([time for time, *_ in found], np.int64),
            History.concat([none, *pasts]),
        )
        items = np.array([history.items[place] for *_, history, place in found], np.int32)
        kinds = np.array([history.kinds[place] for *_, history, place in found], np.int8)
        return queries, items, kinds

    def _place(self, history: History, seen: Seen) -> int | None:
        """Where an event stands in its visitor's history, None where it does not."""
        alike = (history.items == self.catalogue.code(seen.item_id)) & (history.times == seen.time)
        places = np.flatnonzero(alike & (history.kinds == kind(seen.event_type)))
        return int(places[-1]) if len(places) else None

    def add(self, histories: History, seen: Sequence[Sequence[Seen]]) -> History:
        """The rows, each with the events that it lacks, the newest of all, in the order of time.

        seen: a list for each row. Events of other kinds than those in use, and on items unknown
        here, don't count.
        """
        new = [
            (row, code, kind(one.event_type), one.time)
            for row, own in enumerate(seen)
            for one in own
            if one.event_type in self.kinds
            and (code := self.catalogue.code(one.item_id)) is not None
        ]
        if not new:
            return histories
        columns = (histories.rows, histories.items, histories.kinds, histories.times)
        had = set(zip(*(column.tolist() for column in columns), strict=True))
        lacking = np.array([event for event in new if event not in had], np.int64).reshape(-1, 4)
        rows = np.r_[histories.rows, lacking[:, 0]]
        times = np.r_[histories.times, lacking[:, 3]]
        order = np.lexsort((times, rows))  # what is as old as another stays behind it
        grown = History(
            offsets_of(np.bincount(rows, minlength=len(histories))),
            np.r_[histories.items, lacking[:, 1].astype(np.int32)][order],
            np.r_[histories.kinds, lacking[:, 2].astype(np.int8)][order],
            times[order],
        )
        return grown.last(self.settings.history)

    def _prepared(self, ids: Sequence[Sequence[str]]) -> History:
        """A row for each visitor: what they did, by all the ids that are theirs."""
        if self.dataset is None:
            return History.empty(len(ids))
        codes = self.dataset.user_codes(chain.from_iterable(ids))
        events = self.dataset.history.take(codes).last(self.settings.history)
        many = np.array([len(own) for own in ids], np.int64)
        visitor = np.arange(len(ids)).repeat(many)[events.rows]
        order = np.lexsort((events.times, visitor))
        rows = events.select(order, np.bincount(visitor, minlength=len(ids)))
        return rows.recode(self._codes).last(self.settings.history)

    @cached_property
    def _codes(self) -> Int32s:
        """[items of the dataset] their codes in the catalogue."""
        if self.dataset is None:
            return np.zeros(0, np.int32)
        return self.dataset.catalogue.codes_in(self.catalogue)

    @cached_property
    def _said(self) -> pa.ChunkedArray | None:
        """The attributes of the dataset's users as they stand in the table: to have those of a
        million people as labels would take half a gigabyte. None where of nobody is said any."""
        if self.dataset is None:
            return None
        path, column = self.dataset.folder / "users.parquet", "attributes"
        if column not in pq.ParquetDataset(path).schema.names:  # file or folder
            return None
        said = pq.read_table(path, columns=[column])[column]
        return None if said.null_count == len(said) else said

    @cached_property
    def kinds(self) -> list[str]:
        """The event types in use."""
        return [name for name in self.settings.use if name in EVENT_TYPES]
