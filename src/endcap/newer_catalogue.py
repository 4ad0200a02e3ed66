"""A system over a catalogue that has changed since it was fitted.

Rules learn nothing, so they are made anew from the items as they are now. Models have learned, and
can't know what came after. Those that can do something sensible with new items say so (`adopt`);
the others are asked as if the new items did not exist, so that no code reaches them that they do
not know.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np

from endcap.recommender import Recommender
from endcap.stages import Ranker, Retriever, Run
from endcap.tables.asked import Asked
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.types import Candidates, Int8s, Int32s, Moved, Queries, Ragged, Ranking, offsets_of


def over(system: Recommender, catalogue: Catalogue) -> Recommender:
    """The same system over a later state of its catalogue.

    catalogue: the items of the system's own under the same codes, and perhaps more behind them.
    """
    new = np.arange(len(system.catalogue), len(catalogue), dtype=np.int32)
    rules = system.rules_over(catalogue)
    if len(new):
        ranker = system.ranker and _introduced_to_ranker(system.ranker, catalogue, new)
        retrievers = {
            name: introduced(one, catalogue, new) for name, one in system.retrievers.items()
        }
        system = replace(system, retrievers=retrievers, ranker=ranker)
    return replace(system, catalogue=catalogue, rules=rules)


def introduced(model: Retriever[Any], catalogue: Catalogue, new: Int32s) -> Retriever[Any]:
    """A retriever where there are further items, which it takes up or does not hear of."""
    return model.adopt(catalogue, new) or Unaware(model, int(new[0]))


def _introduced_to_ranker(ranker: Ranker[Any], catalogue: Catalogue, new: Int32s) -> Ranker[Any]:
    return ranker.adopt(catalogue, new) or UnawareRanker(ranker, int(new[0]))


class Unaware(Retriever[Any]):
    """A retriever that knows the first `items` codes, and hears of no others."""

    def __init__(self, known: Retriever[Any], items: int) -> None:
        super().__init__(known.settings, known.state)
        self.known, self.items = known, items

    @property
    def hears_context(self) -> bool:
        return self.known.hears_context

    @classmethod
    def fit(cls, settings: Any, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        raise TypeError("It is made of a retriever that has been fitted")

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return self.known.retrieve(queries.within(self.items), n)

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        rows = np.flatnonzero(items < self.items)
        queries = queries.take(rows).within(self.items)
        return type(self)(self.known.learn(queries, items[rows], kinds[rows]), self.items)

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        return self

    def because(self, queries: Queries, ranking: Ranking) -> Ragged | None:
        heard = ranking.item < self.items
        found = self.known.because(queries.within(self.items), ranking.keep(heard))
        if found is None:
            return None
        lengths = np.zeros(len(ranking), np.int64)
        lengths[heard] = found.lengths
        return Ragged(offsets_of(lengths), found.values)

    def moved(self, queries: Queries, ranking: Ranking) -> Moved | None:
        heard = ranking.item < self.items
        found = self.known.moved(queries.within(self.items), ranking.keep(heard))
        if found is None or len(queries.history.keep(queries.history.items >= self.items).items):
            return None  # ages are counted among the events that it knows
        lengths = np.zeros(len(ranking), np.int64)
        lengths[heard] = np.diff(found.offsets)
        return Moved(offsets_of(lengths), found.age, found.by)


class UnawareRanker(Ranker[Any]):
    """A ranker that knows the first `items` codes, and hears of no others."""

    def __init__(self, known: Ranker[Any], items: int) -> None:
        super().__init__(known.settings, known.state)
        self.known, self.items = known, items

    @classmethod
    def fit(
        cls, settings: Any, dataset: Dataset, asked: Asked, candidates: Candidates, run: Run
    ) -> Self:
        raise TypeError("It is made of a ranker that has been fitted")

    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        heard = candidates.ranking.item < self.items
        known = self.known.rank(queries.within(self.items), candidates.keep(heard), catalogue)
        return known.extended(candidates.ranking.keep(~heard))

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        return self
