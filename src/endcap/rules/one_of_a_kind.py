"""No second one of a kind of which people buy one: beside a washing machine no other."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.schema import EVENT_TYPES
from endcap.types import DAY, Bools, Floats, Int32s, Queries, Ragged, Ranking, offsets_of, ranges


class Settings(config.Settings):
    """When a second one counts, and how often it must have been taken."""

    days: float = Field(30.0, gt=0, description="after one was taken, in which another counts")
    least: float = Field(
        0.05,
        ge=0,
        le=1,
        description="share of those who took one and then another of its finest category, from "
        "which another may be shown",
    )
    shrink: float = Field(
        50.0,
        ge=0,
        description="takings at the share of all categories that are added to each, and to all "
        "together as many after which a second one was taken",
    )


class OneOfAKind(Rule[Settings]):
    """Leaves out the categories of the anchors, and of what the visitor took so many days ago at
    most, where hardly anybody takes a second: in the same basket, or soon after.

    How often is counted in the log; a category of which it knows little is taken to be as all
    are together, and a log that knows little forbids nothing. The last days of the log are not
    counted, as nobody knows yet what follows.
    state: `category` [items]; `single` [categories + 1] whether one is enough, category 0 never;
    `takes` [event types] which events take.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        kinds = int(catalogue.category.max(initial=0)) + 1
        none = {"single": np.zeros(kinds, np.bool_), "takes": np.zeros(len(EVENT_TYPES), np.bool_)}
        return cls(settings, {"category": catalogue.category, **none})

    def counted(self, dataset: Dataset) -> Self:
        takes = np.isin(np.arange(len(EVENT_TYPES)), dataset.meaning.targets)
        took = dataset.keep(takes[dataset.kind])
        single = _share(self.settings, took, self.state["category"]) < self.settings.least
        single[0] = False
        return type(self)(self.settings, {**self.state, "single": single, "takes": takes})

    def renewed(self, catalogue: Catalogue, run: Run) -> Self:
        """What was counted stays; of a new category nothing is known."""
        fresh = type(self).fit(self.settings, catalogue, run)
        single = np.zeros(max(len(fresh.state["single"]), len(self.state["single"])), np.bool_)
        single[: len(self.state["single"])] = self.state["single"]
        state = {**fresh.state, "single": single, "takes": self.state["takes"]}
        return type(self)(self.settings, state)

    @cached_property
    def _members(self) -> Ragged:
        """[categories + 1] rows of items, found once."""
        category = self.state["category"]
        order = np.argsort(category, kind="stable").astype(np.int32)
        counts = np.bincount(category, minlength=len(self.state["single"]))
        return Ragged(offsets_of(counts), order)

    def restrict(self, queries: Queries) -> Queries:
        """The same with more in `exclude`."""
        category, single, past = self.state["category"], self.state["single"], queries.history
        recent = past.times >= queries.times[past.rows] - round(self.settings.days * DAY)
        taken = past.keep(recent & self.state["takes"][past.kinds]).ragged()
        about = queries.anchors.union(taken)
        about = about.keep(single[category[about.values]])
        own = Ragged(about.offsets, category[about.values])
        rows = np.unique(np.stack([own.rows, own.values]), axis=1)
        members = self._members
        many = np.bincount(rows[0], members.lengths[rows[1]], minlength=len(queries))
        outside = Ragged(
            offsets_of(many.astype(np.int64)), members.values[ranges(members.offsets, rows[1])]
        )
        return replace(queries, exclude=queries.exclude.union(outside))

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        return ranking.keep(queries.permits(ranking.query, ranking.item))


def _share(settings: Settings, took: Dataset, category: Int32s) -> Floats:
    """[categories + 1] of those who took one, how many took another."""
    kind, window = category[took.item], round(settings.days * DAY)
    order = np.lexsort((took.time, kind, took.user))
    kind, time = kind[order], took.time[order]
    same = (np.diff(took.user[order]) == 0) & (np.diff(kind) == 0)
    gap, other = np.diff(time), np.diff(took.item[order]) != 0
    follows: Bools = same & (gap <= window) & (other | (gap > 0))
    beside: Bools = same & (gap == 0) & other
    second = np.r_[follows, False] | np.r_[False, beside]
    counted = time <= took.end - window
    counted = counted if counted.any() else np.ones(len(time), np.bool_)
    size = int(category.max(initial=0)) + 1
    known = counted & (kind > 0)
    took_one = np.bincount(kind[known], minlength=size)
    took_two = np.bincount(kind[known], second[known], minlength=size)
    usual = _shrunk(took_two.sum(), took_one.sum(), 1.0, settings.shrink)
    return np.asarray(_shrunk(took_two, took_one, usual, settings.shrink), np.float32)


def _shrunk(some: Any, of: Any, usual: Any, shrink: float) -> Any:
    """Shares, with so many more at the usual one."""
    return (some + shrink * usual) / np.maximum(of + shrink, 1e-9)
