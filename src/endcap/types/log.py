"""What all visitors did, to be asked about nothing but what was before a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Self, TypeAlias

import numpy as np

from endcap.types.arrays import Bools, Int8s, Int32s, Int64s

Kinds: TypeAlias = tuple[int, ...]
"""Types of events; empty for all."""


@dataclass(frozen=True)
class Index:
    """Events by key, then by time: two binary searches count those of a key before a moment.

        times   0  3  3  7  9       of all events, sorted
        places  a0 a4 b1 b2 b3      key and place in `times`, as one number, sorted

    bits: of a number that hold the place.
    """

    times: Int64s
    places: Int64s
    bits: int

    @classmethod
    def of(cls, keys: Int64s | Int32s, times: Int64s) -> Self:
        """keys: from 0. Both [events], in any order."""
        order, bits = np.argsort(times, kind="stable"), len(times).bit_length()
        places = (keys[order].astype(np.int64) << bits) | np.arange(len(times))
        return cls(times[order], np.sort(places), bits)

    def ranks(self, moments: Int64s) -> Int64s:
        """[moments] how many events were before each."""
        return np.searchsorted(self.times, moments)

    def before(self, keys: Int64s, ranks: Int64s) -> Int64s:
        """[keys] the place behind the events of each key that were before a moment, by its rank:
        the difference of two is the number of events between the moments."""
        return np.searchsorted(self.places, (keys << self.bits) | ranks)

    def newest(self, keys: Int64s, before: Int64s) -> Int64s:
        """[keys] when the last event of each was, −1 where there was none. before: see above."""
        if not len(self.places):
            return np.full(len(keys), -1)
        found = self.places[before - 1]  # of the first place, the last: whose key is another
        own = (before > 0) & (found >> self.bits == keys)
        return np.where(own, self.times[found & ((1 << self.bits) - 1)], -1)


@dataclass(frozen=True)
class Stretch:
    """Some events of the log, in any order. Each column is [events]."""

    items: Int32s
    kinds: Int8s
    times: Int64s
    _made: dict[tuple[str, Kinds], tuple[Int32s | None, Index]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def concat(cls, parts: Sequence[Stretch]) -> Stretch:
        return cls(
            np.concatenate([part.items for part in parts]),
            np.concatenate([part.kinds for part in parts]),
            np.concatenate([part.times for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.times)

    @property
    def indexed(self) -> Sequence[tuple[str, Kinds]]:
        """The groups and kinds of events that were asked for."""
        return tuple(self._made)

    def keep(self, mask: Bools) -> Stretch:
        return Stretch(self.items[mask], self.kinds[mask], self.times[mask])

    def recode(self, codes: Int32s) -> Stretch:
        """The events under other item codes, without the items that have none there.

        codes: [items] the new code of each, −1 for none.
        """
        items = codes[self.items]
        return Stretch(items, self.kinds, self.times).keep(items >= 0)

    def index(self, of: str, kinds: Kinds, groups: Int32s | None) -> Index:
        """The events of some kinds by item, or by groups[item]; made once.

        of: a name for the groups. Where they have changed since, the index is made anew.
        """
        made = self._made.get((of, kinds))
        if made is None or not _alike(made[0], groups):
            made = groups, self._indexed(kinds, groups)
        self._made[of, kinds] = groups, made[1]
        return made[1]

    def _indexed(self, kinds: Kinds, groups: Int32s | None) -> Index:
        own = self.keep(np.isin(self.kinds, kinds)) if kinds else self
        if groups is None:
            return Index.of(own.items, own.times)
        own = own.keep(own.items < len(groups))  # newer than whoever asks
        return Index.of(groups[own.items], own.times)


Log: TypeAlias = Callable[[], Sequence[Stretch]]
"""Gives all that is known by now. Whoever needs none of it does not call it."""


def recoded(log: Log, codes: Int32s) -> Log:
    """The same log under other item codes: see `Stretch.recode`."""
    return cache(lambda: tuple(stretch.recode(codes) for stretch in log()))


def _alike(old: Int32s | None, new: Int32s | None) -> bool:
    """Whether groups are what they were; items may have come since."""
    if old is None or new is None:
        return old is new
    return old is new or (len(old) <= len(new) and np.array_equal(old, new[: len(old)]))
