"""What a visitor leans to by category, brand, tags and words, among what nobody has had yet.

For shops whose new products are kinds, makes and sizes of what people already take.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field
from scipy import sparse

from endcap import config
from endcap.content.telling import Read, Telling
from endcap.nn.votes import elect, shared, votes_of
from endcap.stages import Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Floats, History, Int8s, Int32s, Queries, Ragged, Ranking
from endcap.types.sparse import Matrix, pack, row_of, unpack
from endcap.types.state import State


class Settings(Read):
    """What of the catalogue is read, and how a past is weighed."""

    history: int = Field(2_000, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.998, gt=0, le=1, description="what each older event of them keeps")
    shrink: float = Field(
        20.0, gt=0, description="events as everybody has them that are added to a visitor's own"
    )


class Newcomers(Retriever[Settings]):
    """How much more of each label a visitor takes than everybody does, summed over an item's.

        log(1 + mine(snacks) / (shrink × all(snacks))) + the same of snacks > crisps, of Acme, …

    It is the likelihood of the item's labels as said by the visitor's past, smoothed by what all
    visitors take (Dirichlet prior: Zhai & Lafferty, SIGIR 2001). Each depth of a category, the
    brand, the tags and the words count as one label: the mean of those that the item has. The
    item itself is a label too, of those that had it.
    What fills all baskets says little here; the cosine of `Content` hears of the catalogue alone.
    state: the labels of items as a packed matrix [items, labels]; those of `Telling`; `count`
    [labels + items] events with each; `events` [1] all of them.
    """

    settings_type = Settings
    search = config.space(
        recency=config.Between(0.9, 1.0),
        shrink=config.Between(1.0, 300.0, log=True),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.telling = Telling(settings, state)

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        run.report("newcomers: reading labels", 0.5)
        telling, given = Telling.fit(settings, dataset.catalogue.table)
        labels = _evenly(given, telling)
        none = np.zeros(sum(labels.shape), np.int64)
        state = {**pack(labels), **telling.state, "count": none, "events": np.zeros(1, np.int64)}
        return cls(settings, state)._with(dataset.item)

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        return self._with(items)

    def _with(self, items: Int32s) -> Self:
        """The same with more events."""
        met, often = np.unique(items, return_counts=True)
        count = self.state["count"] + (often @ self.has[met]).astype(np.int64)
        return self._but(count=count, events=self.state["events"] + len(items))

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        """By the labels that items of the fit have."""
        own = _evenly(self.telling.weigh(catalogue.some(new).table), self.telling)
        labels: Matrix = sparse.vstack([self.labels, own], format="csr")
        grown = self._but(**pack(labels), count=np.r_[self.state["count"], np.zeros_like(new)])
        for name in ("labels", "has", "by_label"):
            vars(grown).pop(name, None)
        return grown

    def taught(self, arrays: State) -> Self:
        """Labels that are the same ones are not gone through again."""
        same = arrays["value"] is self.state["value"]
        return self._but(**arrays) if same else super().taught(arrays)

    def _but(self, **changes: object) -> Self:
        """The same with other arrays, and with what was made of those that stay."""
        other = copy(self)
        other.state = {**self.state, **changes}  # type: ignore[dict-item]
        vars(other).pop("usual", None)
        return other

    @cached_property
    def labels(self) -> Matrix:
        """[items, labels] what each is worth."""
        return unpack(self.state, len(self.telling.rarity))

    @cached_property
    def has(self) -> Matrix:
        """[items, labels + items] 1 for each label of an item, and for itself."""
        ones: Matrix = self.labels.copy()
        ones.data = np.ones_like(ones.data)
        return _with_itself(ones)

    @cached_property
    def by_label(self) -> Matrix:
        """[labels + items, items] what each is worth."""
        by_label: Matrix = _with_itself(self.labels).T.tocsr()
        return by_label

    @cached_property
    def usual(self) -> Floats:
        """[labels + items] of all events, the share that has each."""
        share = (self.state["count"] + 1) / (self.state["events"] + 1)
        return np.asarray(share, np.float32)

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return elect(self._leanings(queries.history), self.by_label, queries, n)

    def because(self, queries: Queries, ranking: Ranking) -> Ragged:
        telling: Matrix = self.has.copy()
        telling.data = -np.log(self.usual)[telling.indices]
        return shared(self._votes(queries.history), telling, self.by_label, ranking)

    def _leanings(self, history: History) -> Matrix:
        """[queries, labels + items]"""
        own: Matrix = (self._votes(history) @ self.has).tocsr()
        own.data = np.log1p(own.data / (self.settings.shrink * self.usual[own.indices]))
        return own

    def _votes(self, history: History) -> Matrix:
        items = self.labels.shape[0]
        return votes_of(history, self.settings.history, self.settings.recency, items)


def _with_itself(labels: Matrix) -> Matrix:
    items = labels.shape[0]
    both: Matrix = sparse.hstack([labels, sparse.eye_array(items, dtype=np.float32)], format="csr")
    return both


def _evenly(given: Matrix, telling: Telling) -> Matrix:
    """[items, labels] of each kind that an item has labels of, all together 1."""
    kinds = {kind: code for code, kind in enumerate(sorted({*map(_kind, telling.codes)}))}
    kind = np.array([kinds[_kind(name)] for name in telling.codes], np.int64)
    place = row_of(given).astype(np.int64) * (len(kinds) + 1) + kind[given.indices]
    _, own, size = np.unique(place, return_inverse=True, return_counts=True)
    even: Matrix = given.copy()
    even.data = (1 / size[own]).astype(np.float32)
    return even


def _kind(name: str) -> tuple[str, int]:
    """What a label says something of.

    >>> _kind("categories: home > lamps"), _kind("red")
    (('categories', 1), ('', 0))
    """
    column, colon, value = name.partition(": ")
    return (column, value.count(" > ")) if colon else ("", 0)
