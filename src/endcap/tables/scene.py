"""What a feature may look at: candidates, and what was known before each question's moment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from endcap.config import valid
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.types import (
    DAY,
    HOUR,
    MINUTE,
    Bools,
    Index,
    Int32s,
    Int64s,
    Kinds,
    Queries,
    Ranking,
    Stretch,
    pair_keys,
)

Doubles: TypeAlias = NDArray[np.float64]

LONGEST = 30 * DAY
"""How far back a window reaches at most, so that what is older may be forgotten."""

_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}

Of = Literal[
    "item",
    "category",
    "brand",
    "visitor",
    "visitor_item",
    "visitor_category",
    "visitor_brand",
]
"""Events on what: of all visitors, or of the one who asks."""


def span(text: str) -> int:
    """Microseconds of a window.

    >>> span("90m") == span("1.5h"), span("7d") // DAY
    (True, 7)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhd])", text, re.ASCII)
    length = round(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not 0 < length <= LONGEST:
        raise ValueError('expected minutes, hours or days, up to 30 days, as "1h" or "7d"')
    return length


def _event_types(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in EVENT_TYPES:
            raise ValueError(f"{name!r} is not one of {', '.join(EVENT_TYPES)}")
    return names


Window = Annotated[str, valid(span)]

EventTypes = Annotated[tuple[str, ...], AfterValidator(_event_types)]


class Scene:
    """Candidates of questions: a row for each of the ranking's.

    Events can be counted here and nothing else, and only back from a question's moment, which
    itself does not count. So no feature can see what comes later, and training and live requests
    ask alike: they differ in where the log comes from.
    """

    def __init__(self, queries: Queries, ranking: Ranking, catalogue: Catalogue) -> None:
        self.queries, self.ranking, self.catalogue = queries, ranking, catalogue
        self._owned: dict[tuple[Of, Kinds], Index] = {}
        self._paired: dict[Of, tuple[Int64s, ...]] = {}
        self._found: dict[tuple[Of, Kinds, int], list[Int64s]] = {}

    def __len__(self) -> int:
        return len(self.ranking)

    def count(self, of: Of, event_types: Sequence[str], window: int) -> Doubles:
        """[rows] events of some types (all where none is named) in the microseconds before the
        question's moment; NaN where the item has no category or brand to count by, or where
        nobody knows what other visitors did."""
        kinds = _kinds(event_types)
        now, then = self._before(of, kinds, 0), self._before(of, kinds, window)
        count = sum((new - old for new, old in zip(now, then, strict=True)), np.zeros(len(self)))
        return np.where(self._known(of), count, np.nan)

    def since(self, of: Of, event_types: Sequence[str], window: int) -> Doubles:
        """[rows] microseconds since the newest such event; NaN also where there was none in the
        window."""
        kinds, moments = _kinds(event_types), self.queries.times[self.ranking.query]
        newest = np.full(len(self), -1)
        for index, before in zip(self._indexes(of, kinds), self._before(of, kinds, 0), strict=True):
            newest = np.maximum(newest, index.newest(self._keys(of), before))
        found = (newest >= 0) & (newest >= moments - window) & self._known(of)
        return np.where(found, moments - newest, np.nan)

    def total(self, event_types: Sequence[str], window: int) -> Doubles:
        """[rows] events on any item."""
        moments, total = self.queries.times, np.zeros(len(self.queries))
        for index in self._indexes("item", _kinds(event_types)):
            total += index.ranks(moments) - index.ranks(moments - window)
        return np.where(self._known("item"), total[self.ranking.query], np.nan)

    def _before(self, of: Of, kinds: Kinds, ago: int) -> list[Int64s]:
        """For each index, [rows] the place behind what was before a time ago."""
        if (of, kinds, ago) not in self._found:
            moments, query = self.queries.times - ago, self.ranking.query
            self._found[of, kinds, ago] = [
                index.before(self._keys(of), index.ranks(moments)[query])
                for index in self._indexes(of, kinds)
            ]
        return self._found[of, kinds, ago]

    def _indexes(self, of: Of, kinds: Kinds) -> list[Index]:
        if _own(of):
            return [self._own_index(of, kinds)]
        groups = self._groups(of)
        return [stretch.index(of, kinds, groups) for stretch in self._stretches]

    @cached_property
    def _stretches(self) -> Sequence[Stretch]:
        return () if self.queries.log is None else self.queries.log()

    def _own_index(self, of: Of, kinds: Kinds) -> Index:
        """Of what the visitors did, by their questions."""
        if (of, kinds) not in self._owned:
            history = self.queries.history
            own = np.isin(history.kinds, kinds) if kinds else slice(None)
            self._owned[of, kinds] = Index.of(self._pairs(of)[0][own], history.times[own])
        return self._owned[of, kinds]

    def _keys(self, of: Of) -> Int64s:
        """[rows] what each is looked for by."""
        return self._pairs(of)[1] if _own(of) else self._codes(of, self.ranking.item)

    def _pairs(self, of: Of) -> tuple[Int64s, ...]:
        """[events] and [rows] a number for the question and the item, or what it stands for."""
        if of not in self._paired:
            history, ranking = self.queries.history, self.ranking
            self._paired[of] = pair_keys(
                (history.rows, self._codes(of, history.items)),
                (ranking.query, self._codes(of, ranking.item)),
            )
        return self._paired[of]

    def _codes(self, of: Of, items: Int32s) -> Int64s:
        groups = self._groups(of)
        if groups is not None:
            return groups[items].astype(np.int64)
        return np.zeros(len(items), np.int64) if of == "visitor" else items.astype(np.int64)

    def _groups(self, of: Of) -> Int32s | None:
        """[items] what they are counted together by; None for each by itself, or all."""
        if of.endswith("category"):
            return self.catalogue.category
        return self.catalogue.brand if of.endswith("brand") else None

    def _known(self, of: Of) -> Bools:
        """[rows] whether there is anything to count by."""
        groups = self._groups(of)
        known = _own(of) or self.queries.log is not None
        mask = np.full(len(self), known)
        return mask if groups is None else mask & (groups[self.ranking.item] > 0)


def _own(of: Of) -> bool:
    return of.startswith("visitor")


def _kinds(event_types: Sequence[str]) -> Kinds:
    return tuple(kind(name) for name in event_types)
