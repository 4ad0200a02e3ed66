"""The questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Self

import numpy as np

from endcap.types.arrays import Bools, Floats, Int32s, Int64s, among
from endcap.types.log import Log
from endcap.types.ragged import History, Ragged


@dataclass(frozen=True, slots=True)
class Queries:
    """Visitors at a moment: the questions.

    users: [Q] codes, `NOBODY` for someone unknown.
    times: [Q] the moments; nothing that happened at or after them may count.
    history: Q rows of what the visitors did before.
    anchors: Q rows of items that the question is about (the product page, the basket).
    exclude: Q rows of items that may not be answered.
    allowed: [items] False where no query may be answered with the item, None for all.
    seeds: [Q] of the chance in each answer; None leaves nothing to chance.
    context: [Q] what else is known of each visitor and moment, "device: phone"; None for nothing.
    log: what all visitors did, of which only what was before a question's moment may count; None
        where nobody knows.
    """

    users: Int32s
    times: Int64s
    history: History
    anchors: Ragged
    exclude: Ragged
    allowed: Bools | None = None
    seeds: Int64s | None = None
    context: tuple[tuple[str, ...], ...] | None = None
    log: Log | None = None

    @classmethod
    def of(cls, users: Int32s, times: Int64s, history: History) -> Self:
        none = Ragged.empty(len(users))
        return cls(users, times, history, none, none)

    @classmethod
    def concat(cls, parts: Sequence[Queries]) -> Queries:
        """The questions of all parts, which are allowed the same, leave the same to chance and are
        asked of the same log."""
        if len(parts) == 1:
            return parts[0]
        seeds = [part.seeds for part in parts if part.seeds is not None]
        context = [part.context for part in parts if part.context is not None]
        return cls(
            np.concatenate([part.users for part in parts]),
            np.concatenate([part.times for part in parts]),
            History.concat([part.history for part in parts]),
            Ragged.concat([part.anchors for part in parts]),
            Ragged.concat([part.exclude for part in parts]),
            parts[0].allowed,
            np.concatenate(seeds) if len(seeds) == len(parts) else None,
            tuple(chain.from_iterable(context)) if len(context) == len(parts) else None,
            parts[0].log,
        )

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: Int64s | Int32s) -> Queries:
        return replace(
            self,
            users=self.users[rows],
            times=self.times[rows],
            history=self.history.take(rows),
            anchors=self.anchors.take(rows),
            exclude=self.exclude.take(rows),
            seeds=None if self.seeds is None else self.seeds[rows],
            context=None if self.context is None else tuple(self.context[row] for row in rows),
        )

    def batches(self, size: int) -> Iterator[tuple[Int64s, Queries]]:
        """Row numbers and queries, `size` at a time."""
        if 0 < len(self) <= size:
            yield np.arange(len(self)), self
            return
        for start in range(0, len(self), size):
            rows = np.arange(start, min(start + size, len(self)))
            yield rows, self.take(rows)

    def about_anchors(self) -> Queries:
        """The same questions as if the visitor had just looked at the anchors and nothing else;
        a query without anchors keeps its past."""
        anchors, asked = self.anchors, self.anchors.lengths > 0
        kinds, times = np.zeros(len(anchors.values), np.int8), self.times[anchors.rows] - 1
        history = History(anchors.offsets, anchors.values, kinds, times)
        own = self.history.take(np.flatnonzero(~asked))
        if not len(own.items):
            return replace(self, history=history)
        about = history.take(np.flatnonzero(asked))
        order = np.argsort(np.r_[np.flatnonzero(asked), np.flatnonzero(~asked)])
        return replace(self, history=History.concat([about, own]).take(order))

    def allow(self, mask: Bools) -> Queries:
        """The same questions, answered only with items that the mask lets through as well."""
        return replace(self, allowed=mask if self.allowed is None else mask & self.allowed)

    def within(self, items: int) -> Queries:
        """The same questions as if only the items with codes below `items` existed."""
        return replace(
            self,
            history=self.history.keep(self.history.items < items),
            anchors=self.anchors.keep(self.anchors.values < items),
            exclude=self.exclude.keep(self.exclude.values < items),
            allowed=None if self.allowed is None else self.allowed[:items],
        )

    def forbid(self, scores: Floats) -> Floats:
        """Set to −inf, in place, what may not be answered. scores: [Q, items]"""
        if self.allowed is not None:
            scores[:, np.flatnonzero(~self.allowed)] = -np.inf
        scores[self.exclude.rows, self.exclude.values] = -np.inf
        return scores

    def permits(self, query: Int32s, item: Int32s) -> Bools:
        """[rows] whether each item may be answered to its query."""
        banned = (self.exclude.rows, self.exclude.values)
        free = ~among((query, item), banned)
        return free if self.allowed is None else free & self.allowed[item]
